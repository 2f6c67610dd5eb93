"""Breaks moat's commands wherever they can be broken, and looks whether anything half done is left.

    torture.py MOAT [--minutes M] [--short] [--seed S] [--only KIND]… [--jobs J]

Every trial is one command in a world of its own (a HOME, a store, an environment), broken in one place:

    kill       SIGKILL at the n-th system call of a kind
    signal     SIGINT or SIGTERM there
    errno      that call fails with ENOSPC, EIO, EDQUOT, EACCES, EMFILE, EINTR, EAGAIN or ENOMEM
    short      every write takes only a part of what it is given
    limits     few open files, processes, little memory, short files
    places     a full or read-only file system, no /proc
    crowd      sixteen processes on one store and one environment

After each: a command that says it did its work did it; one that fails left everything as it was; one that was killed
left the state before or the one after, as the next command sees it; what was interrupted can be done again; every wheel
in the store is sound. No command may hang, nor end by a signal it was not sent. The same seed makes the same trials, and
what fails is told with the words that repeat it.
"""
import argparse
import base64
import collections
import concurrent.futures
import hashlib
import os
import pathlib
import random
import resource
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zipfile

PYTHON = "/usr/bin/python3"
LONGEST = 120  # seconds; what takes longer hangs

# Calls that change files, and calls without which nothing goes.
CHANGES = ["openat", "write", "pwrite64", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "symlink",
           "symlinkat", "link", "linkat", "ftruncate", "fsync", "fchmod", "chmod", "utimensat", "copy_file_range", "ioctl", "rmdir"]
ERRORS = {
    "ENOSPC": ["write", "pwrite64", "openat", "mkdir", "mkdirat", "rename", "renameat2", "symlink", "copy_file_range"],
    "EDQUOT": ["write", "openat", "mkdir", "renameat2"],
    "EIO": ["read", "pread64", "write", "fsync", "getdents64", "openat", "rename"],
    "EACCES": ["openat", "mkdir", "unlink", "unlinkat", "rename", "renameat2"],
    "EMFILE": ["openat", "pipe2", "socket", "eventfd2", "fcntl"],
    # Not write: our handlers restart what they interrupt, so that none of ours ends so.
    "EINTR": ["read", "openat", "fcntl", "wait4", "poll"],
    "EAGAIN": ["clone", "clone3", "fcntl"],
    "ENOMEM": ["mmap", "brk", "clone3"],
}

SHORT_WRITES = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
#include <sys/types.h>
ssize_t write(int file, const void* bytes, size_t count) {
  static ssize_t (*real)(int, const void*, size_t);
  if (!real) real = (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  return real(file, bytes, count > 1 ? (count + 2) / 3 : count);
}
ssize_t pwrite64(int file, const void* bytes, size_t count, off_t at) {
  static ssize_t (*real)(int, const void*, size_t, off_t);
  if (!real) real = (ssize_t(*)(int, const void*, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
  return real(file, bytes, count > 1 ? (count + 2) / 3 : count, at);
}
"""

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


def make_wheel(folder, name, version, needs=(), modules=8):
    info = f"{name}-{version}.dist-info"
    files = {f"{name}/__init__.py": f"V = '{version}'\n", f"{name}/data.bin": version * 20000,
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                                 + "".join(f"Requires-Dist: {need}\n" for need in needs),
             f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
             f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:V\n"}
    files.update({f"{name}/sub{i}/m.py": f"N = {i}, '{version}'\n" for i in range(modules)})
    rows = "".join(f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\n"
                   for path, text in files.items())
    files[f"{info}/RECORD"] = rows + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), text)


def tree(root, world):
    """What there is of an environment: every name, and the contents of what packages brought, wherever it lies."""
    here = str(world).encode()
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.startswith(".moat") or "__pycache__" in name:
            continue
        facts = path.lstat()
        content = ""
        if stat.S_ISLNK(facts.st_mode):
            content = os.readlink(path).replace(str(world), "")
        elif stat.S_ISREG(facts.st_mode):
            theirs = ("site-packages" in name or name.startswith("bin/")) and not name.endswith("site-packages/pip/__init__.py")
            text = path.read_bytes().replace(here, b"") if theirs else b""
            if name.endswith("/RECORD"):  # where a folder lies is said in direct_url.json, whose hash is here
                text = b"".join(line for line in text.splitlines(True) if b"/direct_url.json," not in line)
            # The environment's own pip names the program that made it, which is known otherwise without /proc.
            content = hashlib.sha256(text).hexdigest() if theirs else 0 if name.endswith("/pip/__init__.py") else facts.st_size
        found[name] = (stat.S_IFMT(facts.st_mode), content)
    return found


class Command:
    def __init__(self, name, words, env="env", again=True, cold=False, runtimes=True):
        self.name, self.words, self.env, self.again, self.cold, self.runtimes = name, words, env, again, cold, runtimes


PACKAGES = ["--no-index", "-f", "wheels"]
COMMANDS = [
    Command("create", ["create", "./new", "beta", *PACKAGES], env="new", cold=True),
    Command("install", ["install", "--env", "env", "gamma", *PACKAGES], cold=True),
    Command("upgrade", ["install", "--env", "env", "-U", "alpha", *PACKAGES]),
    Command("uninstall", ["uninstall", "--env", "env", "beta"]),
    Command("sync", ["sync", "--env", "env", "locked.txt", *PACKAGES]),
    Command("rollback", ["env", "rollback", "--env", "env"], again=False),
    Command("rename", ["env", "rename", "one", "two"], env="home/moat/data/envs/two"),
    Command("remove", ["env", "remove", "env"]),
    Command("prune", ["store", "prune", "--older-than", "0d"], runtimes=False),
    Command("build", ["install", "--env", "env", "./source"], cold=True),
]


class World:
    """A copy of the template: a folder to break things in."""

    def __init__(self, torture, command):
        self.torture = torture
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="torture-", dir=torture.folder))
        self.command = command
        shutil.copytree(torture.template, self.root, symlinks=True, dirs_exist_ok=True, copy_function=shutil.copy2)
        self.store = self.root / "home/moat/store"
        if command.cold:
            for part in ("wheels", "pycs"):
                shutil.rmtree(self.store / part, True)
        if command.runtimes:
            (self.store / "runtimes").symlink_to(torture.runtimes)
        self.variables = {"HOME": str(self.root / "home"), "MOAT_HOME": str(self.root / "home/moat"), "MOAT_COMPILE": "now", "PATH": "/usr/bin:/bin",
                          "LANG": "C.UTF-8", "TMPDIR": str(self.root / "tmp")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["chmod", "-R", "u+rwX", self.root], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.root, True)

    def run(self, words, before=(), limits=(), **variables):
        """→ (status, what was said); status None: it hangs."""
        def enter():
            for limit, value in limits:
                resource.setrlimit(limit, (value, value))
        child = subprocess.Popen([*before, self.torture.moat, *words], cwd=self.root, env={**self.variables, **variables},
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=enter,
                                 start_new_session=True)
        try:
            said, _ = child.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return None, ""
        return child.returncode, said.decode(errors="replace")

    def state(self):
        env = self.root / self.command.env
        # A change that was committed is finished by whoever looks next.
        if (env / "pyvenv.cfg").exists():
            status, said = self.run(["list", "--env", str(env)])
            if status != 0:
                return {"cannot be listed": said}
        one = self.root / "home/moat/data/envs/one"
        return {"there": tree(env, self.root) if env.exists() else {}, "one": one.exists()}


class Torture:
    def __init__(self, moat, seed, jobs):
        self.moat, self.jobs = str(moat), jobs
        self.random = random.Random(seed)
        self.seed = seed
        self.temporary = tempfile.TemporaryDirectory(prefix="moat-torture-")
        self.folder = pathlib.Path(self.temporary.name)
        self.template = self.folder / "template"
        self.runtimes = self.folder / "runtimes"
        self.tried, self.failures = collections.Counter(), []
        self.states = {}
        self.calls = {}

    def prepare(self):
        template = self.template
        for folder in ("home/moat/store", "wheels", "source", "tmp"):
            (template / folder).mkdir(parents=True)
        for version in ("1", "2"):
            make_wheel(template / "wheels", "alpha", version)
        make_wheel(template / "wheels", "beta", "1", ["alpha"])
        make_wheel(template / "wheels", "gamma", "1")
        (template / "source/pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "be"\nbackend-path = ["."]\n')
        (template / "source/be.py").write_text(BACKEND)
        locked = {name: hashlib.sha256((template / f"wheels/{name}-1-py3-none-any.whl").read_bytes()).hexdigest()
                  for name in ("alpha", "gamma")}
        (template / "locked.txt").write_text("".join(f"{name}==1 --hash=sha256:{digest}\n" for name, digest in locked.items()))
        variables = {"HOME": str(template / "home"), "MOAT_HOME": str(template / "home/moat"), "MOAT_COMPILE": "now", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

        def moat(*words):
            subprocess.run([self.moat, *words], cwd=template, env=variables, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE)
        moat("create", "-q", "-p", PYTHON, "./env", "alpha==1", *PACKAGES)
        moat("install", "-q", "--env", "env", "beta", "alpha==1", *PACKAGES)
        moat("create", "-q", "-p", PYTHON, "-n", "one")
        moat("create", "-q", "-p", PYTHON, "./other", "gamma", "alpha==2", *PACKAGES)  # warms the store
        shutil.rmtree(template / "other")
        (template / "home/moat/store/runtimes").rename(self.runtimes)
        shutil.rmtree(template / "home/moat/store/environments", True)
        for command in COMMANDS:
            with World(self, command) as world:
                before = world.state()
                status, said = world.run(command.words)
                if status != 0:
                    raise SystemExit(f"{command.name} fails when nothing is broken: {said}")
                self.states[command.name] = (before, world.state())
        self.count_calls()

    def count_calls(self):
        """How often each call is made by the thread that makes it most: what `when=N` counts."""
        names = sorted({*CHANGES, *(name for names in ERRORS.values() for name in names)})
        for command in COMMANDS:
            with World(self, command) as world:
                log = world.root / "calls"
                world.run(command.words, before=["strace", "-f", "-qq", "-o", str(log), "-e", "trace=" + ",".join("?" + n for n in names)])
                counts = collections.Counter()
                for line in log.read_text(errors="replace").splitlines():
                    parts = line.split(None, 1)
                    if len(parts) == 2 and "(" in parts[1] and not parts[1].startswith(("<", "+", "-")):
                        counts[parts[0], parts[1].split("(")[0]] += 1
                most = {}
                for (_, name), count in counts.items():
                    most[name] = max(most.get(name, 0), count)
                self.calls[command.name] = most

    # ---- what a trial must leave behind ----

    def check(self, kind, world, status, said, killed, how):
        before, after = self.states[world.command.name]
        state = world.state()
        problems = []
        # Without memory libsolv ends the process; what is left has to be whole all the same.
        killed = killed or (kind == "errno ENOMEM" and status in (-signal.SIGABRT, -signal.SIGSEGV))
        if status is None:
            problems.append("it hangs")
        elif not killed and (status < 0 or status in (134, 139)):
            problems.append(f"it died of a signal ({status}): {said[-300:]}")
        elif status == 0 and not killed and state != after:
            problems.append("it says that all is done, and it is not")
        elif status != 0 and not killed and state != before:
            problems.append(f"status {status}, and something has changed: {said[-300:]}")
        if state not in (before, after):
            problems.append(f"a half-made state: {self.difference(state, before, after)}")
        if not problems and world.command.again and state == before:
            again, said = world.run(world.command.words)
            if again != 0 or world.state() != after:
                problems.append(f"it cannot be done again (status {again}): {said[-300:]}")
        if not problems and world.command.runtimes:
            sound, said = world.run(["store", "verify"])
            if sound != 0:
                problems.append(f"the store is damaged: {said[-300:]}")
        self.tried[kind] += 1
        for problem in problems:
            self.failures.append(f"{kind}: {world.command.name} ({shlex.join(world.command.words)}), {how}: {problem}")

    @staticmethod
    def difference(state, before, after):
        if "there" not in state:
            return str(state)[:300]
        there, was, will = state["there"], before["there"], after["there"]
        odd = [name for name in {*there, *was, *will} if there.get(name) not in (was.get(name), will.get(name))]
        return f"{odd[:5]}" if odd else "a mixture of both states"

    # ---- the trials: functions without arguments ----

    def injected(self, kind, command, call, inject, killed):
        def trial():
            with World(self, command) as world:
                before = ["strace", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", f"trace=?{call}", "-e", f"inject=?{call}:{inject}"]
                status, said = world.run(command.words, before=before)
                self.check(kind, world, status, said, killed, shlex.join(before[6:]))
        return trial

    def place_in(self, command, calls):
        known = [call for call in calls if self.calls[command.name].get(call)]
        call = self.random.choice(known) if known else None
        return call, call and self.random.randint(1, self.calls[command.name][call])

    def kills(self):
        while True:
            for command in self.random.sample(COMMANDS, len(COMMANDS)):
                call, n = self.place_in(command, CHANGES)
                if call:
                    yield self.injected("kill", command, call, f"signal=KILL:when={n}", True)

    def signals(self):
        while True:
            for command in self.random.sample(COMMANDS, len(COMMANDS)):
                call, n = self.place_in(command, CHANGES)
                if call:
                    yield self.injected("signal", command, call, f"signal={self.random.choice(['INT', 'TERM'])}:when={n}", False)

    def errors(self):
        while True:
            for error in self.random.sample(sorted(ERRORS), len(ERRORS)):
                command = self.random.choice(COMMANDS)
                call, n = self.place_in(command, ERRORS[error])
                lasting = self.random.choice(["", "+"])  # once, or from there on
                if call and not (error == "EINTR" and lasting):
                    yield self.injected(f"errno {error}", command, call, f"error={error}:when={n}{lasting}", False)

    def short_writes(self):
        library = self.folder / "short_writes.so"
        source = self.folder / "short_writes.c"
        source.write_text(SHORT_WRITES)
        if shutil.which("cc") is None or subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"]).returncode != 0:
            return
        for command in COMMANDS:
            def trial(command=command):
                with World(self, command) as world:
                    status, said = world.run(command.words, LD_PRELOAD=str(library))
                    if status != 0:
                        self.failures.append(f"short: {command.name}: status {status}: {said[-300:]}")
                    self.check("short", world, status, said, False, "LD_PRELOAD=short_writes.so")
            yield trial

    def limits(self):
        table = [("limits -n", resource.RLIMIT_NOFILE, [8, 32, 64, 128, 256]),
                 ("limits -v", resource.RLIMIT_AS, [n << 20 for n in (64, 100, 150, 200, 300, 600)]),
                 ("limits -f", resource.RLIMIT_FSIZE, [0, 1000, 20000, 100000])]
        for kind, limit, values in table:
            for value in self.random.sample(values, len(values)):
                for command in self.random.sample(COMMANDS, len(COMMANDS)):
                    def trial(kind=kind, limit=limit, value=value, command=command):
                        with World(self, command) as world:
                            status, said = world.run(command.words, limits=[(limit, value)])
                            # What does not even reach main() was refused by the loader.
                            killed = status is not None and status < 0 and value <= 100 << 20 and limit == resource.RLIMIT_AS
                            self.check(kind, world, status, said, killed, f"{kind} {value}")
                    yield trial

    def places(self):
        """In a mount namespace of their own, where one may be made."""
        if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode != 0:
            return
        scripts = {"places full": "mount -t tmpfs -o size=300k none tmp && cp -a home/moat/store tmp/ 2>/dev/null; exec env TMPDIR=tmp \"$@\"",
                   "places read-only": "mount --bind env env && mount -o remount,ro,bind env && exec \"$@\"",
                   "places no /proc": "mount -t tmpfs none /proc && exec \"$@\""}
        for kind, script in scripts.items():
            for command in self.random.sample(COMMANDS, len(COMMANDS)):
                if kind == "places read-only" and command.name == "remove":
                    continue  # it is renamed away first, which a mount point may not be
                def trial(kind=kind, script=script, command=command):
                    with World(self, command) as world:
                        extra = {"MOAT_STORE_DIR": str(world.root / "tmp/store")} if kind == "places full" else {}
                        status, said = world.run(command.words, before=["unshare", "-m", "sh", "-ec", script, "sh"], **extra)
                        self.check(kind, world, status, said, False, script)
                yield trial

    def crowds(self):
        while True:
            def trial():
                command = Command("crowd", [], runtimes=True, cold=True, again=False)
                with World(self, command) as world, concurrent.futures.ThreadPoolExecutor(16) as pool:
                    words = [COMMANDS[1].words, COMMANDS[2].words, COMMANDS[3].words, COMMANDS[4].words, ["list", "--env", "env"],
                             ["store", "prune", "--older-than", "0d"], COMMANDS[9].words, ["env", "history", "--env", "env"]]
                    # A prune would take the shared runtimes away.
                    words.remove(["store", "prune", "--older-than", "0d"])
                    ran = list(pool.map(world.run, [words[i % len(words)] for i in range(16)]))
                    self.tried["crowd"] += 1
                    for status, said in ran:
                        if status not in (0, 1):
                            self.failures.append(f"crowd: status {status}: {said[-300:]}")
                    for check in (["list", "--env", "env"], ["store", "verify"]):
                        status, said = world.run(check)
                        if status != 0:
                            self.failures.append(f"crowd: afterwards {check}: {said[-300:]}")
            yield trial

    def run(self, kinds, seconds):
        deadline = time.monotonic() + seconds
        sources = {name: iter(getattr(self, name)()) for name in kinds}
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            running = set()
            while time.monotonic() < deadline and sources:
                for name in list(sources):
                    trial = next(sources[name], None)
                    if trial is None:
                        del sources[name]
                        continue
                    if len(running) >= self.jobs:
                        done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                        for one in done:
                            one.result()
                    if time.monotonic() >= deadline:
                        break
                    running.add(pool.submit(trial))
            for one in running:
                one.result()

    def report(self):
        failed = collections.Counter(failure.split(":")[0] for failure in self.failures)
        print(f"{'kind':<18}{'tried':>7}{'survived':>10}")
        for kind in sorted(self.tried):
            print(f"{kind:<18}{self.tried[kind]:>7}{self.tried[kind] - min(failed[kind], self.tried[kind]):>10}")
        print(f"{'in all':<18}{sum(self.tried.values()):>7}  seed {self.seed}")
        for failure in self.failures:
            print("FAILED", failure)


KINDS = ["kills", "signals", "errors", "short_writes", "limits", "places", "crowds"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("moat", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--short", action="store_true", help="a sample that takes less than a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=KINDS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    options = parser.parse_args()
    if shutil.which("strace") is None or subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: strace is not there, or may not trace")
        return 77
    begun = time.monotonic()
    torture = Torture(options.moat.resolve(), options.seed, options.jobs)
    torture.prepare()
    seconds = max(10, 45 - (time.monotonic() - begun)) if options.short else options.minutes * 60
    torture.run(options.only or KINDS, seconds)
    torture.report()
    return 1 if torture.failures else 0


if __name__ == "__main__":
    sys.exit(main())
