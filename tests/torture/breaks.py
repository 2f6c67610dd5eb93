"""The ways to break a command. Each is a generator of trials: functions without arguments, in an order that the seed decides."""
import collections
import concurrent.futures
import itertools
import os
import resource
import shlex
import shutil
import subprocess

from commands import PACKAGES, PROJECT, Command
from world import World

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
#include <stdlib.h>
#include <unistd.h>
#include <sys/types.h>
static size_t part(size_t count) {
  const char* parts = getenv("SHORT_WRITES");
  size_t of = parts ? (size_t)atoi(parts) : 3;
  return count > 1 ? (count + of - 1) / of : count;
}
ssize_t write(int file, const void* bytes, size_t count) {
  static ssize_t (*real)(int, const void*, size_t);
  if (!real) real = (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  return real(file, bytes, part(count));
}
ssize_t pwrite64(int file, const void* bytes, size_t count, off_t at) {
  static ssize_t (*real)(int, const void*, size_t, off_t);
  if (!real) real = (ssize_t(*)(int, const void*, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
  return real(file, bytes, part(count), at);
}
"""

# What costs many times as much as the others is tried less often: one turn in so many.
COSTLY = {"snapshot": 16, "build": 12, "python install": 4, "create": 2, "tool install": 2, "prune": 2}


class Breaks:
    """`judge(kind, world, status, said, killed, how)` is told what became of each trial."""

    def __init__(self, template, commands, random, judge, note):
        self.template, self.commands, self.random, self.judge, self.note = template, commands, random, judge, note
        self.calls, self.numbers = {}, itertools.count()

    def count_calls(self, world):
        """How often each call is made by the thread that makes it most: what `when=N` counts. → what the command said"""
        names = sorted({*CHANGES, *(name for names in ERRORS.values() for name in names)})
        log = world.root / "calls"
        trace = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(log), "-e", "trace=" + ",".join("?" + n for n in names)]
        answer = world.run(world.command.words, before=trace)
        counts = collections.Counter()
        for line in log.read_text(errors="replace").splitlines():
            parts = line.split(None, 1)
            if len(parts) == 2 and "(" in parts[1] and not parts[1].startswith(("<", "+", "-")):
                counts[parts[0], parts[1].split("(")[0]] += 1
        most = {}
        for (_, name), count in counts.items():
            most[name] = max(most.get(name, 0), count)
        self.calls[world.command.name] = most
        return answer

    def injected(self, kind, command, call, inject, killed):
        # Bytecode is made by another program, which costs more than all the rest: of each fourth trial it is part.
        compiled = "now" if next(self.numbers) % 4 == 0 else "never"

        def trial():
            with World(self.template, command) as world:
                before = ["strace", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", f"trace=?{call}", "-e", f"inject=?{call}:{inject}"]
                status, said = world.run(command.words, before=before, MOAT_COMPILE=compiled)
                self.judge(kind, world, status, said, killed, shlex.join(before[6:]) + f" MOAT_COMPILE={compiled}")
        return trial

    def places(self, command, calls):
        """Every (call, n) of the command, in any order, and again in another."""
        known = [(call, n) for call in calls for n in range(1, self.calls[command.name].get(call, 0) + 1)]
        while known:
            yield from self.random.sample(known, len(known))

    def in_turn(self, sources):
        """One trial of each command after the other, of the costly ones fewer."""
        for turn in itertools.count():
            for command in self.random.sample(self.commands, len(self.commands)):
                if turn % COSTLY.get(command.name, 1) == 0:
                    trial = next(sources[command.name], None)
                    if trial:
                        yield trial

    def kills(self):
        def of(command):
            for call, n in self.places(command, CHANGES):
                yield self.injected("kill", command, call, f"signal=KILL:when={n}", True)
        yield from self.in_turn({command.name: of(command) for command in self.commands})

    def signals(self):
        def of(command):
            for call, n in self.places(command, CHANGES):
                yield self.injected("signal", command, call, f"signal={self.random.choice(['INT', 'TERM'])}:when={n}", False)
        yield from self.in_turn({command.name: of(command) for command in self.commands})

    def errors(self):
        def one(command, error):
            for call, n in self.places(command, ERRORS[error]):
                # For ever, EINTR and the EAGAIN of a lock mean: try again.
                lasting = "" if error == "EINTR" or (error, call) == ("EAGAIN", "fcntl") else self.random.choice(["", "+"])
                yield self.injected(f"errno {error}", command, call, f"error={error}:when={n}{lasting}", False)

        def of(command):
            sources = {error: one(command, error) for error in ERRORS}
            while sources:
                for error in self.random.sample(sorted(sources), len(sources)):
                    trial = next(sources[error], None)
                    if trial is None:
                        del sources[error]
                    else:
                        yield trial
        yield from self.in_turn({command.name: of(command) for command in self.commands})

    def short_writes(self):
        library, source = self.template.folder / "short_writes.so", self.template.folder / "short_writes.c"
        source.write_text(SHORT_WRITES)
        if shutil.which("cc") is None or subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"]).returncode != 0:
            return
        for parts in (3, 2, 1000, 7):
            for command in self.commands:
                def trial(command=command, parts=parts):
                    with World(self.template, command) as world:
                        status, said = world.run(command.words, LD_PRELOAD=str(library), SHORT_WRITES=str(parts))
                        how = f"LD_PRELOAD=short_writes.so SHORT_WRITES={parts}"
                        self.judge("short writes", world, status, said, False, how, must_work=True)
                yield trial

    def limits(self):
        """From too little to plenty."""
        table = [("limits -n", resource.RLIMIT_NOFILE, [8, 16, 24, 32, 48, 64, 128, 256]),
                 ("limits -v", resource.RLIMIT_AS, [n << 20 for n in (64, 80, 100, 125, 150, 175, 200, 250, 300, 600)]),
                 ("limits -f", resource.RLIMIT_FSIZE, [0, 1, 100, 1000, 5000, 20000, 100000, 1000000])]
        if os.geteuid() != 0:  # root is not counted
            table.append(("limits -u", resource.RLIMIT_NPROC, [1, 5, 20]))
        for kind, limit, values in table:
            for value in self.random.sample(values, len(values)):
                for command in self.random.sample(self.commands, len(self.commands)):
                    def trial(kind=kind, limit=limit, value=value, command=command):
                        with World(self.template, command) as world:
                            status, said = world.run(command.words, limits=[(limit, value)])
                            # What does not even reach main() was refused by the loader.
                            killed = status is not None and status < 0 and value <= 100 << 20 and limit == resource.RLIMIT_AS
                            self.judge(kind, world, status, said, killed, f"{kind} {value}")
                    yield trial

    def systems(self):
        """File systems, in a mount namespace of their own, where one may be made; as a user without rights, too."""
        if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode != 0:
            return
        small = "mount -t tmpfs -o size={}k none tmp && cp -a home/moat/store tmp/ 2>/dev/null; exec env TMPDIR=tmp \"$@\""
        scripts = [("full disk", small.format(size)) for size in (100, 300, 500, 1000, 2000)]
        # `env remove` begins by renaming the environment, which a mount point may not be.
        scripts += [("read-only", "mount --bind {0} {0} && mount -o remount,ro,bind {0} && exec \"$@\"".format(place))
                    for place in ("env", "home/moat/store", "home/moat/data", "tmp", "project")]
        scripts += [("no /proc", "mount -t tmpfs none /proc && exec \"$@\""),
                    ("few processes", "chmod -R a+rwX . && exec setpriv --reuid 61002 --clear-groups prlimit --nproc=1 \"$@\""),
                    ("few processes", "chmod -R a+rwX . && exec setpriv --reuid 61003 --clear-groups prlimit --nproc=3 \"$@\"")]
        for kind, script in scripts:
            for command in self.random.sample(self.commands, len(self.commands)):
                if kind == "few processes" and os.geteuid() != 0:
                    continue
                def trial(kind=kind, script=script, command=command):
                    with World(self.template, command) as world:
                        (world.root / "project").mkdir(exist_ok=True)
                        (world.root / "env").mkdir(exist_ok=True)
                        extra = {"MOAT_STORE_DIR": str(world.root / "tmp/store")} if kind == "full disk" else {}
                        if kind == "few processes":
                            subprocess.run(["chown", "-R", script.split("--reuid ")[1].split()[0], world.root], check=True)
                        status, said = world.run(command.words, before=["unshare", "-m", "sh", "-ec", script, "sh"], **extra)
                        self.judge(kind, world, status, said, False, script)
                yield trial

    def crowds(self):
        """Sixteen processes on one store, one environment and one project."""
        commands = [["install", "--env", "env", "gamma", *PACKAGES], ["install", "--env", "env", "-U", "alpha", *PACKAGES],
                    ["uninstall", "--env", "env", "beta"], ["sync", "--env", "env", "locked.txt", *PACKAGES],
                    ["install", "--env", "env", "./source"], ["env", "rollback", "--env", "env"], ["list", "--env", "env"],
                    ["env", "history", "--env", "env"], ["add", "gamma", *PROJECT], ["remove", "beta", "--project", "project"],
                    ["create", "./new", "beta", "-p", str(self.template.python), *PACKAGES],
                    ["store", "prune", "--older-than", "1d"]]
        while True:
            chosen = [self.random.choice(commands) for _ in range(16)]

            def trial(chosen=chosen):
                command = Command("crowd", [], cold=True, needs=("env", "project", "source"))
                with World(self.template, command) as world, concurrent.futures.ThreadPoolExecutor(16) as pool:
                    ran = list(pool.map(world.run, chosen))
                    # 2: what is there already is not created, what is gone is not removed. Whoever prunes waits for a
                    # moment at which nobody uses the store, and gives up after a minute.
                    problems = [f"status {status}: {said[-300:]}" for words, (status, said) in zip(chosen, ran)
                                if status not in (0, 1, 2) and not (words[1] == "prune" and "is in use by" in said)]
                    for words in (["list", "--env", "env"], ["list", "--env", "project/.venv"], ["store", "verify"], ["doctor", "--env", "env"]):
                        status, said = world.run(words)
                        if status != 0:
                            problems.append(f"afterwards {shlex.join(words)}: {status}: {said[-300:]}")
                    self.note("crowd", "crowd", shlex.join(itertools.chain(*([*words, ";"] for words in chosen))), problems)
            yield trial
