"""Runs each line of a table through real pip and through `moat pip`, and compares what became of two environments.

    invocations_test.py [--newest] [--group TEXT]… MOAT TABLE

The table explains itself. Real pip is the one that ensurepip brings (the newest of the Pythons found here), or with
--newest the one of the default index; without either the test skips itself (77). The index is on loopback.
"""
import argparse
import concurrent.futures
import difflib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "transcripts"))
import loopback_index  # noqa: E402

SKIPPED = 77
# Who wrote it, and what is known to be pip's own business.
VOLATILE = {"installer", "pip_version", "environment", "metadata_location", "location", "generator"}


def parse(path):
    """→ lines of the index, groups as (name, [(kind, argument, command)])"""
    wheels, groups, in_index = [], [], False
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line == "index":
            in_index = True
        elif line.startswith("group "):
            in_index = False
            groups.append((line[6:], []))
        elif in_index:
            wheels.append(line.strip())
        else:
            kind, rest = line.split(None, 1)
            argument = ""
            if kind.startswith("tree"):
                argument, rest = rest.split(None, 1)
            groups[-1][1].append((kind, argument, rest))
    return wheels, groups


def bundled_pip(python):
    """The version of the pip that this Python's ensurepip brings; None where there is none."""
    done = subprocess.run([python, "-I", "-c", "import ensurepip; print(ensurepip.version())"], capture_output=True, text=True)
    parts = done.stdout.strip().split(".")
    return tuple(map(int, parts)) if done.returncode == 0 and all(p.isdigit() for p in parts) else None


def find_python():
    """The Python whose bundled pip is the newest."""
    here = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    found = {here, *map(os.path.realpath, filter(None, (shutil.which(f"python3.{minor}") for minor in range(10, 16))))}
    found |= {str(p) for p in pathlib.Path.home().glob(".pyenv/versions/3.1*/bin/python3") if os.access(p, os.X_OK)}
    versions = {python: bundled_pip(python) for python in sorted(found)}
    usable = {python: version for python, version in versions.items() if version and version >= (23, 1)}
    return max(usable, key=usable.get) if usable else None


def is_new_enough(version, group):
    """Does this pip have what a `group NAME (pip X.Y)` is about?"""
    needed = re.search(r"\(pip (\d+)\.(\d+)\)$", group)
    return needed is None or [int(part) for part in version.split(".")[:2]] >= [int(part) for part in needed.groups()]


class Side:
    """One of the two: an environment, a folder to work in, and how pip is called there."""

    def __init__(self, root, python, wheels):
        self.root, self.work, self.env = root, root / "work", root / "env"
        self.work.mkdir(parents=True)
        (root / "home").mkdir()
        shutil.copytree(wheels, self.work / "wheels")
        self.python = python

    def variables(self, server):
        keep = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        return {**keep, "PATH": f"{os.path.dirname(self.python)}:/usr/bin:/bin", "HOME": str(self.root / "home"), "LANG": "C.UTF-8",
                "TERM": "dumb", "INDEX": server.url, "SERVER": server.url[: -len("/simple/")], "PIP_INDEX_URL": server.url,
                "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": "1", **self.more(server)}

    def run(self, command, server):
        shell = f'pip() {{ {self.pip} "$@"; }}\n{command}'
        done = subprocess.run(["bash", "-c", shell], cwd=self.work, env=self.variables(server), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
        return done.returncode, self.shown(done.stdout.decode(errors="replace")), done.stderr.decode(errors="replace")

    def shown(self, text):
        for folder, name in ((self.env, "$ENV"), (self.work, "$WORK")):
            for form in {str(folder), os.path.realpath(folder)}:
                text = text.replace(form, name)
        return text

    def state(self):
        """What is installed: name → version, asked for by name?, from a URL?"""
        out = {}
        for info in self.env.glob("lib/python3*/site-packages/*.dist-info"):
            text = (info / "METADATA").read_text()
            field = {key: re.search(rf"^{key}: (.*)$", text, re.M)[1] for key in ("Name", "Version")}
            direct = info / "direct_url.json"
            out[field["Name"]] = (field["Version"], (info / "REQUESTED").exists(),
                                  json.loads(self.shown(direct.read_text()))["url"] if direct.exists() else None)
        return out

    def tree(self, folder):
        """Files below a folder; bytecode and leftovers of pip's own bookkeeping do not count."""
        return sorted(str(p.relative_to(self.work)) for p in (self.work / folder).rglob("*")
                      if not p.is_dir() and "__pycache__" not in p.parts)


class Pip(Side):
    def __init__(self, root, python, wheels, pip):
        super().__init__(root, python, wheels)
        subprocess.run([python, "-m", "venv", "--without-pip", self.env], check=True)
        # What `pip --python` would call after one start of Python more.
        self.pip = f"{self.env}/bin/python {next(pip.glob('lib/python3*/site-packages/pip/__pip-runner__.py'))}"

    def more(self, _):
        return {"PIP_CACHE_DIR": str(self.root / "cache")}


class Moat(Side):
    def __init__(self, root, python, wheels, moat, shared):
        super().__init__(root, python, wheels)
        (root / "moat").mkdir()
        (root / "moat/store").symlink_to(shared)
        self.pip = f"{moat} pip"
        self.moat_home = str(root / "moat")
        subprocess.run([moat, "create", "-q", "-p", python, self.env], check=True,
                       env={"PATH": os.environ["PATH"], "HOME": str(root / "home"), "MOAT_HOME": self.moat_home, "MOAT_COMPILE": "now"})

    def more(self, _):
        return {"MOAT_HOME": self.moat_home, "MOAT_COMPILE": "now", "VIRTUAL_ENV": str(self.env)}


def plain(value):
    """JSON without what differs by nature; hashes of `archive_info` in one form only."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if key not in VOLATILE and one != [] and not (key == "hash" and "hashes" in value)}
    if isinstance(value, list):
        return sorted((plain(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    return value


def printed(kind, text):
    if kind == "json":
        try:
            return json.dumps(plain(json.loads(text)), indent=1, sort_keys=True).splitlines()
        except ValueError:
            return [line for line in text.splitlines() if line.strip()]
    lines = [re.sub(r"^(Installer|  INSTALLED|  LATEST):.*", "", line).rstrip() for line in text.splitlines()]
    # pip says of a file of its own what moat says of its own.
    lines = [re.sub(r"\bmoat\b|\bpip\b", "TOOL", line) for line in lines]
    lines = [line for line in lines if line]
    return sorted(lines) if kind == "sorted" else lines


def difference(what, theirs, ours):
    return [f"  {what}:"] + ["    " + line for line in difflib.unified_diff(theirs, ours, "pip", "moat pip", lineterm="", n=1)]


def state_lines(state):
    return [f"{name} {version}{' requested' * asked}{' from ' + url if url else ''}"
            for name, (version, asked, url) in sorted(state.items())]


def compare(kind, argument, pip, moat, results, excused):
    """Lines that say what differs. excused: packages whose REQUESTED differs on purpose, from here on."""
    (their_status, their_text, _), (our_status, our_text, _) = results
    kind, _, known = kind.partition("~")
    known = set(filter(None, known.split(",")))
    exactly = kind.endswith("!status")
    kind = kind.removesuffix("!status")
    out = []
    same = their_status == our_status if exactly else bool(their_status) == bool(our_status)
    if "status" in known and same:
        out.append(f"  exit status was expected to differ, and is {our_status}")
    elif "status" not in known and not same:
        out.append(f"  exit status: pip {their_status}, moat pip {our_status}")
    theirs, ours = pip.state(), moat.state()
    if "requested" in known:
        differing = {name for name in theirs.keys() & ours.keys() if theirs[name][1] != ours[name][1]} - excused
        excused |= differing
        if not differing:
            out.append("  REQUESTED was expected to differ, and does not")
    theirs, ours = ({name: (version, asked and name not in excused, url) for name, (version, asked, url) in state.items()}
                    for state in (theirs, ours))
    if "installed" in known:
        if state_lines(theirs) == state_lines(ours):
            out.append("  what is installed was expected to differ, and does not")
        return out
    if state_lines(theirs) != state_lines(ours):
        out += difference("installed", state_lines(theirs), state_lines(ours))
    if kind in ("out", "sorted", "json") and printed(kind, their_text) != printed(kind, our_text):
        out += difference("output", printed(kind, their_text), printed(kind, our_text))
    if "files" in known and pip.tree(argument) == moat.tree(argument):
        out.append("  files were expected to differ, and do not")
    elif kind == "tree" and "files" not in known and pip.tree(argument) != moat.tree(argument):
        out += difference("files", pip.tree(argument), moat.tree(argument))
    return out


def run_group(name, steps, make, server):
    """→ how many invocations, how many of them differ"""
    pip, moat = make(name)
    failures, count, excused = [], 0, set()
    for kind, argument, command in steps:
        results = [side.run(command, server) for side in (pip, moat)]
        if kind == "$":
            continue
        count += 1
        different = compare(kind, argument, pip, moat, results, excused)
        if different:
            said = [f"  {who} said: {line}" for who, (_, _, errors) in zip(("pip", "moat pip"), results) for line in errors.splitlines()[-6:]]
            failures.append("\n".join([f"[{name}] {command}", *different, *said]))
            print(failures[-1] + "\n", flush=True)
    return count, len(failures)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--newest", action="store_true")
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("moat")
    parser.add_argument("table", type=pathlib.Path)
    options = parser.parse_args()
    moat, python = os.path.abspath(options.moat), find_python()
    if python is None:
        print("no Python here brings pip 23.1 or newer")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="pip-invocations-") as folder:
        root = pathlib.Path(folder)
        subprocess.run([python, "-m", "venv", root / "pip"], check=True)
        pip = [root / "pip/bin/python", "-m", "pip"]
        if options.newest and subprocess.run([*pip, "install", "-q", "-U", "pip"], stderr=subprocess.DEVNULL).returncode != 0:
            print("the default index cannot be reached")
            return SKIPPED
        wheels, groups = parse(options.table)
        index = loopback_index.Index()
        for line in wheels:
            index.add(line)
        (root / "wheels").mkdir()
        for name, content in index.files.items():
            if name.endswith(".whl"):
                (root / "wheels" / name).write_bytes(content)
        server = loopback_index.serve(index)
        (root / "store").mkdir()
        # Runtimes are the same for all; so that they are made once, this one first.
        Moat(root / "first", python, root / "wheels", moat, root / "store")

        def make(name):
            place = root / re.sub(r"\W+", "-", name)
            return Pip(place / "real", python, root / "wheels", root / "pip"), Moat(place / "moat", python, root / "wheels", moat, root / "store")

        version = subprocess.run([*pip, "--version"], capture_output=True, text=True).stdout.split()[1]
        groups = [(name, steps) for name, steps in groups if is_new_enough(version, name)]
        chosen = [(name, steps) for name, steps in groups if not options.group or any(text in name for text in options.group)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = list(pool.map(lambda group: run_group(*group, make, server), chosen))
        server.shutdown()
        failed = sum(count for _, count in results)
        print(f"{sum(count for count, _ in results)} invocations, {failed} differ from pip {version}", flush=True)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
