"""What tests of whole commands start from: a HOME, a store and an environment of each test's own.

Runtimes are shared between tests, and with the transcripts, to save time; sandbox.main() runs `TEST MOAT [Class.test…]`.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

MOAT = SHARED = TEMPLATE = None


class SandboxTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=type(self).__name__ + "-"))
        self.addCleanup(shutil.rmtree, self.root, True)
        self.work, self.home, self.tools = self.root / "work", self.root / "home", self.root / "tools"
        for folder in (self.work, self.home, self.tools, self.root / "moat/store"):
            folder.mkdir(parents=True)
        (self.root / "moat/store/runtimes").symlink_to(SHARED)
        self.env = {"PATH": f"{self.tools}:/usr/bin:/bin", "HOME": str(self.home), "MOAT_HOME": str(self.root / "moat"),
                    "LANG": "C.UTF-8", "TERM": "dumb", "MOAT_COMPILE": "now"}
        self.env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
        self.said = ""       # by the last command, on both streams
        self.ever_said = ""  # by all of them

    def moat(self, *words, status=0, **variables):
        """→ standard output"""
        done = subprocess.run([MOAT, *map(str, words)], cwd=self.work, env={**self.env, **variables}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=300)
        self.said = done.stdout + done.stderr
        self.ever_said += self.said
        self.assertEqual(done.returncode, status, f"moat {' '.join(map(str, words))}\n{self.said}")
        return done.stdout

    def create(self):
        """work/env. An environment is as good as new where it is copied to, and copying is quicker than making."""
        global TEMPLATE
        if TEMPLATE is None:
            TEMPLATE = tempfile.TemporaryDirectory(prefix="sandbox-env-")
            self.moat("create", TEMPLATE.name + "/env")
        shutil.copytree(TEMPLATE.name + "/env", self.work / "env", symlinks=True)

    def install(self, *words, status=0, **variables):
        return self.moat("install", "--env", "env", *words, status=status, **variables)

    def tree(self, name):
        return sorted(str(p.relative_to(self.work)) for p in (self.work / name).rglob("*"))


def main():
    global MOAT, SHARED
    MOAT = os.path.abspath(sys.argv.pop(1))
    SHARED = pathlib.Path(MOAT).parent / "transcript-runtimes"
    SHARED.mkdir(exist_ok=True)
    unittest.main()
