"""Every document of --json is what docs/json.md says, key by key: the page is read, and real commands are held against it.

    json_test.py MOAT [Class.test…]
"""
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "transcripts"))
import loopback_index  # noqa: E402
import fake_registry  # noqa: E402
import sandbox  # noqa: E402

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/json.md"
# Their standard output is a program's, or has forms of its own.
WITHOUT = {"run", "shell", "eval", "pip", "tool run", "completion", "hook"}


class Shape:
    """What a document, or a part of one, holds: key → (type, nullable, may be absent)."""

    def __init__(self, rows):
        self.keys, self.below = {}, {}
        for key, type_text in rows:
            name, rest = re.match(r"([^.\[]+)(.*)", key).groups()
            if rest:
                is_list, inner = rest.startswith("[]"), rest.removeprefix("[]").removeprefix(".")
                self.below.setdefault((name, is_list), []).append((inner, type_text))
            else:
                absent = type_text.endswith(", may be absent")
                type_text = type_text.removesuffix(", may be absent")
                self.keys[name] = (type_text.removesuffix(" or null"), type_text.endswith(" or null"), absent)


def read_page():
    """→ documents by command, parts by name"""
    documents, parts = {}, {}
    for block in re.split(r"^(?=##)", PAGE.read_text(), flags=re.M):
        heading = re.match(r"(##+) (.*)\n", block)
        rows = re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", block, re.M)
        if not heading or not rows:
            continue
        if heading[1] == "###":
            parts[heading[2]] = rows
        else:
            for command in heading[2].split(", "):
                documents[command] = rows
    return documents, parts


DOCUMENTS, PARTS = read_page()


def check_value(value, type_text, place):
    if type_text.startswith("list of "):
        if not isinstance(value, list):
            yield f"{place} is no list"
        for i, one in enumerate(value if isinstance(value, list) else []):
            yield from check_value(one, type_text[8:], f"{place}[{i}]")
    elif type_text.startswith("map of "):
        for key, one in value.items():
            yield from check_value(one, type_text[7:], f"{place}.{key}")
    elif type_text.startswith("*"):
        yield from check(value, PARTS[type_text.strip("*")], place)
    elif type_text == "flag":
        if not isinstance(value, bool):
            yield f"{place} is no flag: {value!r}"
    elif type_text == "number":
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{place} is no number: {value!r}"
    elif type_text in ("text", "path", "version"):
        if not isinstance(value, str) or (type_text == "path" and not value.startswith("/")):
            yield f"{place} is no {type_text}: {value!r}"
        elif type_text == "version" and not re.match(r"\d", value):
            yield f"{place} is no version: {value!r}"
    else:
        yield f"{place}: docs/json.md has a type that is not known: {type_text}"


def check(value, rows, place):
    """Sentences about what differs."""
    if not isinstance(value, dict):
        yield f"{place} is no object: {value!r}"
        return
    shape = Shape(rows)
    optional = {key for key, (_, _, absent) in shape.keys.items() if absent}
    # Of what is written `a.b`, a line says where `a` may be absent.
    if place.endswith("]") and ("file", False) in shape.below:
        optional.add("file")
    known = shape.keys.keys() | {name for name, _ in shape.below}
    for key in sorted(value.keys() - known):
        yield f"{place}.{key} is not described"
    for key in sorted(known - optional - value.keys()):
        yield f"{place}.{key} is missing"
    for key, (type_text, nullable, _) in shape.keys.items():
        if key in value and not (nullable and value[key] is None):
            yield from check_value(value[key], type_text, f"{place}.{key}")
    for (name, is_list), inner in shape.below.items():
        for i, one in enumerate(value.get(name, []) if is_list else [value[name]] if name in value else []):
            yield from check(one, inner, f"{place}.{name}[{i}]" if is_list else f"{place}.{name}")


class JsonTest(sandbox.SandboxTest):
    seen = {}  # command → keys that were seen there, as the page writes them

    def setUp(self):
        super().setUp()
        self.wheels = self.work / "wheels"
        self.wheels.mkdir()
        for name, version, requires in (("app", "1.0", ["lib>=1", "gone; python_version < '3'"]), ("lib", "1.0", []), ("lib", "2.0", []),
                                        ("old", "1.0", ["lib<2"])):
            filename, content = loopback_index.wheel(name, version, "py3-none-any", requires, "", [f"{name}={name}:main"] if name == "app" else [])
            (self.wheels / filename).write_bytes(content)
        self.env["MOAT_NO_INDEX"], self.env["MOAT_FIND_LINKS"] = "1", str(self.wheels)

    def document(self, command, *words, status=0, kind=None, **variables):
        """Runs it and holds what it says against the page; kind: the part of the page, if not the command's own."""
        said = self.moat(*command.split(), *words, "--json", status=status, **variables)
        document = json.loads(said)
        name = kind or command
        rows = DOCUMENTS.get(name) or self.fail(f"docs/json.md has no section for `{name}`")
        self.assertEqual(list(check(document, rows, name)), [], said)
        self.assertEqual(document["schema"], 1)
        return document


class Documents(JsonTest):
    ERROR = "When it fails"

    def test_changes(self):
        self.assertEqual(self.document("create", "env")["operations"], [])
        self.assertTrue(self.document("install", "--env", "env", "app", "old", "--dry-run")["operations"])
        self.assertTrue(self.document("install", "--env", "env", "app", "lib==1.0")["operations"])
        self.assertTrue(self.document("upgrade", "--env", "env", "lib")["operations"])
        self.assertTrue(self.document("uninstall", "--env", "env", "app")["operations"])
        (self.work / "in.txt").write_text("app\n")
        self.document("lock", "-r", "in.txt")
        self.document("lock", "-r", "in.txt", "--check")
        self.assertTrue(self.document("sync", "--env", "env")["operations"])
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", self.work / "theirs"], check=True)
        self.assertTrue(self.document("env info", "--env", "theirs")["foreign"])
        self.document("env adopt", "theirs")

    def test_projects(self):
        document = self.document("init", "shop", "-p", ">=3.6")
        self.assertEqual(document["name"], "shop")
        shop = self.work / "shop"
        with open(shop / "pyproject.toml", "a") as file:
            file.write('[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n[tool.moat]\npackage = false\n')
        (shop / "b.py").write_text("def build_sdist(folder, settings=None):\n    open(folder + '/shop-0.1.0.tar.gz', 'w').close()\n"
                                   "    return 'shop-0.1.0.tar.gz'\n")
        at = ["--project", str(shop)]
        document = self.document("add", *at, "app", "lib<2")
        self.assertEqual([line["requirement"] for line in document["pyproject"]], ["app>=1.0", "lib<2"])
        self.assertTrue(document["operations"])
        self.document("add", *at, "--dev", "old", "--dry-run")
        (self.work / "s.py").write_text("import lib\n")
        self.assertTrue(self.document("add", "--script", "s.py", "lib", kind="add --script")["metadata"])
        self.document("lock", "--script", "s.py")
        self.document("remove", "--script", "s.py", "lib", kind="remove --script")
        self.document("add", *at, "--dev", "old", "--no-sync")
        self.assertEqual(self.document("remove", *at, "lib")["pyproject"][0]["list"], "dependencies")
        self.document("sync", *at)
        self.assertIn("app==1.0", self.document("export", *at)["text"])
        self.document("export", *at, "--format", "cyclonedx", "-o", "sbom.json")
        self.document("build", *at, "--sdist")
        self.document("cache-key", *at)
        (shop / "pinned.txt").write_text("lib==1.0\n")
        self.document("import", *at, "pinned.txt")

    def test_questions(self):
        self.create()
        self.moat("install", "--env", "env", "app", "lib<2")
        project = self.work / "project"
        (project / "proj").mkdir(parents=True)
        (project / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n'
                                                '[project]\nname = "proj"\nversion = "1"\n')
        self.moat("install", "--env", "env", self.wheels / "old-1.0-py3-none-any.whl")
        outdated = self.document("list", "--env", "env", "--outdated")
        self.assertEqual([p["latest"] for p in outdated["packages"]], ["2.0"])
        self.assertTrue(any("from" in p for p in self.document("list", "--env", "env")["packages"]))
        self.document("freeze", "--env", "env")
        self.document("show", "--env", "env", "app", "old", "lib")
        self.document("show", "--env", "env", "app", "nosuch", status=1)
        self.document("tree", "--env", "env")
        self.document("tree", "--env", "env", "--invert", "lib")
        self.assertTrue(self.document("why", "--env", "env", "lib")["packages"][0]["chains"])
        self.document("which", "--env", "env", "app", "os.path", "lib", "nosuch", status=1)
        self.document("doctor", "--env", "env")
        (next((self.work / "env").rglob("lib.py"), None) or next((self.work / "env").rglob("lib/__init__.py"))).write_text("x = 1\n")
        self.document("doctor", "--env", "env", status=1)

    def test_environments(self):
        self.moat("create", "-n", "one")
        self.moat("install", "--env", "one", "app", "lib<2")
        self.moat("install", "--env", "one", "lib==2.0")
        self.assertTrue(self.document("env list")["environments"])
        self.document("env info", "--env", "one")
        self.assertTrue(self.document("env history", "--env", "one")["history"])
        self.assertTrue(self.document("env diff", "1", "--env", "one")["packages"])
        self.document("env rollback", "--env", "one")
        self.document("env clone", "one", "two")
        self.document("env diff", "one", "two")
        self.document("env move", "two", "three")
        self.document("env rename", "three", "four")
        self.assertIn("would_remove", self.document("env remove", "four", "--dry-run"))
        self.document("env remove", "four", "-y")

    def test_store_and_pythons(self):
        self.create()
        self.moat("install", "--env", "env", "app")
        self.document("store dir")
        self.assertTrue(self.document("store size")["usage"])
        self.document("store verify")
        wheel = next(p for p in (self.root / "moat/store/wheels").rglob("*.py"))
        wheel.chmod(0o644)
        wheel.write_text("changed\n")
        self.assertTrue(self.document("store verify", status=1)["damaged"])
        self.assertTrue(self.document("store repair")["damaged"])
        self.assertEqual(self.document("store repair")["damaged"], [])
        exported = self.document("store export", str(self.work / "wheelhouse"))
        self.assertEqual(exported["wheels"], len(list((self.work / "wheelhouse").glob("*.whl"))))
        (self.root / "moat/store/jobs").mkdir()
        (self.root / "moat/store/jobs/one").write_text(f"{self.work}/env\n")
        self.assertTrue(self.document("store jobs")["jobs"])
        self.document("store prune", "--older-than", "9999d")
        self.assertTrue(self.document("python list")["interpreters"])
        self.document("python find")

    def test_applications(self):
        self.assertEqual(self.document("tool list")["applications"], [])
        self.assertTrue(self.document("tool install", "app", "--with", "lib==1.0")["created"])
        self.assertEqual(self.document("tool list")["applications"][0]["commands"], ["app"])
        self.assertTrue(self.document("tool upgrade")["applications"])
        would = self.document("tool uninstall", "app", "--dry-run")
        self.assertEqual((would["removed"], would["dry_run"]), (["app"], True))
        self.assertEqual(self.document("tool uninstall", "app")["removed"], ["app"])
        self.assertEqual(self.document("tool list")["applications"], [])

    def test_audit_and_report(self):
        self.create()
        self.moat("install", "--env", "env", "app", "lib==1.0")
        (self.work / "osv").mkdir()
        (self.work / "osv/a.json").write_text(json.dumps({"id": "A", "affected": [{"package": {"ecosystem": "PyPI", "name": "lib"}, "ranges": [
            {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]}]}))
        told = self.document("audit", "--env", "env", "--advisories", "osv", status=1)
        self.assertTrue(told["findings"] and told["fixes"])
        self.document("report", "--env", "env")

    def test_pins_and_another_python(self):
        self.create()
        self.assertEqual(self.document("env upgrade-python", "--env", "env")["summary"], [])
        here = "%d.%d" % sys.version_info[:2]
        self.assertEqual(self.document("python pin", here)["pins"], [here])
        self.assertEqual(self.document("python uninstall", "3.99")["removed"], [])
        (self.root / "mirror").mkdir()
        (self.root / "mirror/SHA256SUMS").write_text(f"{'0' * 64}  cpython-3.99.1+20250101-{os.uname().machine}-unknown-linux-gnu-install_only.tar.gz\n")
        self.assertTrue(self.document("python list", "--available", MOAT_PYTHON_MIRROR=str(self.root / "mirror"))["available"])

    def test_settings(self):
        self.document("config set", "link-mode", "copy")
        self.document("config get", "link-mode")
        self.assertTrue(self.document("config list")["settings"])
        self.document("config import-pip", "--dry-run", PIP_INDEX_URL="https://index.example/simple", PIP_PRE="1")

    def test_bundles_and_deploys(self):
        (self.work / "in.txt").write_text("app\n")
        self.moat("lock", "-r", "in.txt")
        self.assertTrue(self.document("bundle", "-o", "app.moat")["targets"][0]["packages"])
        self.assertEqual(len(self.document("bundle show", "app.moat")["targets"]), 1)
        self.document("bundle verify", "app.moat")
        self.assertEqual(self.document("image", "app.moat", "-o", "app.tar", "--entrypoint", "python")["entrypoint"], ["/app/bin/python"])
        registry = fake_registry.FakeRegistry()
        registry.start()
        self.addCleanup(registry.stop)
        reference = f"oci://{registry.url}/app:1"
        self.assertEqual(self.document("push", "app.moat", reference)["blobs"]["there"], 0)
        self.assertEqual(self.document("pull", reference, "-o", "pulled.moat")["reference"], reference)
        self.document("deploy", "app.moat", "srv", "--insecure", "--check", "false", status=1, kind=self.ERROR)
        self.assertIsNone(self.document("deploy status", "srv", status=1)["live"])
        self.assertTrue(self.document("deploy", "app.moat", "srv", "--insecure")["changed"])
        self.assertFalse(self.document("deploy", "app.moat", "srv", "--insecure")["changed"])
        self.moat("bundle", "-o", "later.moat", SOURCE_DATE_EPOCH="2000000000")
        self.document("deploy", "later.moat", "srv", "--insecure")
        self.document("deploy rollback", "srv")
        self.assertEqual(len(self.document("deploy history", "srv")["attempts"]), 4)
        self.assertTrue(self.document("deploy status", "srv")["live"])
        self.assertTrue(self.document("deploy verify", "srv")["sound"])

    def test_errors(self):
        self.create()
        self.moat("install", "--env", "env", "lib==2.0")
        told = self.document("install", "--env", "env", "lib<2", "lib>=2", status=1, kind=self.ERROR)["error"]
        self.assertTrue(told["conflict"]["reasons"] and "fixes" in told)
        told = self.document("install", "--env", "env", "nosuch", status=1, kind=self.ERROR)["error"]
        self.assertEqual([reason["lack"]["kind"] for reason in told["conflict"]["reasons"]], ["unknown_project"])
        told = self.document("install", "--env", "env", "old", "lib>=2", status=1, kind=self.ERROR)["error"]
        self.assertTrue(told["fixes"])
        for status, words in ((2, ["list", "--env", "nowhere"]), (1, ["show", "--env", "env", "nosuch"]), (2, ["lock", "-r", "nosuch.txt"]),
                              (2, ["install", "--env", "env", "a b"])):
            self.document(words[0], *words[1:], status=status, kind=self.ERROR)

    def test_progress(self):
        self.create()
        self.moat("install", "--env", "env", "app", "--json", "-v")
        page = PAGE.read_text().partition("## Progress")[2]
        events = [json.loads(line) for line in self.said.splitlines() if line.startswith('{"event"')]
        self.assertTrue(events)
        for event in events:
            self.assertIn(f'"event": "{event["event"]}"', page)
            for key in event:
                self.assertIn(f'"{key}": ', page)

    def test_every_command_is_described(self):
        """One that is new has to say here what it writes."""
        commands = []
        for line in self.moat("--help").partition("Commands:\n")[2].splitlines():
            if found := re.match(r"  ([a-z-]+(?: [a-z-]+)*)", line):
                commands.append(found[1])
        self.assertIn("env list", commands)
        missing = [command for command in commands if not {command, command.split()[0]} & WITHOUT and command not in DOCUMENTS]
        self.assertEqual(missing, [], "docs/json.md does not describe what these write")
        self.assertEqual([command for command in DOCUMENTS if command.split(" --")[0] not in commands], [Documents.ERROR])


if __name__ == "__main__":
    sandbox.main()
