"""`moat report`: the page holds the facts, asks for nothing from outside, and its script runs (in node, over a small stand-in for a browser).

    report_test.py MOAT [Report.test_name…]
"""
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "transcripts")]
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

# As much of a document as the page uses; then what a person would do, and what the page shows.
BROWSER = r"""
const fs = require("fs"), page = fs.readFileSync(process.argv[2], "utf8"), made = new Map();
class Element {
  constructor(tag) { Object.assign(this, { tag, kids: [], own: "", style: {}, dataset: {}, on: {}, value: "", attributes: {} }); }
  set id(name) { this._id = name; made.set(name, this); } get id() { return this._id; }
  set textContent(text) { this.own = text; this.kids = []; }
  get textContent() { return this.own + this.kids.map(k => typeof k === "string" ? k : k.textContent).join(""); }
  get children() { return this.kids.filter(k => typeof k !== "string"); } focus() {} removeAttribute(k) { delete this.attributes[k]; }
  append(...more) { this.kids.push(...more); } replaceChildren(...more) { this.kids = more; }
  addEventListener(kind, f) { this.on[kind] = f; } setAttribute(k, v) { this.attributes[k] = v; } scrollIntoView() { this.seen = true; }
  all(tag) { return this.kids.flatMap(k => typeof k === "string" ? [] : [...(k.tag === tag ? [k] : []), ...k.all(tag)]); }
}
for (const id of page.matchAll(/ id="([^"]+)"/g)) { const e = new Element("div"); e.id = id[1]; }
made.get("data").textContent = page.match(/<script type="application\/json" id="data">([^<]*)</)[1];
const heads = [...page.matchAll(/data-key="([^"]+)"/g)].map(m => Object.assign(new Element("button"), { dataset: { key: m[1] }, parentElement: new Element("th") }));
global.document = { body: new Element("body"), getElementById: id => made.get(id), createElement: tag => new Element(tag), querySelectorAll: () => heads };
new Function(page.match(/<script>\n([^]*?)<\/script>/)[1])();
const rows = () => made.get("rows").kids.filter(r => r.id).map(r => r.kids[0].textContent), out = {};
out.title = made.get("title").textContent; out.all = rows(); out.map = made.get("map").kids.map(b => b.textContent);
out.inside = made.get("map").kids.every(b => { const [x, y, w, h] = b.style.cssText.match(/-?[\d.e+-]+(?=%)/g).map(Number); return x >= -0.01 && y >= -0.01 && x + w <= 100.01 && y + h <= 100.01; });
heads.find(h => h.dataset.key === "name").on.click(); out.by_name = rows();
made.get("search").value = "second MIT"; made.get("search").on.input(); out.found = rows(); out.count = made.get("count").textContent;
made.get("map").kids.find(b => b.textContent.startsWith("lib ")).on.click(); out.why = made.get("rows").textContent;
out.checks = made.get("checks").textContent; out.licences = made.get("licences").textContent;
console.log(JSON.stringify(out));
"""


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.outside, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.outside += [v for k, v in attrs if k in ("src", "href", "action", "data") and v and not v.startswith("#")]


class Report(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        wheels = self.work / "wheels"
        wheels.mkdir()
        for name, requires in (("app", ["lib"]), ("lib", []), ("other", [])):
            filename, content = loopback_index.wheel(name, "1.0", "py3-none-any", requires, "", [])
            (wheels / filename).write_bytes(content)
        self.env["MOAT_NO_INDEX"], self.env["MOAT_FIND_LINKS"] = "1", str(wheels)
        self.create()
        self.install("app", "other")
        for name, lines in (("lib", "License-Expression: MIT\nSummary: the second </script><script>throw 1</script> &lt; thing\n"),
                            ("app", "License-Expression: BSD-3-Clause\nSummary: the first\n")):
            metadata = next((self.work / "env").rglob(f"{name}-1.0.dist-info/METADATA"))
            metadata.write_text(metadata.read_text().replace("Name:", lines + "Name:", 1))

    def facts(self, page):
        return json.loads(re.search(r'<script type="application/json" id="data">([^<]*)</script>', page)[1])

    def test_facts_and_nothing_from_outside(self):
        self.assertEqual(self.moat("report", "--env", "env").strip(), str(self.work / "env-report.html"))
        page = (self.work / "env-report.html").read_text()
        links = Links()
        links.feed(page)
        self.assertEqual((links.outside, links.tags.count("script"), links.tags.count("link"), links.tags.count("img")), ([], 2, 0, 0))
        self.assertNotRegex(page.split('id="data">')[0] + page.rsplit("</script>", 2)[1], r"https?://|@import|url\(")
        facts = self.facts(page)
        by_name = {p["name"]: p for p in facts["packages"]}
        self.assertEqual((by_name["lib"]["needed_by"], by_name["app"]["requires"], by_name["app"]["requested"], by_name["lib"]["requested"]),
                         (["app"], ["lib"], True, False))
        self.assertEqual(by_name["lib"]["licence"], "MIT")
        self.assertIn("</script>", by_name["lib"]["summary"])
        self.assertGreater(facts["runtime_bytes"], 10_000_000)
        self.assertEqual(facts["bytes"], facts["runtime_bytes"] + sum(p["bytes"] for p in facts["packages"]))
        self.assertEqual(facts["checks"], json.loads(self.moat("doctor", "--env", "env", "--json", status=1))["findings"])
        self.assertIn("--reinstall", "".join(c["hint"] for c in facts["checks"] if c["check"] == "files"))

    def test_the_page_is_used(self):
        if not shutil.which("node"):
            self.skipTest("no node here to run the page's script in")
        self.moat("report", "--env", "env", "-o", "page.html")
        (self.work / "browser.js").write_text(BROWSER)
        done = subprocess.run(["node", self.work / "browser.js", self.work / "page.html"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        shown = json.loads(done.stdout)
        self.assertEqual(sorted(shown["all"]), ["app", "lib", "other"])
        self.assertEqual(shown["by_name"], ["app", "lib", "other"])
        self.assertEqual((shown["found"], shown["count"]), (["lib"], "1 of 3"))
        self.assertTrue(shown["inside"] and shown["map"][0].startswith("Python "))
        self.assertIn("app → lib", shown["why"])
        self.assertIn("MIT", shown["licences"])
        self.assertIn("interpreter", shown["checks"])
        self.assertTrue(shown["title"].endswith("/env"))

    def test_of_a_lock(self):
        (self.work / "r.in").write_text("app\nother\n")
        self.moat("lock", "-r", "r.in", "-o", "pylock.toml")
        lock = self.work / "pylock.toml"
        lock.write_text(lock.read_text().replace("hashes = ", "size = 1000, hashes = "))
        document = json.loads(self.moat("report", "pylock.toml", "--json"))
        self.assertEqual((document["lock"], document["file"]), (str(self.work / "pylock.toml"), str(self.work / "pylock-report.html")))
        page = (self.work / "pylock-report.html").read_text()
        facts = self.facts(page)
        by_name = {p["name"]: p for p in facts["packages"]}
        self.assertEqual(sorted(by_name), ["app", "lib", "other"])
        self.assertEqual((by_name["lib"]["needed_by"], by_name["app"]["requires"]), (["app"], ["lib"]))
        self.assertEqual(facts["asked_for"], ["app", "other"])
        self.assertEqual((by_name["app"]["bytes"], facts["bytes"]), (1000, 3000))
        if shutil.which("node"):
            (self.work / "browser.js").write_text(BROWSER)
            done = subprocess.run(["node", self.work / "browser.js", self.work / "pylock-report.html"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, universal_newlines=True, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("app → lib", json.loads(done.stdout)["why"])
        self.moat("report", "r.in", status=2)
        self.moat("report", "nosuch.toml", status=2)

    def test_newer_versions_are_shown_where_asked_for(self):
        filename, content = loopback_index.wheel("lib", "2.0", "py3-none-any", [], "", [])
        (self.work / "wheels" / filename).write_bytes(content)
        newest = lambda page: {p["name"]: p["newest"] for p in self.facts((self.work / page).read_text())["packages"]}  # noqa: E731
        self.moat("report", "--env", "env", "-o", "a.html")
        self.assertEqual(set(newest("a.html").values()), {""}, "nobody is asked")
        self.moat("report", "--env", "env", "-o", "b.html", "--outdated")
        self.assertEqual(newest("b.html"), {"app": "", "lib": "2.0", "other": ""})

    def test_of_another_tools_environment_and_of_none(self):
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", self.work / "theirs"], check=True)
        self.moat("report", "--env", "theirs")
        self.assertEqual(self.facts((self.work / "theirs-report.html").read_text())["packages"], [])
        before = sorted(p.name for p in self.work.iterdir())
        self.moat("report", "--env", "nosuch", status=2)
        self.moat("report", "--env", "env", "-o", "nosuch/page.html", status=3)
        self.moat("report", "--env", "env", "-o", "", status=2)
        self.moat("report", "--env", "env", "extra", status=2)
        self.assertEqual(sorted(p.name for p in self.work.iterdir()), before)


if __name__ == "__main__":
    sandbox.main()
