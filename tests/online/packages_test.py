"""Packages that are hard to resolve, to build or to install, from the default index; each runs something in the end.

    packages_test.py MOAT [--stack NAME]… [--except NAME]… [--python X.Y]… [--store DIR]

A Python that this machine does not have is passed over, and said. Exit status 77 where the index cannot be reached, or where none of
the Pythons is here.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from packages import STACKS

SKIPPED = 77


class World:
    """A folder with everything in it: store, home, environments."""

    def __init__(self, moat, store):
        self.moat = moat
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="moat-packages-"))
        (self.root / "home").mkdir()
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "MOAT_"))}
        self.env.update(HOME=str(self.root / "home"), MOAT_HOME=str(self.root / "moat"), NO_COLOR="1", AIRFLOW_HOME=str(self.root / "airflow"),
                        MOAT_STORE_DIR=str(store or self.root / "store"))

    def run(self, *argv, cwd=None, **options):
        done = subprocess.run([str(self.moat), *map(str, argv)], cwd=cwd or self.root, env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, **options)
        return done.returncode, done.stdout

    def has_python(self, version):
        return self.run("python", "find", version)[0] == 0

    def reaches_the_index(self):
        status, out = self.run("lock", "-r", "/dev/stdin", "-o", "/dev/null", "--format", "pylock", input="six\n")
        if status == 3:
            print("skipped: the default index cannot be reached:\n" + out)
        return status != 3


def try_stack(world, name, python):
    stack = STACKS[name]
    work = world.root / f"{name}-{python}"
    work.mkdir()
    for path, text in stack.files.items():
        (work / path).write_text(text)
    begin = time.monotonic()
    status, out = world.run("create", "env", *stack.packages, "-p", python, cwd=work)
    if status:
        print(f"FAIL {name} on {python}: cannot be installed (exit status {status})\n{out}", flush=True)
        return False
    took = time.monotonic() - begin
    status, out = world.run("run", "--env", "./env", "--", *stack.command, cwd=work)
    if status or stack.want not in out:
        print(f"FAIL {name} on {python}: {' '.join(stack.command)} ended with {status}\n{out}", flush=True)
        return False
    print(f"ok   {name:14} {python}  ({took:.1f} s to install)", flush=True)
    shutil.rmtree(work / "env")
    return True


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat", type=pathlib.Path)
    ap.add_argument("--stack", action="append", choices=sorted(STACKS))
    ap.add_argument("--except", dest="left_out", action="append", default=[], choices=sorted(STACKS))
    ap.add_argument("--python", action="append")
    ap.add_argument("--store", type=pathlib.Path)
    args = ap.parse_args()
    world = World(args.moat.resolve(), args.store)
    try:
        if not world.reaches_the_index():
            return SKIPPED
        results, absent = [], set()
        for name in (n for n in args.stack or STACKS if n not in args.left_out):
            for python in STACKS[name].pythons:
                if args.python and python not in args.python:
                    continue
                if python in absent or not world.has_python(python):
                    absent.add(python)
                else:
                    results.append(try_stack(world, name, python))
        for python in sorted(absent):
            print(f"passed over: there is no Python {python} here")
        return SKIPPED if not results else int(not all(results))
    finally:
        shutil.rmtree(world.root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
