"""Runs transcripts: whole sessions at a shell, as text, against an index on loopback.

    transcript_test.py MOAT FILE.test…          MOAT_ACCEPT=1 rewrites what was expected into what came

A file:

    # What this session shows.
    index
      foo 1.0 requires "bar>=1 & baz" requires-python >=3.8 entry foo=foo:main uploaded 2024-05-01
      foo 2.0 tags cp39-cp39-win_amd64
      bar 1.0 yanked "broken on Tuesdays"
      baz 1.0 sdist              (its pyproject.toml says all; "dynamic": only a build does; "fails": the build fails)
      evil 1.0 wrong-hash        (the index promises another sha256)
      plain 1.0 no-hash          (the index promises none)
      cut 1.0 truncated          (the connection ends half way through)
    $ moat create env
    … the output, stdout and stderr as they come …
    ? 1                          (exit status, where it is not 0)

In expected output a line `...` stands for any lines and `[..]` for any text in a line. The work folder is shown as
$WORK, the index as $INDEX, the version of the Python in use as $PYTHON, times as <time>. Each file gets a folder, a
HOME and a store of its own; runtimes are shared between files, to save time. On PATH are moat and two helpers:
`remember FOLDER` keeps what every file is, `unchanged FOLDER` fails where anything differs; and `make-source tree|sdist
NAME VERSION [static|dynamic|fails] [REQUIREMENT…]` makes sources to build, here.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import loopback_index

HERE = pathlib.Path(__file__).resolve().parent
# Everything about a folder: names, types, modes and targets of links, then the contents.
SEE = """(cd "$1" && find . -printf '%y %m %p %l\\n' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum)"""
HELPERS = {
    "make-source": f"/usr/bin/python3 {HERE}/loopback_index.py \"$@\"",
    "remember": SEE + ' > "$HOME/.remembered"',
    "unchanged": SEE + ' | diff "$HOME/.remembered" - >&2',
}


class Session:
    def __init__(self, moat, index, shared):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="transcript-"))
        self.work, tools = self.root / "work", self.root / "tools"
        for folder in (self.work, tools, self.root / "home", self.root / "moat/store"):
            folder.mkdir(parents=True)
        os.symlink(moat, tools / "moat")
        for name, text in HELPERS.items():
            (tools / name).write_text(f"#!/bin/bash\nset -e -o pipefail\n{text}\n")
            (tools / name).chmod(0o755)
        (self.root / "moat/store/runtimes").symlink_to(shared)
        self.server = loopback_index.serve(index)
        self.python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        self.env = {"PATH": f"{tools}:{os.path.dirname(self.python)}:/usr/bin:/bin", "HOME": str(self.root / "home"),
                    "MOAT_HOME": str(self.root / "moat"), "MOAT_INDEX_URL": self.server.url, "LANG": "C.UTF-8",
                    "INDEX": self.server.url, "TERM": "dumb", "MOAT_COMPILE": "now"}
        self.env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})

    def close(self):
        self.server.shutdown()
        shutil.rmtree(self.root, ignore_errors=True)

    def run(self, command):
        done = subprocess.run(["bash", "-c", command], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        return done.returncode, self.normalise(done.stdout.decode(errors="replace"))

    def normalise(self, text):
        url = self.server.url
        for real, shown in ((str(self.work), "$WORK"), (str(self.root / "moat"), "$MOAT_HOME"), (str(self.root / "home"), "$HOME"),
                            (url, "$INDEX/"), (url.rstrip("/"), "$INDEX"), (url[: -len("/simple/")], "$SERVER")):
            text = text.replace(real, shown)
        text = re.sub(rf"\b{re.escape('.'.join(map(str, sys.version_info[:3])))}\b", "$PYTHON", text)
        # A time aligned to the right has more or fewer blanks before it.
        text = re.sub(r"(  )? *\b\d+(\.\d+)? ?(ms|s|µs)\b", lambda m: (m.group(1) or m.group()[: m.group().startswith(" ")]) + "<time>", text)
        return [line.rstrip() for line in text.splitlines()]


def parse(text):
    """→ lines before the first step, lines of the index, steps as [command, expected lines, status]"""
    head, wheels, steps, in_index = [], [], [], False
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append([line[2:], [], 0])
        elif steps and line.startswith("? "):
            steps[-1][2] = int(line[2:])
        elif steps:
            steps[-1][1].append(line)
        else:
            head.append(line)
            if in_index and line.strip():
                wheels.append(line.strip())
            in_index = in_index or line == "index"
    for step in steps:
        while step[1] and not step[1][-1].strip():
            step[1].pop()
    return head, wheels, steps


def matches(expected, came):
    """Lines against lines, with `...` and `[..]`."""
    if not expected:
        return not came
    if expected[0] == "...":
        return any(matches(expected[1:], came[i:]) for i in range(len(came) + 1))
    if not came:
        return False
    pattern = ".*".join(map(re.escape, expected[0].split("[..]")))
    return re.fullmatch(pattern, came[0]) is not None and matches(expected[1:], came[1:])


def run_file(moat, path, shared):
    head, wheels, steps = parse(path.read_text())
    index = loopback_index.Index()
    for line in wheels:
        index.add(line)
    session, failures, accepted = Session(moat, index, shared), [], list(head)
    try:
        for command, expected, want in steps:
            status, came = session.run(command)
            good = status == want and matches(expected, came)
            if not good:
                failures.append("\n".join([f"$ {command}", f"  exit status {status}, expected {want}", "  expected:",
                                           *("    " + e for e in expected), "  came:", *("    " + c for c in came)]))
            accepted += [f"$ {command}", *(expected if good else came)] + [f"? {status}"] * bool(status) + [""]
    finally:
        session.close()
    if failures and os.environ.get("MOAT_ACCEPT"):
        path.write_text("\n".join(accepted))
        print(f"rewrote {path}")
        return True
    for failure in failures:
        print(f"{path}:\n{failure}\n")
    return not failures


def main():
    moat, paths = os.path.abspath(sys.argv[1]), [pathlib.Path(p) for p in sys.argv[2:]]
    shared = pathlib.Path(moat).parent / "transcript-runtimes"
    shared.mkdir(exist_ok=True)
    results = [run_file(moat, path, shared) for path in paths]
    print(f"{sum(results)} of {len(results)} transcripts as expected")
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
