"""Packages that are hard to resolve, to build or to install, from the default index; each runs something in the end.

    packages_test.py MOAT [--stack NAME]… [--except NAME]… [--python X.Y]… [--store DIR]

A Python that this machine does not have is passed over, and said. Exit status 77 where the index cannot be reached, or where none of
the Pythons is here.
"""
import argparse
import shutil
import sys
import time

from packages import STACKS
from world import SKIPPED, World


def try_stack(world, name, python):
    stack = STACKS[name]
    work = world.root / f"{name}-{python}"
    work.mkdir()
    for path, text in stack.files.items():
        (work / path).write_text(text)
    begin = time.monotonic()
    status, out = world.moat("create", "./env", *stack.packages, "-p", python, cwd=work)
    if status:
        print(f"FAIL {name} on {python}: cannot be installed (exit status {status})\n{out}", flush=True)
        return False
    took = time.monotonic() - begin
    status, out = world.moat("run", "--env", "./env", "--", *stack.command, cwd=work)
    if status or stack.want not in out:
        print(f"FAIL {name} on {python}: {' '.join(stack.command)} ended with {status}\n{out}", flush=True)
        return False
    print(f"ok   {name:14} {python}  ({took:.1f} s to install)", flush=True)
    shutil.rmtree(work / "env")
    return True


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat")
    ap.add_argument("--stack", action="append", choices=sorted(STACKS))
    ap.add_argument("--except", dest="left_out", action="append", default=[], choices=sorted(STACKS))
    ap.add_argument("--python", action="append")
    ap.add_argument("--store")
    args = ap.parse_args()
    with World("packages", args.moat, args.store) as world:
        world.require_index()
        world.env["AIRFLOW_HOME"] = str(world.root / "airflow")
        results, absent = [], set()
        for name in (n for n in args.stack or STACKS if n not in args.left_out):
            for python in STACKS[name].pythons:
                if args.python and python not in args.python:
                    continue
                if python in absent or world.moat("python", "find", python)[0] != 0:
                    absent.add(python)
                else:
                    results.append(try_stack(world, name, python))
        for python in sorted(absent):
            print(f"passed over: there is no Python {python} here")
        return SKIPPED if not results else int(not all(results))


if __name__ == "__main__":
    sys.exit(main())
