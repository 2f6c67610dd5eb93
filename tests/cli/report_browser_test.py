"""`moat report` in a real browser: what the page shows, and what it does for a mouse, a keyboard, a printer and a narrow window.

    report_browser_test.py MOAT [ReportBrowser.test_name…]

Skipped (77) where Debian's chromium is not installed, or with MOAT_SKIP_HEAVY (`./dev test` without `all`).

MOAT_TEST_SHOTS=FOLDER keeps pictures of the pages there, to be looked at.
"""
import contextlib
import json
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "transcripts")]
import browser  # noqa: E402
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

PAGES = {}
STRIKE = "</script><img src=x onerror=\"globalThis.struck=1\"><script>globalThis.struck=1</script><!--"
BIDI = "\u202e\u2066\u200f\u061c"
SUMMARIES = {"lib": "a second thing", "app": "the first", "evil": f"harmless {STRIKE} {BIDI}gnp.exe", "long": "word " * 10 + "s" * 10000}
LICENCES = {"lib": "MIT", "app": "BSD-3-Clause", "evil": f"MIT {STRIKE} {BIDI}TIM", "long": "L" * 10000}

# In the page: what a test asks of it again and again.
QUESTIONS = r"""
globalThis.ask = {
  shown: e => e.getClientRects().length > 0,
  rows: () => [...document.querySelectorAll("#rows tr[id]")].map(r => r.querySelector(".name").textContent),
  rect: e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; },
  boxes: () => [...document.querySelectorAll("#map > *")].map(b => ({ text: b.textContent, rect: ask.rect(b),
    label: [...b.children].filter(ask.shown).map(ask.rect) })),
  in_view: e => { const r = e.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; },
  // [text, contrast] of all text there is, as WCAG reckons.
  contrasts: () => {
    const numbers = c => { const n = c.match(/[\d.]+/g).map(Number), most = c.startsWith("color(") ? 255 : 1;
      return [n[0] * most, n[1] * most, n[2] * most, n[3] ?? 1]; };
    const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
    const light = c => c.slice(0, 3).map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
    const probe = document.createElement("div"); probe.style.background = "Canvas"; document.body.append(probe);
    const canvas = numbers(getComputedStyle(probe).backgroundColor); probe.remove();
    const ground = e => e ? over(numbers(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : canvas;
    const of = (e, colour) => { let c = numbers(colour); for (let up = e; up; up = up.parentElement) c[3] *= Number(getComputedStyle(up).opacity);
      const back = ground(e), [a, b] = [light(over(c, back)), light(back)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); };
    const out = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) { const e = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
      if (text && ask.shown(e) && e.tagName !== "SCRIPT") out.push([text.slice(0, 60), of(e, getComputedStyle(e).color)]); }
    for (const e of document.querySelectorAll("*")) for (const part of ["::before", "::after"]) { const s = getComputedStyle(e, part);
      if (ask.shown(e) && !["none", "normal", '""'].includes(s.content)) out.push([part + s.content, of(e, s.color)]); }
    for (const e of document.querySelectorAll("input")) out.push(["placeholder", of(e, getComputedStyle(e, "::placeholder").color)]);
    return out; },
};
"""


class ReportBrowser(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        (self.root / "browser").mkdir()
        self.wheels = self.work / "wheels"
        self.wheels.mkdir()
        self.small = [f"small-{i}" for i in range(40)]
        for name, requires in (("app", ["lib", *self.small]), ("lib", []), ("other", []), ("evil", []), ("long", []), *((s, []) for s in self.small)):
            # "app" is large, so that its box is; many small ones, whose boxes are smaller than their labels
            self.add(name, "10.0" if name == "other" else "9.0", requires, {"app/ballast": "b" * 4_000_000} if name == "app" else
                     {"lib/ballast": "b" * 2_000_000} if name == "lib" else {})
        self.env["MOAT_NO_INDEX"], self.env["MOAT_FIND_LINKS"] = "1", str(self.wheels)

    def add(self, name, version, requires=(), more=None):
        filename, content = loopback_index.wheel(name, version, "py3-none-any", requires, "", [], more=more)
        (self.wheels / filename).write_bytes(content)

    def make(self):
        self.create()
        self.install("app", "other", "evil", "long")
        for name, summary in SUMMARIES.items():
            metadata = next((self.work / "env").rglob(f"{name}-9.0.dist-info/METADATA"))
            metadata.write_text(metadata.read_text().replace("Name:", f"License-Expression: {LICENCES[name]}\nSummary: {summary}\nName:", 1))

    def environment(self):
        """Its page. The same for each test that only looks at it: it is made once."""
        if "environment" not in PAGES:
            self.make()
            PAGES["environment"] = self.report("--env", "env").read_bytes()
        page = self.work / "environment.html"
        page.write_bytes(PAGES["environment"])
        return page

    def report(self, *words, name="page.html"):
        self.moat("report", *words, "-o", name)
        return self.work / name

    def lock(self):
        """Two versions of `lib`, hostile markers, and sizes but for `other`."""
        (self.work / "r.in").write_text("app\nother\n")
        self.moat("lock", "-r", "r.in", "-o", "pylock.toml")
        text = (self.work / "pylock.toml").read_text()
        head, *packages = text.split("[[packages]]")
        packages = [p.replace("hashes = ", "size = 5_000_000, hashes = ", 1) if '\nname = "other"\n' not in p else p for p in packages]
        lib = next(p for p in packages if '\nname = "lib"\n' in p)
        marked = "\nmarker = %s" % json.dumps(f"sys_platform == '{STRIKE.replace(chr(34), '`')}{BIDI}'", ensure_ascii=False)
        packages[packages.index(lib)] = lib.replace('version = "9.0"', 'version = "9.0"' + marked)
        packages.append(lib.replace("9.0", "10.0").replace('version = "10.0"', 'version = "10.0"\nmarker = "sys_platform == \'win32\'"'))
        (self.work / "pylock.toml").write_text("[[packages]]".join([head, *packages]))
        return self.work / "pylock.toml"

    @contextlib.contextmanager
    def page(self, path, **size):
        """The page in a browser. At its end it has said nothing and asked for nothing."""
        with browser.Browser(self.root / "browser") as chromium:
            page = chromium.open(path, **size)
            page.js(QUESTIONS)
            yield page
            page.js("new Promise(done => setTimeout(done))")
            self.assertEqual((page.said(), page.asked_for()), ([], [path.as_uri()]))
            self.assertEqual(page.js("[document.scripts.length, document.querySelectorAll('img, link, iframe, object, embed').length, "
                                     "typeof struck]"), [2, 0, "undefined"])
            self.assertTrue(page.js("document.title").startswith("moat report: "))

    def picture(self, page, name):
        if os.environ.get("MOAT_TEST_SHOTS"):
            (pathlib.Path(os.environ["MOAT_TEST_SHOTS"]) / f"{name}.png").write_bytes(page.screenshot())

    def text(self, page, selector):
        return page.js(f"document.querySelector({json.dumps(selector)}).innerText")

    def rows(self, page):
        return page.js("ask.rows()")

    def no_sideways(self, page, about):
        self.assertLessEqual(*page.js("[document.documentElement.scrollWidth, document.documentElement.clientWidth]"), about)

    def open_all(self, page):
        page.js("for (const n of ask.rows().keys()) document.querySelectorAll('#rows .name')[n].click()")
        self.assertEqual(page.js("document.querySelectorAll('#rows .more').length"), len(self.rows(page)))

    def readable(self, page, about):
        poor = [(text, round(ratio, 2)) for text, ratio in page.js("ask.contrasts()") if ratio < 4.5]
        self.assertEqual(poor, [], about)

    # ---- a screen and a mouse

    def test_what_is_shown(self):
        with self.page(self.environment()) as page:
            self.picture(page, "environment")
            self.assertEqual(len(self.rows(page)), 45)
            self.assertIn("45 (4 asked for)", self.text(page, "#facts"))
            left, top, right, bottom = page.js("ask.rect(document.getElementById('map'))")
            boxes = page.js("ask.boxes()")
            self.assertEqual(len(boxes), 46, "Python's too")
            for i, box in enumerate(boxes):
                x, y, u, v = box["rect"]
                self.assertTrue(x >= left - 1 and y >= top - 1 and u <= right + 1 and v <= bottom + 1, f"{box['text']} is out of the picture")
                for (a, b, c, d) in box["label"]:
                    self.assertTrue(a >= x - 1 and b >= y - 1 and c <= u + 1 and d <= v + 1, f"the label {box['text']} is cut off")
                for other in boxes[:i]:
                    a, b, c, d = other["rect"]
                    self.assertFalse(min(u, c) - max(x, a) > 1 and min(v, d) - max(y, b) > 1, f"{box['text']} covers {other['text']}")
            self.assertTrue([b for b in boxes if b["text"].startswith("app 4") and b["label"]], "large boxes have labels")
            self.assertEqual(self.rows(page)[:2], ["app", "lib"], "the largest first")
            self.no_sideways(page, "on a wide screen")
            self.assertIn("interpreter", self.text(page, "#checks"))
            self.assertIn("BSD-3-Clause", self.text(page, "#licences"))
            self.assertIn(STRIKE, self.text(page, "#licences"), "whole, as on paper nothing can be opened")
            page.click("#licences a")
            self.assertEqual(page.js("document.querySelectorAll('#rows .more').length"), 1)

    def test_search(self):
        with self.page(self.environment()) as page:
            page.click("#search")
            for typed, found in (("SECOND", ["lib"]), (" mit", ["lib"]), (" nothing-of-the-sort", [])):
                page.write(typed)
                self.assertEqual(self.rows(page), found, typed)
                self.assertEqual(self.text(page, "#count"), f"{len(found)} of 45")
            page.key("Escape")
            self.assertEqual((page.js("document.getElementById('search').value"), len(self.rows(page))), ("", 45))
            page.write("small-1")
            self.assertEqual(sorted(self.rows(page)), sorted(s for s in self.small if s.startswith("small-1")))
            page.write("\\")
            self.assertEqual(self.rows(page), [], "what is typed is no pattern")

    def test_clicks(self):
        with self.page(self.environment()) as page:
            # a box: the search is forgotten, the row is opened, and can be seen
            page.click("#search")
            page.write("other")
            lib = [b["text"].split()[0] for b in page.js("ask.boxes()")].index("lib")
            page.click(f"#map > :nth-child({lib + 1})")
            self.assertEqual((page.js("document.getElementById('search').value"), len(self.rows(page))), ("", 45))
            self.assertTrue(page.js("ask.in_view(document.getElementById('p-lib'))"))
            more = self.text(page, "#rows .more")
            self.assertIn("app → lib", more)
            self.assertIn("a second thing", more)
            self.picture(page, "opened")
            # a name closes and opens its row
            page.click("#p-lib .name")
            self.assertFalse(page.js("document.querySelector('#rows .more')"))
            self.assertEqual(page.js("document.querySelector('#p-lib .name').getAttribute('aria-expanded')"), "false")
            # who needs it: there
            page.click("#p-lib a")
            self.assertTrue(page.js("ask.in_view(document.getElementById('p-app'))"))
            self.assertIn("the first", self.text(page, "#rows .more"))
            self.assertIn("asked for", self.text(page, "#rows .more"))
            # Python is no row: what was searched for stays
            page.click("#search")
            page.write("lib")
            python = [b["text"].split()[0] for b in page.js("ask.boxes()")].index("Python")
            page.click(f"#map > :nth-child({python + 1})")
            self.assertEqual(page.js("document.getElementById('search').value"), "lib")

    def test_sorting(self):
        with self.page(self.environment()) as page:
            def sorted_by():
                return page.js("[...document.querySelectorAll('th[aria-sort]')].map(t => [t.innerText.trim(), t.getAttribute('aria-sort')])")
            everything = sorted(self.rows(page), key=lambda n: [int(p) if p.isdigit() else p for p in re.split(r"-", n)])
            self.assertEqual(sorted_by(), [["Size", "descending"]])
            page.click("[data-key=name]")
            self.assertEqual((self.rows(page), sorted_by()), (everything, [["Name", "ascending"]]))
            page.click("[data-key=name]")
            self.assertEqual((self.rows(page), sorted_by()), (everything[::-1], [["Name", "descending"]]))
            page.click("[data-key=version]")
            self.assertEqual(self.rows(page)[-1], "other", "10.0 is more than 9.0")
            page.click("[data-key=licence]")
            self.assertEqual(sorted_by(), [["Licence", "ascending"]])
            page.click("[data-key=bytes]")
            self.assertEqual(self.rows(page)[:2], ["app", "lib"])

    # ---- a keyboard

    def test_keyboard(self):
        with self.page(self.environment()) as page:
            def at():
                return page.js("document.activeElement.textContent || document.activeElement.id || document.activeElement.tagName")
            page.key("Tab")
            self.assertEqual(at(), "search")
            page.write("lib second")
            for there in ("Name", "Version", "Size", "Licence", "lib", "app"):
                page.key("Tab")
                self.assertEqual(at(), there)
                ring = page.js("[document.activeElement.matches(':focus-visible'), getComputedStyle(document.activeElement).outlineStyle]")
                self.assertTrue(ring[0] and ring[1] != "none", f"{there}: the focus cannot be seen")
            page.key("Tab", shift=True)
            for key, opened in (("Enter", 1), ("Enter", 0), (" ", 1)):
                page.key(key)
                self.assertEqual((at(), page.js("document.querySelectorAll('#rows .more').length")), ("lib", opened),
                                 "the focus stays for the next key")
            page.key("Tab")
            page.key("Enter")
            self.assertEqual((at(), page.js("document.querySelectorAll('#rows .more').length")), ("app", 2))
            self.assertTrue(page.js("ask.in_view(document.activeElement)"))
            # a heading sorts, and keeps the focus
            page.js("document.querySelector('[data-key=name]').focus()")
            page.key("Enter")
            self.assertEqual((at(), self.rows(page)[0]), ("Name", "app"))

    # ---- paper, a telephone, the night

    def test_print(self):
        with self.page(self.environment()) as page:
            page.click("#p-lib .name")
            on_screen = page.js("['title', 'facts', 'rows', 'licences', 'checks'].map(id => document.getElementById(id).innerText)")
            page.media("print", prefers_color_scheme="dark")
            self.picture(page, "print")
            self.assertEqual(page.js("['title', 'facts', 'rows', 'licences', 'checks'].map(id => document.getElementById(id).innerText)"), on_screen)
            self.assertEqual(page.js("getComputedStyle(document.body).color"), "rgb(0, 0, 0)", "the night's colours are none for paper")
            self.readable(page, "printed")
            headings = page.js("[...document.querySelectorAll('h2')].filter(ask.shown).map(h => [h.innerText, "
                               "[...h.parentElement.children].some(e => e !== h && ask.shown(e) && e.getBoundingClientRect().height > 10)])")
            self.assertEqual(headings, [["Packages", True], ["Licences", True], ["Checks", True]], "no heading without what it is of")
            self.assertFalse(page.js("ask.shown(document.getElementById('search'))"))
            page.resize(700)
            self.no_sideways(page, "on a sheet of paper")
            page.media()
            page.resize(1280)
            paper = page.pdf()
            self.assertTrue(paper.startswith(b"%PDF-"))
            self.assertGreater(len(re.findall(rb"/Type\s*/Page\b", paper)), 1)
            # what is left out because of a search is not left out unsaid
            page.click("#search")
            page.write("second")
            page.media("print")
            self.assertTrue(page.js("ask.shown(document.getElementById('search'))"))
            self.assertEqual(self.text(page, "#count"), "1 of 45")

    def test_narrow(self):
        for name, path in (("environment", self.environment()), ("lock", self.report(self.lock(), name="lock.html"))):
            with self.page(path, width=375, height=700) as page:
                self.picture(page, f"narrow-{name}")
                self.no_sideways(page, name)
                self.open_all(page)
                for width in (375, 320):
                    page.resize(width, 700)
                    self.no_sideways(page, f"{name}, {width} wide, all open")
                self.picture(page, f"narrow-{name}-open")
                self.assertEqual(page.js("[...document.querySelectorAll('#rows td, #rows .name, th button, #checks td')].filter(e => "
                                         "ask.shown(e) && (ask.rect(e)[0] < 0 || ask.rect(e)[2] > innerWidth + 1)).map(e => e.innerText)"), [])
                page.click("[data-key=name]")
                self.assertEqual(self.rows(page)[0], "app")
                page.click("#p-app .name")
                self.assertEqual(page.js("document.querySelector('#p-app .name').getAttribute('aria-expanded')"), "false")

    def test_contrast(self):
        for path in (self.environment(), self.report(self.lock(), name="lock.html")):
            with self.page(path) as page:
                self.open_all(page)
                for scheme in ("light", "dark"):
                    page.media(prefers_color_scheme=scheme)
                    self.picture(page, f"{path.stem}-{scheme}")
                    self.readable(page, f"{path.name}, {scheme}")
                dark = page.js("[getComputedStyle(document.body).color, matchMedia('(prefers-color-scheme: dark)').matches]")
                self.assertEqual(dark, ["rgb(255, 255, 255)", True])

    # ---- what packages say

    def check_hostile(self, page, name, words):
        page.click(f"#p-{name} .name")
        shown = self.text(page, f"#p-{name} + .more")
        for word in words:
            self.assertIn(word, shown)
        everything = page.js("document.body.innerText")
        self.assertFalse(set(everything) & set(BIDI), "what turns text around is not obeyed")

    def test_hostile_text(self):
        self.make()
        # the place of an environment is text as well; a slash ends a name
        place = "env" + STRIKE.replace("/", "∕").replace("src=x", "src=y") + BIDI
        (self.work / "env").rename(self.work / place)
        with self.page(self.report("--env", f"./{place}")) as page:
            self.assertIn("onerror=", self.text(page, "#title"))
            self.assertIn("\\u202e", self.text(page, "#title"))
            turned = "".join(f"\\u{ord(c):04x}" for c in BIDI)
            self.check_hostile(page, "evil", [f"harmless {STRIKE} {turned}gnp.exe", f"MIT {STRIKE} {turned}TIM"])
            self.picture(page, "hostile")
            self.assertLess(page.js("document.getElementById('p-long').getBoundingClientRect().height"), 200, "no licence fills the table")
            self.check_hostile(page, "long", ["s" * 10000, "L" * 10000])
            self.no_sideways(page, "10,000 characters")
            page.click("#search")
            page.write(STRIKE)
            self.assertEqual(self.rows(page), ["evil"])

    def test_of_a_lock(self):
        with self.page(self.report(self.lock())) as page:
            self.picture(page, "lock")
            self.assertEqual(len(self.rows(page)), 44)
            facts = self.text(page, "#facts")
            self.assertRegex(facts, r"215 MB to download, at most; 1 of unknown size")
            self.assertFalse([w for w in ("Licence", "not said", "asked for") if w in self.text(page, "body")], "a lock says nothing of these")
            self.assertIn("not known", self.text(page, "#p-other"))
            # both versions of lib are there, and each opens by itself
            self.assertEqual(self.rows(page).count("lib"), 2)
            ids = page.js("[...document.querySelectorAll('[id]')].map(e => e.id)")
            self.assertEqual(len(ids), len(set(ids)))
            self.check_hostile(page, "lib", [STRIKE.replace('"', "`"), "\\u202e"])
            self.assertEqual(page.js("document.querySelectorAll('#rows .more').length"), 1)
            self.assertIn("app → lib", self.text(page, "#rows .more"))
            page.click("#p-lib .name")
            page.click("#p-app .name")
            page.click("#p-app + .more a")
            self.assertEqual(page.js("document.querySelectorAll('#rows .more').length"), 3, "app, and both of lib")
            page.click("#p-other .name")
            self.assertIn("everywhere", self.text(page, "#p-other + .more"))

    def test_of_nothing_measured(self):
        lock = self.lock()
        lock.write_text(lock.read_text().replace("size = 5_000_000, ", ""))
        with self.page(self.report(lock)) as page:
            self.assertFalse(page.js("ask.shown(document.getElementById('map'))"), "no empty picture")
            self.assertNotIn("0 B", self.text(page, "body"))

    def test_newer_versions(self):
        self.make()
        lock = self.lock()
        self.add("lib", "11.0")
        for words in (("--env", "env"), (lock,)):
            with self.page(self.report(*words, "--outdated")) as page:
                self.picture(page, "outdated")
                self.assertIn("(newest: 11.0)", self.text(page, "#p-lib"))
                self.assertEqual(page.js("[...document.querySelectorAll('#rows tr[id]')].filter(r => /newest/.test(r.innerText))"
                                         ".map(r => r.querySelector('.name').textContent)"), ["lib"] * self.rows(page).count("lib"))
                self.assertRegex(self.text(page, "#facts"), r"Outdated\s+lib\n")
                page.resize(375)
                self.no_sideways(page, "newer versions")
        with self.page(self.report("--env", "env")) as page:
            self.assertNotIn("Outdated", self.text(page, "#facts"))


if __name__ == "__main__":
    if os.environ.get("MOAT_SKIP_HEAVY") or not browser.program():
        print("runs with ./dev test all, and chromium")
        sys.exit(77)
    sandbox.main()
