"""Projects begun with other tools, locked by the tools themselves, imported: the same versions afterwards, and the project
goes on with moat. With markers, extras, groups, a git and a path source, and an index of one's own.

    import_test.py MOAT [TOOL…]

Exit status 77 where the index cannot be reached; a tool that cannot be had is left out, and said.
"""
import argparse
import json
import pathlib
import re
import shutil
import sys
import tomllib

from world import World, default_index

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "transcripts"))
import loopback_index  # noqa: E402

OWN = ("ourlib 1.0", "ourlib 2.0")  # what the index of one's own has


def name_of(text):
    return re.sub(r"[-_.]+", "-", text).lower()


def local_package(folder):
    """A project that others take from its folder."""
    (folder / "nearby").mkdir(parents=True)
    (folder / "nearby/pyproject.toml").write_text(
        '[project]\nname = "nearby"\nversion = "0.3"\ndescription = "Nearby"\n[build-system]\nrequires = ["flit_core"]\n'
        'build-backend = "flit_core.buildapi"\n')
    (folder / "nearby/nearby.py").write_text('"""Nearby."""\n__version__ = "0.3"\n')


def repository(world, folder):
    """A git repository with one package; its URL."""
    place = folder / "faraway"
    place.mkdir(parents=True)
    (place / "pyproject.toml").write_text(
        '[project]\nname = "faraway"\nversion = "1.5"\ndescription = "Far away"\n[build-system]\nrequires = ["flit_core"]\n'
        'build-backend = "flit_core.buildapi"\n')
    (place / "faraway.py").write_text('"""Far away."""\n__version__ = "1.5"\n')
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", place)
    world.good("git", "init", "-q", "-b", "main", place)
    world.good(*git, "add", ".")
    world.good(*git, "commit", "-qm", "one")
    return place.as_uri()


def poetry(world, tool, folder, index, git):
    (folder / "pyproject.toml").write_text(f"""[tool.poetry]
name = "shop"
version = "1.2.0"
description = "A shop"
authors = ["A <a@example.org>"]
package-mode = false

[tool.poetry.dependencies]
python = "^3.10"
flask = "^2.2"
tomli = {{version = "*", python = "<3.11"}}
colorama = {{version = ">=0.4", markers = "sys_platform == 'win32'"}}
requests = {{version = "~2.31", extras = ["socks"]}}
redis = {{version = "*", optional = true}}
ourlib = {{version = "<2", source = "ours"}}
nearby = {{path = "nearby", develop = true}}
faraway = {{git = "{git}", branch = "main"}}

[tool.poetry.extras]
cache = ["redis"]

[tool.poetry.group.dev.dependencies]
pytest = "^7.4"

[[tool.poetry.source]]
name = "default"
url = "{default_index()}"
priority = "primary"

[[tool.poetry.source]]
name = "ours"
url = "{index}"
priority = "explicit"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
""")
    world.good(tool, "lock", "-n", cwd=folder)
    return "poetry.lock", {name_of(p["name"]): p["version"]
                           for p in tomllib.loads((folder / "poetry.lock").read_text())["package"]}


PROJECT = """[project]
name = "shop"
version = "1.2.0"
requires-python = ">=3.10"
dependencies = [
    "flask>=2.2,<3",
    "tomli; python_version < '3.11'",
    "colorama>=0.4; sys_platform == 'win32'",
    "requests[socks]~=2.31.0",
    "ourlib<2",
    {more}
]

[project.optional-dependencies]
cache = ["redis<5"]

[dependency-groups]
dev = ["pytest>=7,<8"]
"""


def pdm(world, tool, folder, index, git):
    (folder / "pyproject.toml").write_text(PROJECT.format(more=f'"nearby @ file:///${{PROJECT_ROOT}}/nearby", "faraway @ git+{git}@main"') + f"""
[tool.pdm]
distribution = false

[[tool.pdm.source]]
name = "ours"
url = "{index}"
verify_ssl = false
include_packages = ["ourlib"]
""")
    world.good(tool, "lock", "-q", "-G", ":all", cwd=folder)
    return "pdm.lock", {name_of(p["name"]): p["version"]
                        for p in tomllib.loads((folder / "pdm.lock").read_text())["package"]}


def uv(world, tool, folder, index, git):
    (folder / "pyproject.toml").write_text(PROJECT.format(more='"nearby", "faraway"') + f"""
[tool.uv]
package = false

[tool.uv.sources]
nearby = {{ path = "nearby", editable = true }}
faraway = {{ git = "{git}", branch = "main" }}
ourlib = {{ index = "ours" }}

[[tool.uv.index]]
name = "ours"
url = "{index}"
explicit = true
""")
    world.good(tool, "lock", "-q", cwd=folder)
    return "uv.lock", {name_of(p["name"]): p["version"] for p in tomllib.loads((folder / "uv.lock").read_text())["package"]
                       if p["name"] != "shop"}


def pipenv(world, tool, folder, index, git):
    (folder / "Pipfile").write_text(f"""[[source]]
url = "https://{'pypi'}.org/simple"
verify_ssl = true
name = "main"

[[source]]
url = "{index}"
verify_ssl = false
name = "ours"

[packages]
flask = ">=2.2,<3"
colorama = {{version = "*", markers = "sys_platform == 'win32'"}}
requests = {{version = "~=2.31.0", extras = ["socks"]}}
ourlib = {{version = "<2", index = "ours"}}
nearby = {{path = "./nearby", editable = true}}
faraway = {{git = "{git}", ref = "main"}}

[dev-packages]
pytest = ">=7,<8"
""")
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1.2.0"\nrequires-python = ">=3.10"\n')
    world.good(tool, "lock", "-q", cwd=folder, variables={"PIPENV_IGNORE_VIRTUALENVS": "1"}.items())
    lock = json.loads((folder / "Pipfile.lock").read_text())
    return "Pipfile.lock", {name_of(name): entry["version"].removeprefix("==")
                            for part in ("default", "develop") for name, entry in lock[part].items() if "version" in entry}


def pip_tools(world, tool, folder, index, git):
    (folder / "requirements.in").write_text(
        f"--extra-index-url {index}\nflask>=2.2,<3\ncolorama>=0.4; sys_platform == 'win32'\nrequests[socks]~=2.31.0\n"
        f"ourlib<2\nfaraway @ git+{git}@main\n")
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1.2.0"\nrequires-python = ">=3.10"\ndependencies = []\n')
    world.good(tool, "-q", "--strip-extras", "-o", "requirements.txt", "requirements.in", cwd=folder)
    pins = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (folder / "requirements.txt").read_text(), re.M)
    return "requirements.txt", {name_of(name): version for name, version in pins}


TOOLS = {"poetry": ("poetry", poetry), "pdm": ("pdm", pdm), "uv": ("uv", uv), "pipenv": ("pipenv", pipenv),
         "pip-tools": ("pip-compile", pip_tools)}


def check(world, name, program, write, index, git):
    folder = world.root / name
    local_package(folder)
    try:
        lock_file, before = write(world, program, folder, index, git)
    except AssertionError as error:
        print(f"left out: {name} does not lock its own project here:\n{error}")
        return False
    shutil.rmtree(folder / ".venv", ignore_errors=True)  # theirs
    said = world.good_moat("import", lock_file, "--index", f"ours={index}", cwd=folder)
    lock = tomllib.loads((folder / "pylock.toml").read_text())
    # Members and folders are not always in a lock; what is, has the version that the other tool chose.
    locked = {name_of(p["name"]): p.get("version") for p in lock["packages"]}
    other = {n: (before[n], locked[n]) for n in locked if before.get(n, "")[:1].isdigit() and locked[n] and locked[n] != before[n]}
    assert not other, f"{name}: other versions than were locked: {other}\n{said}"
    missing = {"flask", "requests", "pysocks", "ourlib", "faraway"} - set(locked)
    assert not missing, f"{name}: not in the lock: {missing}\n{said}"
    if name != "pip-tools":
        assert "pytest" in locked, said
        assert 'dependency_groups' in next(p["marker"] for p in lock["packages"] if p["name"] == "pytest"), said
    if name in ("poetry", "pdm", "uv"):
        assert next(p["marker"] for p in lock["packages"] if p["name"] == "redis") == '"cache" in extras', said
    world.good_moat("lock", "--check", "--index", f"ours={index}", cwd=folder)
    world.good_moat("sync", "--index", f"ours={index}", cwd=folder)
    world.good(folder / ".venv/bin/python", "-c", "import flask, requests, socks, ourlib, faraway")
    print(f"{name}: {len(before)} versions locked there, {len(locked)} here, all the same")
    for line in said.splitlines():
        print("   ", line)
    return True


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat")
    ap.add_argument("tool", nargs="*")
    args = ap.parse_args()
    with World("import", args.moat) as world:
        world.require_index()
        tools = world.root / "tools"
        world.good("/usr/bin/python3", "-m", "venv", tools)
        world.good(tools / "bin/pip", "install", "-q", "uv")
        variables = {"UV_TOOL_DIR": str(tools / "each"), "UV_TOOL_BIN_DIR": str(tools / "bin")}
        own = loopback_index.Index()
        for line in OWN:
            own.add(line)
        server = loopback_index.serve(own)
        git = repository(world, world.root / "far")
        done = 0
        for name in args.tool or TOOLS:
            program, write = TOOLS[name]
            if name != "uv":
                status, said = world.run(tools / "bin/uv", "tool", "install", "-q", name, variables=variables.items())
                if status != 0:
                    print(f"left out: {name} cannot be had: {said}")
                    continue
            done += check(world, name, tools / "bin" / program, write, server.url, git)
        assert done >= (1 if args.tool else 3), f"only {done} of the tools work here"


if __name__ == "__main__":
    main()
