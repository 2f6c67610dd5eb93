"""What moat, uv and pip choose for the same packages, and how long each takes to install them from empty caches.

    picks.py MOAT [--stack NAME]… [--without-pip] [--limit SECONDS] [--json FILE]

The packages are those of tests/online/packages.py, on the newest Python each of them names that is here. The peers come from the index into
a throw-away environment. Each tool starts with an empty cache, shared by its own stacks. A tool that fails, or gives no answer within the
limit (pip may walk through hundreds of releases), is told so and the rest goes on. Nothing is asserted; the figures are for people.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "online"))
from packages import STACKS  # noqa: E402

TIMEOUT = 400  # seconds for all steps of one tool

# What would make a tool look elsewhere than the others.
ELSEWHERE = ("MOAT_", "UV_", "VIRTUAL_ENV", "PYTHON", "PIP_FIND_LINKS", "PIP_CONSTRAINT")


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


class Tools:
    def __init__(self, moat, limit):
        self.moat, self.limit = moat, limit
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="moat-picks-"))
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(ELSEWHERE)}
        self.env.update(HOME=str(self.root / "home"), MOAT_HOME=str(self.root / "moat"), UV_CACHE_DIR=str(self.root / "uv-cache"),
                        PIP_CACHE_DIR=str(self.root / "pip-cache"), PIP_DISABLE_PIP_VERSION_CHECK="1", UV_PYTHON_DOWNLOADS="never",
                        NO_COLOR="1")
        (self.root / "home").mkdir()
        self.run(sys.executable, "-m", "venv", self.root / "peers")
        self.run(self.root / "peers/bin/pip", "install", "-q", "uv", "--upgrade", "pip")
        self.uv, self.pip = self.root / "peers/bin/uv", self.root / "peers/bin/pip"

    def run(self, *argv, timeout=TIMEOUT):
        """What it printed. Where the time is up, whatever it started ends with it."""
        process = subprocess.Popen([str(a) for a in argv], env=self.env, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        try:
            out, errors = process.communicate(timeout=max(timeout, 1))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        if process.returncode:
            raise RuntimeError(next((line for line in errors.splitlines() if "error" in line.lower()), f"exit status {process.returncode}"))
        return out

    def python(self, version):
        try:
            return json.loads(self.run(self.moat, "python", "find", version, "--json"))["executable"]
        except (RuntimeError, KeyError):
            return None

    def installed(self, site_packages):
        """name -> version, as *.dist-info in the folder says."""
        picks = {}
        for folder in site_packages.glob("*.dist-info"):
            fields = dict(re.findall(r"^(Name|Version): *(.*)$", (folder / "METADATA").read_text(errors="replace"), re.M))
            picks[normal(fields["Name"])] = fields["Version"]
        return picks

    def steps(self, tool, python, env, packages):
        if tool == "moat":
            return [[self.moat, "create", env, *packages, "-p", python]]
        if tool == "uv":
            return [[self.uv, "venv", "-q", env, "-p", python], [self.uv, "pip", "install", "-q", "-p", env / "bin/python", *packages]]
        return [[python, "-m", "venv", "--without-pip", env], [self.pip, "--python", env / "bin/python", "install", "-q", *packages]]

    def measure(self, tool, name, python, packages):
        """(seconds, picks), or a text that says why there are none."""
        env = self.root / f"{tool}-{name}"
        begin = time.perf_counter()
        try:
            for argv in self.steps(tool, python, env, packages):
                self.run(*argv, timeout=begin + self.limit - time.perf_counter())
            seconds = time.perf_counter() - begin
            return seconds, self.installed(next((env / "lib").glob("*/site-packages")))
        except subprocess.TimeoutExpired:
            return f"no answer within {self.limit} s"
        except (RuntimeError, OSError, KeyError, StopIteration) as failure:
            return str(failure) or repr(failure)
        finally:
            shutil.rmtree(env, ignore_errors=True)  # all of them together are gigabytes


def show(name, version, answers):
    """One line of times, then the picks that are not the same everywhere."""
    cells = [f"{tool} {answer[0]:7.1f} s" if isinstance(answer, tuple) else f"{tool}       –" for tool, answer in answers.items()]
    got = {tool: answer[1] for tool, answer in answers.items() if isinstance(answer, tuple)}
    print(f"{name:14} {version:5} {'   '.join(cells)}   {len(got.get('moat', {})):3} packages", flush=True)
    for tool, answer in answers.items():
        if not isinstance(answer, tuple):
            print(f"    {tool}: {answer}")
    for package in sorted(set().union(*got.values())):
        versions = {tool: picks.get(package, "–") for tool, picks in got.items()}
        if len(set(versions.values())) > 1:
            print(f"    {package:28} " + "   ".join(f"{tool} {v}" for tool, v in versions.items()))
    sys.stdout.flush()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat", type=pathlib.Path)
    ap.add_argument("--stack", action="append", choices=sorted(STACKS))
    ap.add_argument("--without-pip", action="store_true")
    ap.add_argument("--limit", type=int, default=TIMEOUT, metavar="SECONDS", help="for one tool and stack (default: %(default)s)")
    ap.add_argument("--json", type=pathlib.Path)
    args = ap.parse_args()
    tools = Tools(args.moat.resolve(), args.limit)
    everything = {}
    try:
        print(f"{tools.run(tools.moat, '--version').strip()} · {tools.run(tools.uv, '--version').strip()} · "
              f"{' '.join(tools.run(tools.pip, '--version').split()[:2])} · {os.cpu_count()} cores", flush=True)
        for name in args.stack or STACKS:
            stack = STACKS[name]
            version, python = next(((v, p) for v in reversed(stack.pythons) if (p := tools.python(v))), (None, None))
            if python is None:
                print(f"{name:14} passed over: none of the Pythons {', '.join(stack.pythons)} is here")
                continue
            answers = {tool: tools.measure(tool, name, python, stack.packages) for tool in ("moat", "uv", "pip")
                       if tool != "pip" or not args.without_pip}
            show(name, version, answers)
            everything[name] = answers
            if args.json:
                args.json.write_text(json.dumps(everything, indent=1))
    finally:
        shutil.rmtree(tools.root, ignore_errors=True)


if __name__ == "__main__":
    main()
