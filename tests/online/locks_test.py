"""One lock for many machines, of real packages, held to what others find: PyPI's `packaging` on every target (lock_oracle.py), and
pip and uv on the Pythons that are here.

    locks_test.py MOAT [--set NAME]… [--keep DIR] [--figures FILE] [--only-lock]

--keep: where pages, wheels and metadata are kept for the next run. --figures: a table of what locking took, in Markdown.
--only-lock: nothing is looked up or installed.
MOAT_LARGE_LOCKS=1 adds the sets that take long. Exit status 77 where the index cannot be reached; a Python or tool that is not here
is left out, and said.
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[0:0] = [str(HERE), str(HERE.parent / "support")]  # the throw-away Python looks nowhere by itself
import throw_away  # noqa: E402

throw_away.start_again_with("packaging>=26.4")

import argparse  # noqa: E402
import contextlib  # noqa: E402
import dataclasses  # noqa: E402
import hashlib  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import tarfile  # noqa: E402
import tomllib  # noqa: E402

from packaging.markers import Marker  # noqa: E402
from packaging.specifiers import SpecifierSet  # noqa: E402
from packaging.version import Version  # noqa: E402

from lock_oracle import RARE, USUAL, Lock, Oracle, Target, fetch  # noqa: E402
from world import World, default_index  # noqa: E402


# ---- what is locked

@dataclasses.dataclass(frozen=True)
class Set:
    requirements: tuple
    pythons: str = ">=3.10,<3.14"
    platforms: tuple = USUAL
    dev: tuple = ()  # the dependency group of that name
    named: str = ""  # the Python to lock for, where none of the Pythons is here
    is_large: bool = False


UNIX = ("linux-x86_64", "linux-aarch64", "macos-arm64")
SETS = {
    "trio's documentation": Set(("docs-requirements.in of trio",)),
    "web": Set(("django", "celery", "gunicorn", "psycopg"), dev=("pytest",)),
    "science": Set(("scikit-learn", "pandas", "matplotlib")),
    "jupyter": Set(("jupyter",), is_large=True),
    "airflow": Set(("apache-airflow",), is_large=True),
    "home-assistant": Set(("homeassistant",), ">=3.12,<3.15", UNIX, is_large=True),
    # Its newest release is for later releases of Python 3.14 alone.
    "home-assistant, newest": Set(("homeassistant",), ">=3.14.2,<3.15", UNIX, named="3.14.2", is_large=True),
}


def lines_of_trio(oracle):
    """What trio's documentation requires, as its newest source distribution has it."""
    page = oracle.page(default_index(), "trio")
    name = max((n for n in page if re.fullmatch(r"trio-[0-9.]+\.tar\.gz", n)), key=lambda n: Version(n[5:-7]))
    with tarfile.open(fileobj=io.BytesIO(fetch(page[name]["url"]))) as archive:
        text = archive.extractfile(f"{name[:-7]}/docs-requirements.in").read().decode()
    return tuple(line.partition("#")[0].strip() for line in text.splitlines() if line.partition("#")[0].strip())


def write_project(folder, one, for_uv=False):
    folder.mkdir(parents=True)
    quoted = [json.dumps(words) for words in (one.requirements, one.dev, one.platforms)]
    text = f'[project]\nname = "a-set"\nversion = "1"\nrequires-python = "{one.pythons}"\ndependencies = {quoted[0]}\n'
    if one.dev:
        text += f"[dependency-groups]\ndev = {quoted[1]}\n"
    (folder / "pyproject.toml").write_text(text + ("[tool.uv]\npackage = false\n" if for_uv else f"[tool.moat]\ntargets = {quoted[2]}\n"))


def releases(pythons):
    """Of each minor Python the first release, and one that is late."""
    for minor in range(8, 15):
        admitted = [f"3.{minor}.{micro}" for micro in range(40) if pythons.contains(f"3.{minor}.{micro}")]
        if admitted:
            yield from dict.fromkeys([admitted[0], admitted[min(20, len(admitted) - 1)]])


# ---- figures

@dataclasses.dataclass
class Took:
    seconds: float
    cpu: float
    megabytes: int


# A small process between: what the test holds itself would count as memory of its child.
MEASURE = """import json, os, sys, time
begin = time.monotonic()
_, status, usage = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
with open(sys.argv[1], "w") as out:
    json.dump([time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024], out)
sys.exit(os.waitstatus_to_exitcode(status))"""


def take(world, *argv, cwd, variables=()):
    """Runs what must succeed, and all it waits for counts."""
    out = world.root / "took.json"
    world.good(sys.executable, "-I", "-c", MEASURE, out, *argv, cwd=cwd, variables=variables)
    return Took(*json.loads(out.read_text()))


class Figures:
    HEAD = ("set", "packages (entries)", "targets", "lock, pages unknown: s (CPU), MB", "uv: s (CPU), MB", "pages known: s (CPU)", "uv: s (CPU)",
            "size, KB", "uv.lock, KB")

    def __init__(self):
        self.rows = []

    def add(self, name, lock, one, ours, of_uv):
        def cells(took, memory):
            return "" if took is None else f"{took.seconds:.1f} ({took.cpu:.2f})" + (f", {took.megabytes}" if memory else "")
        minors = {release.rpartition(".")[0] for release in releases(SpecifierSet(one.pythons))}
        self.rows.append((name, f"{names_in(lock)} ({len(lock['packages'])})", len(one.platforms) * len(minors),
                          cells(ours[0], True), cells(of_uv[0], True), cells(ours[1], False), cells(of_uv[1], False),
                          ours[2] // 1024, of_uv[2] // 1024))

    def table(self):
        lines = [self.HEAD, ("---",) * len(self.HEAD), *self.rows]
        return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


# ---- the lock

def lock_words(one):
    if not one.named:
        return []
    return ["--python-version", one.named, *(word for platform in one.platforms for word in ("--platform", platform))]


def lock_set(world, folder, one):
    """Locks it with pages unknown and known, and again. → the lock, and what both took."""
    words, lock = lock_words(one), folder / "pylock.toml"
    cold_store = {"MOAT_STORE_DIR": str(world.root / "cold")}
    write_project(folder, one)
    cold = take(world, world.program, "lock", *words, cwd=folder, variables=cold_store)
    text = lock.read_bytes()
    lock.unlink()
    warm = take(world, world.program, "lock", *words, cwd=folder, variables=cold_store)
    assert lock.read_bytes() == text, "what is known of the index changes the lock"
    shutil.rmtree(world.root / "cold")
    world.good_moat("lock", *words, cwd=folder)
    assert lock.read_bytes() == text, "locking again changes the lock"
    if not one.named:  # there is no Python here that may ask
        world.good_moat("lock", "--check", "--offline", cwd=folder)
    return Lock(tomllib.loads(text.decode())), cold, warm


def lock_universal(world, folder, one):
    write_project(folder, one)
    world.good_moat("lock", "--universal", cwd=folder)
    text = (folder / "pylock.toml").read_bytes()
    world.good_moat("lock", cwd=folder)
    assert (folder / "pylock.toml").read_bytes() == text, "locking a universal lock again changes it"
    lock = Lock(tomllib.loads(text.decode()))
    assert "environments" not in lock, "a universal lock names environments"
    return lock


def check_lock(oracle, lock, one, platforms, has_files=True):
    """→ how many targets."""
    count = 0
    for release in releases(SpecifierSet(one.pythons)):
        for platform in platforms:
            target = Target(platform, release)
            oracle.check_target(lock, target, one.requirements, has_files=has_files)
            if one.dev:
                oracle.check_target(lock, target, one.requirements + one.dev, groups=("dev",), has_files=has_files)
            count += 1
    return count


# ---- what is installed from it

NOT_PLACED = {"RECORD", "INSTALLER", "REQUESTED", "uv_build.json"}  # what each installer writes for itself
SEE = "import importlib.metadata as m; print(*sorted(d.metadata['Name'] + '==' + d.version for d in m.distributions()))"


def distributions(world, place):
    """→ {name: version} without pip, which some environments bring."""
    pairs = [pair.split("==") for pair in world.good(place / "bin/python", "-I", "-c", SEE).split()]
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs if name != "pip"}


def files_in(place):
    """→ {path: digest} of all that packages brought, and {name} of their scripts."""
    own = re.compile(r"pyvenv\.cfg|\.lock|\.gitignore|CACHEDIR\.TAG|\.moat/.*|lib/[^/]+/site-packages/(pip/.*|_virtualenv\.(py|pth))")
    files, scripts = {}, set()
    for path in place.rglob("*"):
        where = path.relative_to(place)
        if not path.is_file() or "__pycache__" in where.parts or where.parts[0] == "lib64":
            continue
        if where.parts[0] == "bin":
            if not re.fullmatch(r"(python|pip)[0-9.]*|[Aa]ctivate.*|deactivate\.bat|pydoc\.bat", where.name):
                scripts.add(where.name)
        elif where.name not in NOT_PLACED and not own.fullmatch(where.as_posix()):
            files[where.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return files, scripts


class Installers:
    """moat, pip and uv: a name, and how a lock comes into a new environment."""

    def __init__(self, world):
        self.world = world
        tools = world.root / "tools"
        world.good(sys.executable, "-m", "venv", tools)
        world.good(tools / "bin/pip", "install", "-q", "-U", "pip>=26.1")
        self.pip = tools / "bin/pip"
        self.uv = tools / "bin/uv" if world.run(self.pip, "install", "-q", "uv")[0] == 0 else None
        if not self.uv:
            print("left out: uv cannot be had")

    def each(self):
        yield "moat", self.with_moat
        yield "pip", self.with_pip
        if self.uv:
            yield "uv", self.with_uv

    def with_moat(self, python, place, lock):
        self.world.good_moat("create", place, "-p", python)
        self.world.good_moat("sync", lock, "--env", place)

    def with_pip(self, python, place, lock):
        self.world.good(python, "-m", "venv", "--without-pip", place)
        self.world.good(self.pip, "--python", place, "install", "-q", "-r", lock)

    def with_uv(self, python, place, lock):
        self.world.good(self.uv, "venv", "-q", "-p", python, place)
        self.world.good(self.uv, "pip", "sync", "-q", "-p", place / "bin/python", lock)


@contextlib.contextmanager
def environment(world):
    place = world.root / "env"
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def check_installs(world, installers, python, lock_file, wanted, without=()):
    """Each tool installs what is wanted, and moat the same files as the others."""
    seen = {}
    before = lock_file.read_bytes()
    for tool, install in installers.each():
        if tool in without:
            continue
        with environment(world) as place:
            install(python, place, lock_file)
            there = distributions(world, place)
            assert wanted is None or there == wanted, f"{tool} installs {differences(there, wanted)} from {lock_file}"
            seen[tool] = *files_in(place), there
        assert lock_file.read_bytes() == before, f"{tool} writes into {lock_file}"
    for tool, (files, scripts, there) in seen.items():
        assert there == seen["moat"][2], f"{tool} and moat differ in {differences(there, seen['moat'][2])}"
        assert scripts == seen["moat"][1], f"{tool} and moat differ in the scripts {sorted(scripts ^ seen['moat'][1])}"
        assert files == seen["moat"][0], f"{tool} and moat differ in the files {differences(files, seen['moat'][0])}"
    return len(seen["moat"][0])


def differences(one, other):
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    return ", ".join(f"{name}: {one.get(name)} for {other.get(name)}" for name in names[:10]) + (f", {len(names)} in all" if len(names) > 10 else "")


# ---- uv's own files

def lock_with_uv(world, uv, folder, one, python):
    """→ what `uv lock` took with pages unknown and known, and its size."""
    write_project(folder, one, for_uv=True)
    variables = {"UV_CACHE_DIR": str(world.root / "uv-cold"), "UV_PYTHON_DOWNLOADS": "never"}
    cold = take(world, uv, "lock", "-q", "-p", python, cwd=folder, variables=variables)
    size = (folder / "uv.lock").stat().st_size
    (folder / "uv.lock").unlink()
    warm = take(world, uv, "lock", "-q", "-p", python, cwd=folder, variables=variables)
    shutil.rmtree(world.root / "uv-cold")
    return cold, warm, size


def keep_through_uv(world, uv, ours, folder, one, python):
    """uv takes our lock for its own, and writes it as it does; locking with moat gives our bytes back."""
    write_project(folder, one)
    lock = folder / "pylock.toml"
    shutil.copy(ours, lock)
    groups = ["--group", "dev"] if one.dev else []
    world.good(uv, "pip", "compile", "-q", "--universal", "--format", "pylock.toml", "-p", python, *groups, "-o", "pylock.toml",
               "pyproject.toml", cwd=folder)
    assert lock.read_bytes() != ours.read_bytes()
    world.good_moat("lock", cwd=folder)
    assert lock.read_bytes() == ours.read_bytes(), f"through uv and back, {ours} is another lock"


def keep_through_pip(world, installers, plain, folder, one, python, wanted):
    """pip locks for itself what our lock says; moat installs that, and its versions stay when moat locks for all."""
    write_project(folder, one)
    lock, of_pip = folder / "pylock.toml", folder / "pylock.pip.toml"
    with environment(world) as place:
        world.good(python, "-m", "venv", "--without-pip", place)
        world.good(installers.pip, "--python", place, "lock", "-q", "-r", plain, "-o", of_pip)
    check_installs(world, installers, python, of_pip, wanted, without=("pip",))
    shutil.copy(of_pip, lock)
    world.good_moat("lock", cwd=folder)
    text = lock.read_bytes()
    kept = {package["name"]: package["version"] for package in selected(text, python)}
    assert wanted.items() <= kept.items(), f"of pip's lock moat does not keep {differences(kept, wanted)}"
    world.good_moat("lock", cwd=folder)
    assert lock.read_bytes() == text, "locking again changes what was pip's lock"


def selected(text, python):
    """The packages of a lock for this machine and a Python."""
    environment = {**Target("linux-x86_64", version_of(python)).environment(), "extras": frozenset(), "dependency_groups": frozenset(["dev"])}
    return [package for package in tomllib.loads(text.decode())["packages"]
            if "marker" not in package or Marker(package["marker"]).evaluate(environment, context="lock_file")]


# ---- a set

def check_set(world, name, one, pythons, installers, oracle, figures, only_lock):
    folder = world.root / re.sub(r"\W+", "-", name)
    lock, cold, warm = lock_set(world, folder / "named", one)
    admitted = [python for python in pythons if SpecifierSet(one.pythons).contains(version_of(python))]
    uv_took = lock_with_uv(world, installers.uv, folder / "uv", one, admitted[0]) if installers.uv and admitted else (None, None, 0)
    figures.add(name, lock, one, (cold, warm, (folder / "named/pylock.toml").stat().st_size), uv_took)
    if not only_lock:
        check_set_further(world, name, one, admitted, installers, oracle, folder, lock)
    shutil.rmtree(folder)


def check_set_further(world, name, one, admitted, installers, oracle, folder, lock):
    files = oracle.check_files(lock)
    targets = check_lock(oracle, lock, one, one.platforms)
    if not one.named:
        everywhere = lock_universal(world, folder / "universal", one)
        oracle.check_files(everywhere)
        check_lock(oracle, everywhere, one, one.platforms)
        check_lock(oracle, everywhere, one, [*RARE, *(set(USUAL) - set(one.platforms))], has_files=False)
    placed = []
    if installers.uv and admitted:
        world.good(installers.uv, "export", "-q", "--format", "pylock.toml", "--no-default-groups", "-p", admitted[0], "-o", "pylock.uv.toml",
                   cwd=folder / "uv")
        keep_through_uv(world, installers.uv, folder / "named/pylock.toml", folder / "through", one, oldest(one))
    # The same without [tool.moat], as other tools write it: no group unless it is named.
    plain = folder / "pylock.plain.toml"
    plain.write_bytes((folder / "named/pylock.toml").read_bytes().split(b"\n[tool.moat]")[0] + b"\n")
    for python in admitted:
        wanted = oracle.check_target(lock, Target("linux-x86_64", version_of(python)), one.requirements)
        placed.append(check_installs(world, installers, python, plain, wanted))
        with environment(world) as place:
            world.good_moat("create", place, "-p", python)
            world.good_moat("sync", "--env", place, cwd=folder / "named")
            with_dev = oracle.check_target(lock, Target("linux-x86_64", version_of(python)), one.requirements + one.dev,
                                           groups=("dev",) if one.dev else ())
            assert distributions(world, place) == with_dev, f"`moat sync` installs {differences(distributions(world, place), with_dev)}"
            world.good_moat("sync", "--env", place, cwd=folder / "universal")
            assert distributions(world, place) == with_dev, f"from the universal lock: {differences(distributions(world, place), with_dev)}"
        if installers.uv:
            check_installs(world, installers, python, folder / "uv/pylock.uv.toml", None, without=("pip",))
    if admitted:
        keep_through_pip(world, installers, plain, folder / "through-pip", one, admitted[-1], wanted)
    names = names_in(lock)
    installed = (f"installed {placed} files, the same by {', '.join(tool for tool, _ in installers.each())}" if placed else
                 "not installed: no Python that it admits is here")
    print(f"{name}: {names} packages in {len(lock['packages'])} entries with {files} files, whole on {targets} targets; {installed}", flush=True)


def names_in(lock):
    return len({package["name"] for package in lock["packages"]})


def oldest(one):
    """Of the Pythons that the project admits, what uv calls the oldest."""
    return next(releases(SpecifierSet(one.pythons))).rpartition(".")[0]


def version_of(python):
    return subprocess.run([python, "-I", "-c", "import platform; print(platform.python_version())"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()


def find_pythons(minors):
    for minor in minors:
        places = [*pathlib.Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3.{minor}"), shutil.which(f"python3.{minor}")]
        found = next((str(place) for place in places if place), None)
        if found:
            yield found
        else:
            print(f"left out: there is no Python 3.{minor} here")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat")
    ap.add_argument("--set", dest="sets", action="append", choices=SETS, default=[])
    ap.add_argument("--keep")
    ap.add_argument("--figures")
    ap.add_argument("--only-lock", action="store_true")
    args = ap.parse_args()
    sets = args.sets or [name for name, one in SETS.items() if not one.is_large or os.environ.get("MOAT_LARGE_LOCKS")]
    with World("locks", args.moat, args.keep and pathlib.Path(args.keep) / "store") as world:
        world.env.pop("PIP_FIND_LINKS", None)
        world.env.update(MOAT_COMPILE="never", UV_CACHE_DIR=str(pathlib.Path(args.keep or world.root) / "uv-cache"), UV_PYTHON_DOWNLOADS="never")
        world.require_index()
        installers = Installers(world)
        oracle, figures = Oracle(pathlib.Path(args.keep or world.root) / "metadata"), Figures()
        pythons = list(find_pythons((11, 12)))
        for name in sets:
            one = SETS[name]
            if name == "trio's documentation":
                one = dataclasses.replace(one, requirements=lines_of_trio(oracle))
            check_set(world, name, one, pythons, installers, oracle, figures, args.only_lock)
        print(figures.table())
        if args.figures:
            pathlib.Path(args.figures).write_text(figures.table())


if __name__ == "__main__":
    main()
