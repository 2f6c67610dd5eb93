"""Real source distributions from the default index are built, installed and used: one backend each, and C.

    builds_test.py MOAT [--python PYTHON]

Exit status 77 where the index cannot be reached.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

# What is built, and a line of Python that uses it.
BUILDS = {
    "docopt": "import docopt; docopt.docopt('usage: x', [])",                         # setup.py alone
    "python3-gearman": "import python3_gearman",                                           # … an old one
    "stomp.py": "import stomp",                                                       # poetry-core
    "tomli": "import tomli; assert tomli.loads('a=1') == {'a': 1}",                   # flit-core or the like, in-tree
    "iniconfig": "import iniconfig",                                                  # hatchling, version by hatch-vcs
    "meson-python": "import mesonpy",                                                 # its own backend
    "markupsafe": "import markupsafe._speedups",                                      # setuptools, C
    "mercurial": "from mercurial.cext import parsers",                                # … much of it
}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat", type=pathlib.Path)
    ap.add_argument("--python", default="/usr/bin/python3")
    ap.add_argument("--only", action="append", help="build this one (may be given several times)")
    args = ap.parse_args()
    moat, work = args.moat.resolve(), pathlib.Path(tempfile.mkdtemp(prefix="moat-builds-"))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "MOAT_"))}
    env.update(HOME=str(work / "user"), MOAT_HOME=str(work / "home"), NO_COLOR="1")
    (work / "user").mkdir()

    def run(*argv):
        done = subprocess.run([str(a) for a in argv], cwd=work, env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    try:
        if run(moat, "create", "probe", "six", "-p", args.python)[0] == 3:
            print("skipped: the default index cannot be reached")
            sys.exit(77)
        failures = []
        for number, (name, use) in enumerate(BUILDS.items()):
            if args.only and name not in args.only:
                continue
            begun = time.monotonic()
            place = work / f"env{number}"
            status, said = run(moat, "create", place, name, "--no-binary", name, "-p", args.python)
            took = time.monotonic() - begun
            if status == 0:
                status, said = run(place / "bin/python", "-I", "-c", use)
            print(f"{name}: {'built in %.1f s' % took if status == 0 else 'FAILED'}", flush=True)
            if status != 0:
                failures.append(f"{name}: {status}\n{said}")
                continue
            # A second environment needs no build, and no network.
            status, said = run(moat, "create", work / f"again{number}", name, "--no-binary", name, "--offline", "-p", args.python)
            if status != 0:
                failures.append(f"{name} again: {status}\n{said}")
        assert not any((work / "user").iterdir()), "something was written into HOME"
        assert not failures, "\n".join(failures)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
