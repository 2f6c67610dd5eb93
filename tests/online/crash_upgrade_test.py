"""Kills an upgrade of real packages at random moments: the environment must start each time and be one whole state.

    crash_upgrade_test.py MOAT [--times N] [--python PYTHON] [--overlay] [--store DIR] [--seed N]

An environment holds jupyter at two states in turn: with older pins and without. Each round starts the change to the
other one and kills it (SIGKILL, the whole process group) after a random time of its usual length. Then the
environment's own python is started, so that the launcher, not moat, is the first to meet a journal, and what it sees
must be exactly the one state or the other: distributions, and every file by digest.

--overlay: the environment lies in the lower layer of an overlayfs made in a mount namespace of this process.
Exit status 77 where the index (or, with --overlay, a namespace) cannot be had.
"""
import argparse
import hashlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

from world import SKIPPED, World

OLD = ["jupyter==1.1.0", "notebook<7.1", "jupyterlab<4.1", "ipython<8.20", "nbconvert<7.14", "jupyter-server<2.13"]
NEW = ["jupyter==1.1.1", "notebook<7.3", "jupyterlab<4.3", "ipython<8.30", "nbconvert<7.17", "jupyter-server<2.15"]
SEE = "import importlib.metadata as m; print(sorted((d.metadata['Name'].lower(), d.version) for d in m.distributions()))"


def tree_digest(env):
    """Every file but moat's own bookkeeping, what running Python may write, and pyvenv.cfg, which follows a move."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(env):
        folders[:] = sorted(f for f in folders if f not in (".moat", "__pycache__"))
        for name in sorted(set(files) - {"pyvenv.cfg"}):
            path = os.path.join(folder, name)
            content = os.readlink(path).encode() if os.path.islink(path) else pathlib.Path(path).read_bytes()
            digest.update(os.path.relpath(path, env).encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


class Run:
    def __init__(self, world, args):
        self.world, self.args, self.random = world, args, random.Random(args.seed)
        self.target = world.root / "env"

    def change(self, packages):
        return ["install", "--env", self.target, "--offline", *packages]

    def seen(self):
        """What the environment's own Python says, started as a user would start it."""
        return self.world.good(self.target / "bin/python", "-I", "-c", SEE)

    def state(self):
        seen = self.seen()
        assert not (self.target / ".moat/journal").exists(), "a journal is left after a start"
        return seen, tree_digest(self.target)

    def prepare(self):
        self.world.good_moat("create", self.target, *(["-p", self.args.python] if self.args.python else []))
        for packages in (NEW, OLD):
            self.world.good_moat("install", "--env", self.target, *packages)
        self.states, self.length = {}, 0
        for name, packages in (("new", NEW), ("old", OLD)):
            begin = time.monotonic()
            self.world.good_moat(*self.change(packages))
            self.length = max(self.length, time.monotonic() - begin)
            self.states[self.state()] = name
        assert len(self.states) == 2, "the two states must differ"

    def kill_once(self):
        now = self.states[self.state()]
        packages = OLD if now == "new" else NEW
        child = subprocess.Popen([self.world.program, *map(str, self.change(packages))], env=self.world.env, cwd=self.world.root,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(self.random.uniform(0, self.length * 1.1))
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        state = self.state()
        assert state in self.states, f"neither the old state nor the new one:\n{state[0]}"
        return self.states[state] != now

    def put_under_overlay(self):
        layers = self.world.root / "layers"
        for name in ("lower", "upper", "work", "merged"):
            (layers / name).mkdir(parents=True)
        # An overlay's upper layer may not itself lie on one: a tmpfs always serves.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(layers)], check=True)
        for name in ("lower", "upper", "work", "merged"):
            (layers / name).mkdir()
        shutil.move(self.target, layers / "lower/env")
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={layers}/lower,upperdir={layers}/upper,workdir={layers}/work,redirect_dir=off",
                        str(layers / "merged")], check=True)
        self.target = layers / "merged/env"

    def take_from_overlay(self):
        for mount in ("layers/merged", "layers"):
            subprocess.run(["umount", str(self.world.root / mount)], stderr=subprocess.DEVNULL)


def try_kills(world, args):
    run = Run(world, args)
    try:
        run.prepare()
        if args.overlay:
            run.put_under_overlay()
        switched = sum(run.kill_once() for _ in range(args.times))
    finally:
        if args.overlay:
            run.take_from_overlay()
    print(f"{args.times} kills within {run.length:.2f} s each: the new state {switched} times, the old one "
          f"{args.times - switched} times, never anything else")
    assert args.times < 50 or 0 < switched < args.times, "the kills did not fall on both sides of the switch"


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat")
    ap.add_argument("--times", type=int, default=200)
    ap.add_argument("--python")
    ap.add_argument("--overlay", action="store_true")
    ap.add_argument("--store")
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()
    if args.overlay and not os.environ.get("MOAT_CRASH_NAMESPACE"):
        if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
            print("skipped: no right to make a mount namespace")
            return SKIPPED
        os.environ["MOAT_CRASH_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    with World("crash", args.moat, args.store) as world:
        world.require_index()
        try_kills(world, args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
