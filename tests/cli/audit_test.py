"""`moat audit`: vulnerabilities as an index or a folder of OSV records tells them, yanked releases, licences, hashes.

    audit_test.py MOAT [Audit.test_name…]
"""
import datetime
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "transcripts")]
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

VULNERABILITIES = {
    ("lib", "1.0"): [{"id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2024-1"], "summary": "Escapes too little\nand more", "fixed_in": ["1.1", "3.0"],
                      "link": "https://advisories.example/1"},
                     {"id": "PYSEC-1", "aliases": [], "details": "Reads too much", "fixed_in": ["1.2"]},
                     {"id": "GHSA-gone", "summary": "was none", "fixed_in": [], "withdrawn": "2024-01-01T00:00:00Z"}],
    ("stuck", "1.0"): [{"id": "GHSA-stuck", "summary": "Has no fix", "fixed_in": []}],
}


class Handler(loopback_index.Handler):
    """Also what an index tells of a release."""

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if parts[0] != "pypi":
            return super().do_GET()
        if self.server.broken:
            return self.answer(200, b'{"vulnerabilities": 7}', "application/json")
        if self.server.silent:
            return self.answer(404, b"", "text/plain")
        found = VULNERABILITIES.get((parts[1], parts[2]), [])
        return self.answer(200, json.dumps({"info": {}, "vulnerabilities": found}).encode(), "application/json")


class Audit(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        index = loopback_index.Index()
        for line in ("app 1.0 requires lib", "lib 1.0", "lib 1.1", "lib 1.2", "lib 2.0", "stuck 1.0", "fine 1.0", "holds 1.0 requires lib<1.1",
                     "torn 1.0 yanked 'broken on Tuesdays'"):
            index.add(line)
        self.server = loopback_index.serve(index)
        self.server.RequestHandlerClass = Handler
        self.server.broken = self.server.silent = False
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.env["MOAT_INDEX_URL"] = self.server.url

    def audit(self, *words, status=1, **variables):
        return json.loads(self.moat("audit", *words, "--json", status=status, **variables))

    def found(self, *words, **more):
        return sorted((f["package"], f.get("id", f["kind"])) for f in self.audit(*words, **more)["findings"] if f["ignored"] is None)

    def make(self, *packages):
        self.create()
        self.install(*packages)

    # ---- vulnerabilities

    def test_what_an_index_tells_of_what_is_installed(self):
        self.make("app", "lib==1.0", "stuck", "fine")
        document = self.audit("--env", "env")
        self.assertEqual([(f["package"], f["id"]) for f in document["findings"]],
                         [("lib", "GHSA-aaaa-bbbb-cccc"), ("lib", "PYSEC-1"), ("stuck", "GHSA-stuck")])
        self.assertEqual(document["findings"][0]["text"], "Escapes too little")
        self.moat("audit", "--env", "env", status=1)
        self.assertIn("lib 1.0  GHSA-aaaa-bbbb-cccc (CVE-2024-1): Escapes too little", self.said)
        self.assertIn("3 problems in 4 packages", self.said)
        self.assertNotIn("GHSA-gone", self.said)

    def test_a_fix_is_offered_where_it_fits_and_it_helps(self):
        self.make("app", "lib==1.0", "fine")
        self.assertEqual(self.audit("--env", "env")["fixes"], [{"package": "lib", "requirement": "lib>=1.2", "gives": "2.0"}])
        self.moat("audit", "--env", "env", status=1)
        fix = next(line for line in self.said.splitlines() if "fix: " in line).split("fix: moat ")[1].split("   ")[0].replace("'", "")
        self.assertIn("--env env", fix)
        self.moat(*fix.split())
        self.moat("audit", "--env", "env")
        self.assertIn("no problem found in 3 packages", self.said)

    def test_a_fix_that_something_else_forbids_is_said_to_be_so(self):
        self.make("holds", "lib==1.0")
        self.assertEqual(self.audit("--env", "env")["fixes"], [{"package": "lib", "requirement": "lib>=1.2", "gives": None}])
        self.moat("audit", "--env", "env", status=1)
        self.assertIn("conflicts with other requests", self.said)

    def test_a_folder_of_records_needs_no_index(self):
        self.make("lib==1.0", "fine")
        records = self.work / "osv/2024"
        records.mkdir(parents=True)
        package = {"ecosystem": "PyPI", "name": "Lib"}
        for name, affected, more in (
                ("A", [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]}], {}),
                ("B", [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.1"}, {"fixed": "1.2"}]}]}], {}),
                ("C", [{"package": package, "versions": ["1.0"]}], {}),
                ("D", [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": "1.0"}]}]}], {}),
                ("E", [{"package": package, "versions": ["1.0"]}], {"withdrawn": "2024-01-01T00:00:00Z"}),
                ("F", [{"package": {"ecosystem": "npm", "name": "lib"}, "versions": ["1.0"]}], {}),
                ("G", [{"package": package, "ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}], {})):
            (records / f"{name}.json").write_text(json.dumps({"id": name, "summary": "s", "affected": affected, **more}))
        self.env["MOAT_INDEX_URL"] = "http://127.0.0.1:1/simple/"
        self.assertEqual(self.found("--env", "env", "--offline", "--advisories", "osv"), [("lib", "A"), ("lib", "C"), ("lib", "D")])
        (records / "bad.json").write_text("[]")
        self.moat("audit", "--env", "env", "--offline", "--advisories", "osv", status=2)
        self.assertIn("bad.json", self.said)
        self.moat("audit", "--env", "env", "--offline", "--advisories", "nosuch", status=2)

    def test_an_index_that_says_nothing_is_told(self):
        self.make("lib==1.0")
        self.server.silent = True
        self.moat("audit", "--env", "env")
        self.assertIn("does not report vulnerabilities", self.said)
        self.install("app", "--no-vulnerable")
        self.assertEqual(self.said.count("does not report vulnerabilities"), 1)
        self.server.broken = True
        self.moat("audit", "--env", "env", status=3)
        self.moat("audit", "--env", "env", "--offline", status=3)

    def test_exceptions_and_their_end(self):
        self.make("stuck", "fine")
        day = datetime.date.today()
        tomorrow, yesterday = day + datetime.timedelta(days=2), day - datetime.timedelta(days=2)
        self.moat("audit", "--env", "env", "--ignore", "GHSA-stuck")
        self.assertIn("(1 ignored)", self.said)
        self.moat("audit", "--env", "env", "--ignore", f"ghsa-stuck@{tomorrow}")
        self.moat("audit", "--env", "env", "--ignore", f"GHSA-stuck@{yesterday}", status=1)
        self.assertIn("has expired", self.said)
        self.moat("audit", "--env", "env", "--ignore", "GHSA-other", status=1)
        for bad in ("GHSA-stuck@soon", "GHSA-stuck@", "GHSA-stuck@14d"):
            self.moat("audit", "--env", "env", "--ignore", bad, status=2)
        (self.work / "pyproject.toml").write_text('[tool.moat]\naudit-ignore = ["GHSA-stuck"]\n')
        self.moat("audit", "--env", "env")

    # ---- the rest

    def test_yanked_releases(self):
        self.make("torn==1.0")
        self.assertEqual(self.found("--env", "env"), [("torn", "yanked")])
        self.moat("audit", "--env", "env", status=1)
        self.assertIn("broken on Tuesdays", self.said)

    def test_licences(self):
        self.make("lib", "fine")
        info = next((self.work / "env").rglob("lib-*.dist-info/METADATA"))
        text = info.read_text()
        for licence, policy, good in (("License-Expression: MIT OR GPL-3.0-only", "MIT", True), ("License-Expression: MIT AND GPL-3.0-only", "MIT", False),
                                      ("License-Expression: (MIT AND BSD-3-Clause) OR X", "MIT BSD*", True), ("License-Expression: MIT AND", "MIT", False),
                                      ("Classifier: License :: OSI Approved :: MIT License", "MIT", True), ("License: mit", "MIT", True),
                                      ("License-Expression: GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0*", True)):
            with self.subTest(licence):
                info.write_text(text.replace("Version: ", f"{licence}\nVersion: ", 1) if "Metadata" not in text else
                                text.replace("\nName:", f"\n{licence}\nName:", 1))
                came = self.audit("--env", "env", status=1, MOAT_ALLOW_LICENCES=policy)["findings"]
                self.assertEqual([f["package"] for f in came if f["kind"] == "licence"], ["fine"] + ["lib"] * (not good))
        info.write_text(text.replace("\nName:", "\nLicense-Expression: AGPL-3.0-only\nName:", 1))
        self.assertEqual(self.found("--env", "env", MOAT_DENY_LICENCES="AGPL*"), [("lib", "licence")])

    def test_locks(self):
        (self.work / "in.txt").write_text("app\nlib==1.0\n")
        self.moat("lock", "-r", "in.txt", "-o", "pylock.toml")
        self.assertEqual(self.found("pylock.toml"), [("lib", "GHSA-aaaa-bbbb-cccc"), ("lib", "PYSEC-1")])
        self.assertEqual(self.audit("pylock.toml")["fixes"], [{"package": "lib", "requirement": "lib>=1.2", "gives": None}])
        (self.work / "pins.txt").write_text("fine==1.0\n")
        self.assertEqual(self.found("pins.txt"), [("fine", "no_hash")])
        self.moat("audit", "in.txt", status=2)
        self.assertIn("in.txt:1", self.said)
        (self.work / "pylock.bad.toml").write_text("lock-version = 1\n")
        for bad in ("pylock.bad.toml", "nosuch.toml", "nosuch.txt"):
            self.moat("audit", bad, status=2)
        self.moat("audit", "pylock.toml", "--env", "env", status=2)
        self.moat("audit", "--env", "nosuch", status=2)

    def test_bundles(self):
        (self.work / "in.txt").write_text("app\nlib==1.0\n")
        self.moat("lock", "-r", "in.txt", "-o", "pylock.toml")
        self.moat("bundle", "pylock.toml", "-o", "app.moat")
        self.assertEqual(self.found("app.moat"), [("lib", "GHSA-aaaa-bbbb-cccc"), ("lib", "PYSEC-1")])
        self.assertEqual([f["package"] for f in self.audit("app.moat", MOAT_ALLOW_LICENCES="MIT")["findings"] if f["kind"] == "licence"],
                         ["app", "lib"], "its wheels are read for their licences")
        self.assertEqual(list((self.root / "moat/store/tmp").iterdir()), [])
        bundle = (self.work / "app.moat").read_bytes()
        (self.work / "short.moat").write_bytes(bundle[:len(bundle) // 2])
        self.moat("audit", "short.moat", status=1)
        self.moat("audit", "app.moat", "--env", "env", status=2)

    # ---- choosing none that is vulnerable

    def test_no_vulnerable_version_is_chosen(self):
        self.create()
        self.install("--no-vulnerable", "app", "lib<2", "-v")
        self.assertIn("lib 1.2", self.said, "nothing is known against it")
        self.moat("uninstall", "--env", "env", "app", "lib")
        self.install("--no-vulnerable", "lib<=1.1", "lib!=1.1", status=1)
        self.assertIn("--no-vulnerable, GHSA-aaaa-bbbb-cccc", self.said)
        self.assertNotIn("fix 1", self.said)
        self.install("holds", "--no-vulnerable", status=1)
        self.install("holds", MOAT_NO_VULNERABLE="1", status=1)
        self.install("holds", "--no-vulnerable", MOAT_AUDIT_IGNORE="GHSA-aaaa-bbbb-cccc PYSEC-1")
        self.assertIn("lib 1.0", self.said)

    def test_what_is_there_and_vulnerable_gives_way(self):
        self.make("app", "lib==1.0")
        self.install("app")  # as asked for before
        self.moat("uninstall", "--env", "env", "lib")
        self.install("app", "lib", "--no-vulnerable")
        self.assertIn("lib 2.0", self.said)

    def test_locks_of_none_that_is_vulnerable(self):
        (self.work / "pyproject.toml").write_text(
            '[project]\nname = "two"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["lib<=1.2"]\n'
            '[tool.moat]\nno-vulnerable = true\n')
        self.moat("lock", "--resolution", "lowest")
        self.assertIn('version = "1.1"', (self.work / "pylock.toml").read_text())
        self.moat("lock", "--resolution", "lowest", "--universal", "-U")
        self.assertIn('version = "1.1"', (self.work / "pylock.toml").read_text())

    def test_two_versions_of_a_package_in_one_lock(self):
        """A lock for several targets: each version has what is known of it, and no other."""
        (self.work / "pyproject.toml").write_text(
            '[project]\nname = "two"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = [\n'
            '  "lib==1.0; python_version < \'3.11\'", "lib==2.0; python_version >= \'3.11\'"]\n')
        self.moat("lock", "--universal")
        document = self.audit("pylock.toml")
        self.assertEqual(sorted((f["package"], f["version"], f["id"]) for f in document["findings"]),
                         [("lib", "1.0", "GHSA-aaaa-bbbb-cccc"), ("lib", "1.0", "PYSEC-1")])
        self.assertEqual([fix["requirement"] for fix in document["fixes"]], ["lib>=1.2"])


if __name__ == "__main__":
    sandbox.main()
