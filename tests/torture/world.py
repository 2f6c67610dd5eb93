"""What the torture breaks things in: a small Python, small wheels, a template of a HOME with a store and environments,
and copies of that, one for each trial."""
import base64
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile

PACKAGES_OF_TEMPLATE = ["--no-index", "-f", "wheels"]
SYSTEM_PYTHON = "/usr/bin/python3"
# Of the session that we are in, and of its share of the machine, where that can be said.
OWN_GROUP = {"process_group": 0} if sys.version_info >= (3, 11) else {"start_new_session": True}
LONGEST = 300  # seconds; what takes longer hangs

BACKEND = r"""
import base64, hashlib, os, zipfile
def build_wheel(folder, settings=None, metadata=None):
    files = {"built.py": "A = 1\n", "built-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: built\nVersion: 1\n",
             "built-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    rows = "".join("%s,sha256=%s,%d\n" % (n, base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()).rstrip(b"=").decode(),
                                          len(t)) for n, t in files.items())
    files["built-1.dist-info/RECORD"] = rows + "built-1.dist-info/RECORD,,\n"
    with zipfile.ZipFile(os.path.join(folder, "built-1-py3-none-any.whl"), "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return "built-1-py3-none-any.whl"
"""


def record_hash(data):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def make_wheel(folder, name, version, needs=(), modules=3):
    info = f"{name}-{version}.dist-info"
    files = {f"{name}/__init__.py": f"V = '{version}'\n", f"{name}/data.bin": version * 20000,
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                                 + "".join(f"Requires-Dist: {need}\n" for need in needs),
             f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
             f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:V\n"}
    files.update({f"{name}/sub{i}/m.py": f"N = {i}, '{version}'\n" for i in range(modules)})
    rows = "".join(f"{path},{record_hash(text.encode())},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = rows + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), text)


# What moat's own scripts, compilation and the backend above import.
IMPORTS = ("argparse, base64, codecs, collections.abc, compileall, encodings.ascii, encodings.cp437, encodings.latin_1, hashlib, "
           "importlib.machinery, importlib.metadata, importlib.util, json, marshal, os, pathlib, platform, py_compile, runpy, "
           "shutil, site, ssl, struct, subprocess, sysconfig, tempfile, traceback, zipfile, zipimport, zlib")
FACTS = f"""
import {IMPORTS}, sys
sysconfig.get_config_vars()
files = [module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
print(json.dumps([os.path.realpath(sys.executable), sysconfig.get_path("stdlib"), "%d.%d" % sys.version_info[:2], files]))
"""


def small_python(prefix):
    """A whole interpreter of little more than a hundred files, so that a trial that copies it costs little. → "3.11" """
    done = subprocess.run([SYSTEM_PYTHON, "-I", "-S", "-c", FACTS], check=True, stdout=subprocess.PIPE)
    program, library, line, files = json.loads(done.stdout)
    (prefix / "bin").mkdir(parents=True)
    shutil.copy2(program, prefix / f"bin/python{line}")
    for name in ("python", "python3"):
        (prefix / "bin" / name).symlink_to(f"python{line}")
    for file in files:
        if file.startswith(library + "/"):
            to = prefix / f"lib/python{line}" / os.path.relpath(file, library)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, to)
    (prefix / f"lib/python{line}/lib-dynload").mkdir(exist_ok=True)
    return line


def python_archive(prefix, line, folder):
    """The small Python as a build that `python install` fetches; its version is the one that it has."""
    version = subprocess.run([prefix / "bin/python", "-I", "-c", "import platform; print(platform.python_version(), platform.machine())"],
                             check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout.split()
    name = f"cpython-{version[0]}+20250101-{version[1]}-unknown-linux-gnu-install_only.tar.gz"
    with tarfile.open(folder / name, "w:gz", compresslevel=1) as tar:
        tar.add(prefix, "python")
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  {name}\n")
    return version[0]


def copy_tree(source, target, without=()):
    """Everything below but paths `without`, large files as hard links: nothing of moat's is ever written in place, and what
    is, is small."""
    os.mkdir(target, 0o755)
    with os.scandir(source) as entries:
        for entry in entries:
            to = os.path.join(target, entry.name)
            if entry.path.endswith(without):
                continue
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), to)
            elif entry.is_dir():
                copy_tree(entry.path, to, without)
            elif "/rt/" in entry.path or entry.name.endswith((".whl", ".tar.gz")):
                os.link(entry.path, to)
            else:
                shutil.copy2(entry.path, to)


STAMPS = re.compile(rb'"?(created|created-at|time|timestamp)"?\s*[=:]\s*"?[-0-9T:.Z+]+"?')


def facts_of(path, name, world):
    """What of one file has to be the same, wherever the world lies."""
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return kind, os.readlink(path).replace(world, "")
    if not stat.S_ISREG(status.st_mode):
        return kind, ""
    # The environment's own pip names the program that made it, which is known otherwise without /proc.
    if name.endswith("/site-packages/pip/__init__.py"):
        return kind, ""
    with open(path, "rb") as file:
        text = file.read().replace(world.encode(), b"")
    if name.endswith("/RECORD"):  # where a folder lies is said in direct_url.json, whose hash is here
        text = b"".join(line for line in text.splitlines(True) if b"/direct_url.json," not in line)
    elif name.endswith((".toml", ".json")):
        text = STAMPS.sub(b"", text)
    return kind, hashlib.sha256(text).hexdigest()


def tree(root, world, loose=False):
    """What there is below a path: every name, and the contents of what packages brought. `loose`: only whether it is there."""
    if not os.path.lexists(root):
        return None
    if loose:
        return "there"
    if not os.path.isdir(root) or os.path.islink(root):
        return facts_of(root, str(root), world)
    found = {}
    pending = [(str(root), "")]
    while pending:
        folder, below = pending.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                name = f"{below}/{entry.name}"
                # What a killed command leaves beside its goal is looked at by leftovers().
                if entry.name in (".moat", "__pycache__") or LEFT.match(entry.name):
                    continue
                # Of a downloaded Python the names are enough.
                found[name] = facts_of(entry.path, name, world) if "/pythons/" not in entry.path else ""
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, name))
    return found or None


LEFT = re.compile(r"\..+\.(new|removed|old|moved)-|\.tmp")


def leftovers(root):
    """What commands that are over left beside what they made. An empty folder is left alone for a minute: somebody may be
    about to lock it."""
    left = [f"{folder}/{name}" for folder in (".", "project", "home/moat/data", "home/moat/data/envs", "home/moat/data/tools",
                                              "home/moat/data/pythons", "home/.local/bin")
            if os.path.isdir(root / folder) for name in os.listdir(root / folder) if LEFT.match(name)]
    return [path for path in left if not os.path.isdir(root / path) or os.listdir(root / path)]


def remove(folder):
    """However deep and whatever its modes: Python's own gives up a thousand folders down."""
    if subprocess.run(["rm", "-rf", folder], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        subprocess.run(["chmod", "-R", "u+rwX", folder], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", folder], check=False)


class Template:
    """Made once: what every world is a copy of. `env` holds alpha 1 and beta; `one` is a named environment; `project` has
    a lock and an environment with beta; `locked.txt` asks for alpha and gamma. The store is warm."""

    PACKAGES = PACKAGES_OF_TEMPLATE

    def __init__(self, moat, folder):
        self.moat, self.folder = str(moat), pathlib.Path(folder)
        self.root = self.folder / "template"
        self.python = self.folder / "python/bin/python"
        self.runtimes = self.folder / "runtimes"

    def make(self):
        root = self.root
        for folder in ("home/moat/store", "wheels", "source", "tmp", "mirror", "project"):
            (root / folder).mkdir(parents=True)
        line = small_python(self.folder / "python")
        self.version = python_archive(self.folder / "python", line, root / "mirror")
        for version in ("1", "2"):
            make_wheel(root / "wheels", "alpha", version)
        make_wheel(root / "wheels", "beta", "1", ["alpha"])
        make_wheel(root / "wheels", "gamma", "1")
        (root / "source/pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "be"\nbackend-path = ["."]\n')
        (root / "source/be.py").write_text(BACKEND)
        (root / "project/pyproject.toml").write_text('[project]\nname = "app"\nversion = "1"\ndependencies = ["beta"]\n')
        locked = {name: hashlib.sha256((root / f"wheels/{name}-1-py3-none-any.whl").read_bytes()).hexdigest()
                  for name in ("alpha", "gamma")}
        (root / "locked.txt").write_text("".join(f"{name}==1 --hash=sha256:{digest}\n" for name, digest in locked.items()))
        python = ["-q", "-p", str(self.python)]
        self.run("create", *python, "./env", "alpha==1", *self.PACKAGES)
        self.run("install", "-q", "--env", "env", "beta", "alpha==1", *self.PACKAGES)
        self.run("create", *python, "-n", "one")
        self.run("sync", *python, "--project", "project", "--no-index", "-f", str(root / "wheels"))
        self.run("create", *python, "./other", "gamma", "alpha==2", *self.PACKAGES)  # warms the store
        shutil.rmtree(root / "other")
        store = root / "home/moat/store"
        (store / "runtimes").rename(self.runtimes)
        shutil.rmtree(store / "environments", True)

    def run(self, *words):
        variables = variables_of(self.root)
        done = subprocess.run([self.moat, *words], cwd=self.root, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise SystemExit(f"moat {' '.join(words)}: {done.stdout.decode(errors='replace')}")


def variables_of(root):
    home = str(root / "home")
    variables = {"HOME": home, "MOAT_HOME": home + "/moat", "MOAT_COMPILE": "now", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                 "TMPDIR": str(root / "tmp"), "MOAT_PYTHON_MIRROR": str(root / "mirror")}
    variables.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
    return variables


numbers = iter(range(1 << 60))
numbering = threading.Lock()


class World:
    """A copy of the template: a folder to break things in."""

    def __init__(self, template, command):
        self.template, self.command = template, command
        with numbering:
            self.root = template.folder / f"world{next(numbers)}"
        parts = {"env": "/template/env", "one": "/template/home/moat/data/envs/one", "project": "/template/project",
                 "mirror": "/template/mirror", "source": "/template/source"}
        copy_tree(template.root, self.root, tuple(path for part, path in parts.items() if part not in command.needs))
        self.store = self.root / "home/moat/store"
        if command.cold:
            for part in ("wheels", "pycs"):
                shutil.rmtree(self.store / part, True)
        if command.runtimes:
            (self.store / "runtimes").symlink_to(template.runtimes)
        elif not command.cold:
            copy_tree(template.runtimes, self.store / "runtimes")
        self.variables = variables_of(self.root)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        remove(self.root)

    def run(self, words, before=(), limits=(), cwd=None, **variables):
        """→ (status, what was said); status None: it hangs."""
        def enter():
            for limit, value in limits:
                resource.setrlimit(limit, (value, value))
        # A file, not a pipe: what a killed command leaves running must not be waited for.
        with tempfile.TemporaryFile(dir=self.template.folder) as said:
            child = subprocess.Popen([*before, self.template.moat, *words], cwd=cwd or self.root, env={**self.variables, **variables},
                                     stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
                                     preexec_fn=enter if limits else None, **OWN_GROUP)
            try:
                status = child.wait(LONGEST)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                status = None
            said.seek(0)
            return status, said.read().decode(errors="replace")

    def state(self):
        """What is seen of what the command changes, once a command looked: a change that was committed is finished then."""
        for env in self.command.envs:
            if (self.root / env / "pyvenv.cfg").exists():
                status, said = self.run(["list", "--env", str(self.root / env)])
                if status != 0:
                    return {"cannot be listed": said}
        return {path: tree(self.root / path, str(self.root), path in self.command.loose) for path in self.command.watch}


def memory_folder():
    """Where trials cost least: in memory, if there is enough and programs may be started there."""
    place = "/dev/shm"
    try:
        facts = os.statvfs(place)
        if facts.f_bavail * facts.f_frsize < 2 << 30 or facts.f_flag & os.ST_NOEXEC or not os.access(place, os.W_OK):
            return None
        return place
    except OSError:
        return None
