"""A disk that is full and places that may not be written: status 3, a message that says what and where, nothing left
behind, and the environment as it was, every file of it.

    disk_refuses_test.py MOAT

The small disk is a tmpfs in a mount namespace of this process; where none can be made that half is skipped.
"""
import base64
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile

PYTHON = "/usr/bin/python3"


def tree(root):
    """Everything about a tree: names, types, modes, contents."""
    found = {}
    for path in [root, *root.rglob("*")]:
        facts = path.lstat()
        content = b""
        if stat.S_ISLNK(facts.st_mode):
            content = os.readlink(path).encode()
        elif stat.S_ISREG(facts.st_mode):
            content = hashlib.sha256(path.read_bytes()).digest()
        found[str(path.relative_to(root))] = (facts.st_mode, content)
    return found


def assert_same(before, after):
    after.pop(".moat/lock", None), before.pop(".moat/lock", None)  # made by the first change, and stays
    assert before == after, sorted(path for path in {*before, *after} if before.get(path) != after.get(path))


def make_wheel(folder, megabytes):
    files = {f"bulk/{i}.bin": os.urandom(1 << 20) for i in range(megabytes)}
    files.update({"bulk/__init__.py": b"",
                  "bulk-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: bulk\nVersion: 1\n",
                  "bulk-1.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"})
    rows = "".join(f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b'=').decode()},{len(text)}\n"
                   for name, text in files.items())
    files["bulk-1.dist-info/RECORD"] = (rows + "bulk-1.dist-info/RECORD,,\n").encode()
    path = folder / "bulk-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), text)
    return path


class Case:
    def __init__(self, moat, root):
        self.root, self.moat = root, root / "moat-program"
        shutil.copy(moat, self.moat)  # where any user may run it
        root.chmod(0o755)
        self.wheel = make_wheel(root, 24)
        self.number = 0

    def run(self, *argv, prefix=()):
        self.number += 1
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.root), "MOAT_HOME": str(self.root / "home"), "MOAT_COMPILE": "now", "LANG": "C.UTF-8"}
        env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
        done = subprocess.run([*prefix, str(self.moat), *map(str, argv)], env=env, cwd=self.root, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.returncode, done.stderr

    def good(self, *argv):
        status, said = self.run(*argv)
        assert status == 0, f"moat {argv}: {status}\n{said}"

    def refused(self, reason, place, *argv, prefix=()):
        status, said = self.run(*argv, prefix=prefix)
        print(said, end="")
        assert status == 3, f"moat {argv}: status {status}, not 3\n{said}"
        assert said.startswith("error: ") and reason in said and str(place) in said and "\nhint: " in said, said

    # A disk of its own for the environment, then for the store.
    def full_disk(self):
        small = self.root / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(small)], check=True)
        self.refused("No space left on device", small, "create", small / "env", "-p", PYTHON)
        assert list(small.iterdir()) == [], list(small.iterdir())
        self.good("create", self.root / "env", "-p", PYTHON)
        before = tree(self.root / "env")
        self.refused("MB left", small, "--store-dir", small / "store", "install", "--env", self.root / "env",
                     self.wheel)
        assert_same(before, tree(self.root / "env"))
        assert list((small / "store/tmp").iterdir()) == []
        shutil.rmtree(small / "store")
        subprocess.run(["mount", "-o", "remount,size=256m", str(small)], check=True)
        self.good("create", small / "env", "-p", PYTHON)
        facts = os.statvfs(small)
        used = (facts.f_blocks - facts.f_bfree) * facts.f_frsize >> 20
        subprocess.run(["mount", "-o", f"remount,size={used + 8}m", str(small)], check=True)
        before = tree(small / "env")
        self.refused("No space left on device", small, "install", "--env", small / "env", self.wheel)
        assert_same(before, tree(small / "env"))
        self.good("run", "--env", small / "env", "--", "python", "-c", "pass")
        subprocess.run(["mount", "-o", "remount,size=256m", str(small)], check=True)
        self.good("install", "--env", small / "env", self.wheel)

    # Somebody else's environment, and somebody else's folder.
    def unwritable(self):
        env, closed = self.root / "env", self.root / "closed"
        closed.mkdir()
        if not env.exists():
            self.good("create", env, "-p", PYTHON)
        for path in [closed, *(p for p in [env, *env.rglob("*")] if not p.is_symlink())]:
            path.chmod(path.stat().st_mode & ~0o222)
        prefix = ()
        if os.geteuid() == 0:
            prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
            for path in [self.root / "home", *(self.root / "home").rglob("*")]:
                os.chown(path, 65534, 65534, follow_symlinks=False)
        before = tree(env)
        self.refused("Permission denied", env, "install", "--env", env, self.wheel, prefix=prefix)
        self.refused("Permission denied", closed / "env", "create", closed / "env", "-p", PYTHON, prefix=prefix)
        assert_same(before, tree(env))
        assert list(closed.iterdir()) == []


def main():
    moat = os.path.abspath(sys.argv[1])
    namespace = bool(os.environ.get("MOAT_DISK_NAMESPACE"))
    if not namespace and os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode == 0:
        os.environ["MOAT_DISK_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    root = pathlib.Path(tempfile.mkdtemp(prefix="moat-disk-"))
    try:
        case = Case(moat, root)
        if namespace:
            case.full_disk()
        else:
            print("no mount namespace: the full disk was not tried")
        case.unwritable()
    finally:
        subprocess.run(["umount", str(root / "small")], stderr=subprocess.DEVNULL)
        subprocess.run(["chmod", "-R", "u+w", str(root)], stderr=subprocess.DEVNULL)
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
