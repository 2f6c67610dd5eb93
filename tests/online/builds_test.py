"""Real source distributions from the default index are built, installed and used: one backend each, and C; and a lock
of sources goes round.

    builds_test.py MOAT [--python PYTHON] [--only NAME]…

Exit status 77 where the index cannot be reached.
"""
import argparse
import sys
import time

from world import World

# What is built (by force, so that wheels that come later change nothing), and a line of Python that uses it.
BUILDS = {
    "docopt": "import docopt; docopt.docopt('usage: x', [])",        # setup.py alone
    "python3-gearman": "import python3_gearman",                     # … an old one
    "pep8": "import pep8; pep8.__version__",                         # … with setup.cfg
    "Flask-SeaSurf": "import flask_seasurf; flask_seasurf.SeaSurf",  # … of a package that needs others
    "stomp.py": "import stomp",                                      # poetry-core
    "tomli": "import tomli; assert tomli.loads('a=1') == {'a': 1}",  # flit-core or the like, in-tree
    "iniconfig": "import iniconfig",                                 # hatchling, version by hatch-vcs
    "meson-python": "import mesonpy",                                # its own backend
    "markupsafe": "import markupsafe._speedups",                     # setuptools, C
    "mercurial": "from mercurial.cext import parsers",               # … much of it
}


def build(world, place, name, use, python):
    """→ what went wrong, or None."""
    asked = (name, "--no-binary", name, "-p", python)
    begun = time.monotonic()
    status, said = world.moat("create", place, *asked)
    took = time.monotonic() - begun
    if status == 0:
        status, said = world.run(place / "bin/python", "-I", "-c", use)
    print(f"{name}: {'built in %.1f s' % took if status == 0 else 'FAILED'}", flush=True)
    if status == 0:
        # A second environment needs no build, and no network.
        status, said = world.moat("create", place.with_name(place.name + "-again"), *asked, "--offline")
    return f"{name}: {status}\n{said}" if status else None


def lock_sources(world, python):
    (world.root / "requirements.txt").write_text("docopt\nstomp.py\n")
    world.good_moat("lock", "-r", "requirements.txt", "-p", python, "--no-binary", ":all:", "--only-binary", "websocket-client",
                    "--only-binary", "docopt-ng")
    world.good_moat("create", "locked", "-p", python)
    world.good_moat("sync", "pylock.toml", "--env", "./locked")
    print(world.good(world.root / "locked/bin/python", "-I", "-c", "import docopt, stomp; print('locked')").strip())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat")
    ap.add_argument("--python", default="/usr/bin/python3")
    ap.add_argument("--only", action="append", choices=sorted(BUILDS))
    args = ap.parse_args()
    with World("builds", args.moat) as world:
        world.require_index()
        results = [build(world, world.root / f"env-{name}", name, BUILDS[name], args.python) for name in args.only or BUILDS]
        failures = [failure for failure in results if failure]
        if not args.only:
            lock_sources(world, args.python)
        assert not any(world.home.iterdir()), "something was written into HOME"
        print("\n".join(failures))
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
