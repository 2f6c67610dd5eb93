"""What tests of promises start from: a sandbox with a wheelhouse, and a look at everything in a tree."""
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
import sandbox  # noqa: E402
import wheelhouse  # noqa: E402

BOOKKEEPING = {".moat/lock", ".moat/stage", ".moat/unflushed"}  # a lock, an empty folder and a mark that come and go


def root_only(test):
    return unittest.skipUnless(os.getuid() == 0, "needs root")(test)


def facts(root):
    """Everything about a tree: types, modes, times, contents."""
    found = {}
    for path in [root, *root.rglob("*")]:
        status, content = path.lstat(), ""
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(status.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        name = str(path.relative_to(root))
        if name not in BOOKKEEPING and "__pycache__" not in name:
            time = status.st_mtime_ns if stat.S_ISREG(status.st_mode) else 0
            found[name] = (status.st_mode, time, content)
    return found


class PromiseTest(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        self.env["MOAT_COMPILE"] = "now"  # what is compared afterwards does not change behind the command
        self.wheels = self.work / "wheels"
        self.wheels.mkdir()
        self.local = ("--no-index", "--find-links", self.wheels)

    def wheel(self, name, version, files=None, **more):
        module = name.replace("-", "_")
        return wheelhouse.wheel(self.wheels, module, version, files or {f"{module}.py": f"VERSION = {version!r}\n"}, **more)

    def refuse(self, *words, statuses=(1, 2), **variables):
        """Runs a command that must end with one of these statuses. → what it said on both streams"""
        done = subprocess.run([sandbox.MOAT, *map(str, words)], cwd=self.work, env={**self.env, **variables},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, timeout=120)
        self.assertIn(done.returncode, statuses, done.stdout)
        self.said = done.stdout
        return done.stdout

    def add(self, *words, status=0, env="env", **variables):
        return self.moat("install", "--env", env, *self.local, *words, status=status, **variables)

    def shell(self, shell, script):
        if not shutil.which(shell):
            self.skipTest(f"no {shell} here")
        done = subprocess.run([shell, "-c", script], env=self.env, cwd=self.work, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, timeout=120)
        return done.stdout.strip()

    def as_user(self, uid, *words, **variables):
        """Runs a program as somebody else, who may come everywhere in the sandbox. → status, what it said"""
        for folder in (self.root, self.work):
            folder.chmod(0o755)
        done = subprocess.run(["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", *map(str, words)],
                              env={"PATH": "/usr/bin:/bin", **variables}, cwd="/", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=120)
        return done.returncode, done.stdout.strip()

    def site(self, env="env"):
        return next((self.work / env / "lib").glob("python3*/site-packages"))

    def python(self, *words, env="env", status=0, **variables):
        """→ standard output of the environment's interpreter."""
        done = subprocess.run([self.work / env / "bin/python", *words], env={**self.env, **variables}, cwd=self.work,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=120)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout.strip()

    def version_of(self, name, env="env"):
        return self.python("-c", f"import importlib.metadata as m; print(m.version({name!r}))", env=env)

    def assert_unchanged_by(self, act, root=None):
        root = root or self.work / "env"
        before = facts(root)
        act()
        after = facts(root)
        self.assertEqual([], sorted(path for path in {*before, *after} if before.get(path) != after.get(path)))
