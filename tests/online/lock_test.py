"""A lock goes round: moat writes it, moat installs it with an empty store (twice, the same bytes), pip installs it.

    lock_test.py MOAT [--python PYTHON]

Exit status 77 where the index cannot be reached.
"""
import argparse
import hashlib

from world import World

REQUIREMENTS = "flask==3.*\npandas\ncolorama ; sys_platform == 'win32'\nurllib3[socks]\n"
SEE = "import importlib.metadata as m; print(*sorted(d.metadata['Name'].lower().replace('_', '-') + '==' + d.version for d in m.distributions()))"


def digest(folder):
    total = hashlib.sha256()
    # bin/activate names the environment's folder, for shells that cannot tell where a sourced file lies.
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.stem != "activate"):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def lock(world, python):
    world.good_moat("lock", "-r", "requirements.txt", "-o", "pylock.toml", "--python", python)
    return (world.root / "pylock.toml").read_bytes()


def install(world, name, python):
    """By moat, from a store of its own → the distributions, and the digests of lib and bin."""
    place, store = world.root / name, {"MOAT_HOME": str(world.root / f"moat-{name}")}
    world.good_moat("create", place, "-p", python, variables=store)
    world.good_moat("sync", "pylock.toml", "--env", place, variables=store)
    return world.good(place / "bin/python", "-I", "-c", SEE).split(), [digest(place / part) for part in ("lib", "bin")]


def install_by_pip(world, python):
    place = world.root / "pip"
    world.good(python, "-m", "venv", place)
    world.good(place / "bin/pip", "install", "-q", "-U", "pip>=26.1")
    world.good(place / "bin/pip", "install", "-q", "-r", "pylock.toml")
    seen = world.good(place / "bin/python", "-I", "-c", SEE).split()
    return [d for d in seen if not d.startswith(("pip==", "setuptools=="))]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat")
    ap.add_argument("--python", default="/usr/bin/python3")
    args = ap.parse_args()
    with World("lock", args.moat) as world:
        world.require_index()
        (world.root / "requirements.txt").write_text(REQUIREMENTS)
        assert lock(world, args.python) == lock(world, args.python), "a second lock gives other bytes"
        seen, bytes_of = install(world, "one", args.python)
        again, bytes_again = install(world, "two", args.python)
        assert seen == again, (seen, again)
        assert bytes_of == bytes_again, "two environments from one lock differ"
        by_pip = install_by_pip(world, args.python)
        assert by_pip == seen, f"pip installed {by_pip}, moat {seen}"
        print(f"{len(seen)} distributions, the same by moat (twice, the same bytes) and by pip")


if __name__ == "__main__":
    main()
