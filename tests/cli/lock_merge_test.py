"""A lock on two branches, merged by a real git: through moat as its merge driver, and from conflict markers.

    lock_merge_test.py MOAT
"""
import pathlib
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

PROJECT = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = [\n{}]\n'


class Merge(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        index = loopback_index.Index()
        for line in ("a 1.0", "a 1.5", "b 1.0", "b 2.0", "c 1.0", "common 1.0", "common 2.0", "m 1.0"):
            index.add(line)
        server = loopback_index.serve(index)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.env["MOAT_INDEX_URL"] = server.url
        self.env.update(GIT_AUTHOR_NAME="t", GIT_AUTHOR_EMAIL="t@example.org", GIT_COMMITTER_NAME="t",
                        GIT_COMMITTER_EMAIL="t@example.org", GIT_CONFIG_NOSYSTEM="1")
        self.git("init", "-q", "-b", "main")
        self.lock("common<2", "m")
        self.git("add", ".")
        self.git("commit", "-qm", "base")

    def git(self, *argv, status=0):
        done = subprocess.run(["git", *argv], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def lock(self, *requirements):
        (self.work / "pyproject.toml").write_text(PROJECT.format("".join(f'    "{r}",\n' for r in requirements)))
        self.moat("lock")

    def versions(self):
        lock = tomllib.loads((self.work / "pylock.toml").read_text())
        return {package["name"]: package["version"] for package in lock["packages"]}

    def branches(self):
        """`left` adds a at an old version and keeps common; `right` adds b, and common is newer there."""
        self.git("switch", "-qc", "left")
        self.lock("common<2", "m", "a<1.5")
        self.lock("common<2", "m", "a")
        self.assertEqual(self.versions()["a"], "1.0")
        self.git("commit", "-qam", "left")
        self.git("switch", "-qc", "right", "main")
        self.lock("common", "m", "b<2")
        self.moat("lock", "-P", "common")
        self.git("commit", "-qam", "right")
        self.git("switch", "-q", "left")

    def finish(self):
        """What both wanted, in pyproject.toml; moat keeps the versions that either chose."""
        (self.work / "pyproject.toml").write_text(
            PROJECT.format('    "common",\n    "m",\n    "a",\n    "b<2",\n'))
        self.moat("lock")
        self.assertEqual(self.versions(), {"a": "1.0", "b": "1.0", "common": "2.0", "m": "1.0"})
        self.moat("lock", "--check", "--offline")

    def test_as_merge_driver(self):
        (self.work / ".gitattributes").write_text("pylock.toml merge=moat\n")
        self.git("add", ".gitattributes")
        self.git("commit", "-qm", "attributes")
        self.git("config", "merge.moat.driver", f"{sandbox.MOAT} lock --merge %O %A %B")
        self.branches()
        said = self.git("merge", "right", status=1)
        self.assertNotIn("pylock.toml", [line.split()[-1] for line in said.splitlines() if line.startswith("CONFLICT")])
        text = (self.work / "pylock.toml").read_text()
        self.assertNotIn("<<<<<<<", text)
        self.assertEqual(self.versions(), {"a": "1.0", "b": "1.0", "common": "2.0", "m": "1.0"})
        # It was never resolved as a whole, and does not claim to be.
        self.git("checkout", "-q", "--ours", "pyproject.toml")
        self.moat("sync", "--locked", status=1)
        self.assertIn("not up to date", self.said)
        self.finish()

    def test_driver_without_a_base(self):
        """Both branches added the lock: git's base is an empty file."""
        self.branches()
        (self.work / "base").write_text("")
        (self.work / "theirs").write_text(self.git("show", "right:pylock.toml"))
        self.moat("lock", "--merge", "base", "pylock.toml", "theirs")
        self.assertEqual(self.versions(), {"a": "1.0", "b": "1.0", "common": "2.0", "m": "1.0"})
        # It is for what both were for.
        targets = tomllib.loads((self.work / "pylock.toml").read_text())["tool"]["moat"]["targets"]
        self.assertIn("linux-x86_64", targets)

    def test_from_conflict_markers(self):
        self.branches()
        self.git("merge", "right", status=1)
        text = (self.work / "pylock.toml").read_text()
        if "<<<<<<<" not in text:
            self.skipTest("git merged the two locks by itself")
        self.finish()

    def test_driver_refuses_what_is_no_lock(self):
        (self.work / "broken").write_text("nothing\n")
        before = (self.work / "pylock.toml").read_bytes()
        self.moat("lock", "--merge", "broken", "pylock.toml", "pylock.toml", status=2)
        self.moat("lock", "--merge", "pylock.toml", status=2)
        self.moat("lock", "--merge", status=2)
        self.moat("lock", "pylock.toml", status=2)
        self.assertEqual((self.work / "pylock.toml").read_bytes(), before)


if __name__ == "__main__":
    sandbox.main()
