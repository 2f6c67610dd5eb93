"""One lock for four platforms and four Pythons, of real packages: it stays as it is when locked again, each target has a
file for each package, and moat, pip and uv install the same versions from it on the Pythons that are here.

    universal_test.py MOAT

Exit status 77 where the index cannot be reached; a Python or tool that is not here is left out, and said.
"""
import argparse
import pathlib
import shutil
import tomllib

from world import World

SEE = "import importlib.metadata as m; print(*sorted(d.metadata['Name'].lower().replace('_', '-').replace('.', '-') + '==' + d.version for d in m.distributions()))"
NOT_LOCKED = ("pip==", "setuptools==", "wheel==")
PLATFORMS = {"linux-x86_64": ("manylinux", "x86_64"), "linux-aarch64": ("manylinux", "aarch64"),
             "macos-arm64": ("macosx", ("arm64", "universal2")), "windows-x86_64": ("win_amd64", "win_amd64")}
STACKS = {"web": ["django", "celery", "gunicorn", "psycopg"], "science": ["scikit-learn", "pandas", "matplotlib"]}
PROJECT = """[project]
name = "{name}"
version = "1"
requires-python = ">=3.10,<3.14"
dependencies = {dependencies}

[dependency-groups]
dev = ["pytest"]

[tool.moat]
targets = {targets}
"""


def fits(wheel, platform, minor):
    """By hand, and roughly: may this platform and CPython install the wheel?"""
    pythons, abis, tags = wheel.removesuffix(".whl").split("-")[-3:]
    kind, machine = PLATFORMS[platform]
    for tag in tags.split("."):
        if tag != "any" and not (tag.startswith(kind) and tag.endswith(machine)):
            continue
        for python in pythons.split("."):
            if python in ("py3", f"py3{minor}", f"cp3{minor}", "py2"):
                return True
            if python.startswith("cp3") and "abi3" in abis and int(python[3:]) <= minor:
                return True
    return False


def check_files(lock):
    """Of each entry without a marker, which is for every target; those with markers moat itself has checked."""
    for package in lock["packages"]:
        if "marker" in package or "sdist" in package:
            continue
        for platform in PLATFORMS:
            for minor in range(10, 14):
                assert any(fits(wheel["name"], platform, minor) for wheel in package["wheels"]), \
                    f"{package['name']} {package['version']} has no wheel for {platform} and 3.{minor}"


def distributions(world, python):
    seen = world.good(python, "-I", "-c", SEE).split()
    return [one for one in seen if not one.startswith(NOT_LOCKED)]


def installed(world, folder, python, uv):
    """What each tool installs from the lock, by name."""
    out = {}
    label = pathlib.Path(python).name
    place = folder / f"moat-{label}"
    world.good_moat("create", place, "-p", python)
    world.good_moat("sync", "--env", place, cwd=folder)
    out["moat with the default group"] = distributions(world, place / "bin/python")
    world.good_moat("sync", folder / "pylock.main.toml", "--env", place, cwd=folder)
    out["moat"] = distributions(world, place / "bin/python")
    place = folder / f"pip-{label}"
    world.good(python, "-m", "venv", place)
    world.good(place / "bin/pip", "install", "-q", "-U", "pip>=26.1")
    world.good(place / "bin/pip", "install", "-q", "-r", "pylock.main.toml", cwd=folder)
    out["pip"] = distributions(world, place / "bin/python")
    if uv:
        place = folder / f"uv-{label}"
        world.good(uv, "venv", "-q", "-p", python, place)
        world.good(uv, "pip", "install", "-q", "-p", place / "bin/python", "-r", "pylock.main.toml", cwd=folder)
        out["uv"] = distributions(world, place / "bin/python")
    return out


def check_stack(world, name, packages, pythons, uv):
    folder = world.root / name
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        PROJECT.format(name=name, dependencies=str(packages).replace("'", '"'),
                       targets=str(list(PLATFORMS)).replace("'", '"')))
    world.good_moat("lock", cwd=folder)
    text = (folder / "pylock.toml").read_bytes()
    world.good_moat("lock", cwd=folder)
    assert (folder / "pylock.toml").read_bytes() == text, f"{name}: locking again changes the lock"
    world.good_moat("lock", "--check", "--offline", cwd=folder)
    lock = tomllib.loads(text.decode())
    check_files(lock)
    # The same without [tool.moat], as other tools write it: no group unless it is named.
    (folder / "pylock.main.toml").write_bytes(text.split(b"\n[tool.moat]")[0] + b"\n")
    for python in pythons:
        by_tool = installed(world, folder, python, uv)
        with_dev = by_tool.pop("moat with the default group")
        assert any(one.startswith("pytest==") for one in with_dev), with_dev
        for tool, seen in by_tool.items():
            assert seen == by_tool["moat"], f"{name}: {tool} installed {seen}, moat {by_tool['moat']}"
    forked = len(lock["packages"]) - len({package["name"] for package in lock["packages"]})
    print(f"{name}: {len(lock['packages'])} entries, {forked} of them second versions; the same by moat, pip"
          f"{' and uv' if uv else ''} with {len(pythons)} Pythons")


def find_uv(world):
    """uv from the index, in a folder of its own."""
    place = world.root / "uv"
    world.good("/usr/bin/python3", "-m", "venv", place)
    status, _ = world.run(place / "bin/pip", "install", "-q", "uv")
    return place / "bin/uv" if status == 0 else None


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat")
    args = ap.parse_args()
    with World("universal", args.moat) as world:
        world.require_index()
        pythons = []
        for minor in (11, 12):
            places = [*pathlib.Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3.{minor}"), shutil.which(f"python3.{minor}")]
            found = next((str(place) for place in places if place), None)
            if found:
                pythons.append(found)
            else:
                print(f"left out: there is no Python 3.{minor} here")
        uv = find_uv(world)
        if not uv:
            print("left out: uv cannot be had")
        for name, packages in STACKS.items():
            check_stack(world, name, packages, pythons, uv)


if __name__ == "__main__":
    main()
