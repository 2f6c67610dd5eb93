"""End-to-end benchmarks, each paired with its peer in one run: A B A B …, median of each and of the ratio pair by pair.

    bench.py MOAT [--runs N] [--python PYTHON] [--only NAME,…] [--json FILE]

The peers (uv, pip, virtualenv) come from the package index into a throw-away environment. Everything lives in a
temporary folder: stores, caches, HOME. Nothing is asserted; the figures are for people.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SCIENCE = ["numpy", "scipy", "pandas", "matplotlib", "scikit-learn", "seaborn"]


class Bench:
    def __init__(self, moat, python, runs, only):
        self.moat, self.python, self.runs, self.only = moat, python, runs, only
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="moat-bench-"))
        self.rows = []
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("MOAT_", "UV_", "VIRTUAL_ENV", "PYTHON"))}
        self.env.update(HOME=str(self.root / "home"), MOAT_HOME=str(self.root / "moat"), UV_CACHE_DIR=str(self.root / "uv-cache"),
                        UV_NO_PROGRESS="1", UV_PYTHON_DOWNLOADS="never", NO_COLOR="1")
        (self.root / "home").mkdir()
        self.counter = 0

    def call(self, *argv, **extra):
        done = subprocess.run([str(a) for a in argv], env={**self.env, **extra}, cwd=self.root, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(f"bench: {' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def peers(self):
        venv = self.root / "peers"
        self.call(self.python, "-m", "venv", venv)
        self.call(venv / "bin/pip", "install", "-q", "uv", "virtualenv")
        self.uv = venv / "bin/uv"
        self.versions = {"moat": self.call(self.moat, "--version").split()[1], "uv": self.call(self.uv, "--version").split()[1]}

    def fresh(self, name):
        """A path that was never used: deleting between runs makes ext4 create files ten times slower."""
        self.counter += 1
        return self.root / f"{name}-{self.counter}"

    def timed(self, steps):
        begin = time.perf_counter()
        for argv in steps:
            self.call(*argv)
        return time.perf_counter() - begin

    def pair(self, name, what, ours, peer_name, theirs, runs=None):
        """ours() and theirs() give the steps of one run; the first pair warms up and is not counted."""
        if self.only and name not in self.only:
            return
        a, b = [], []
        for run in range((runs or self.runs) + 1):
            ta, tb = self.timed(ours()), self.timed(theirs())
            if run:
                a.append(ta), b.append(tb)
        ratio = statistics.median(x / y for x, y in zip(a, b))
        row = dict(name=name, what=what, moat=statistics.median(a), peer=peer_name, theirs=statistics.median(b), ratio=ratio,
                   moat_range=[min(a), max(a)], theirs_range=[min(b), max(b)])
        self.rows.append(row)
        print(f"{what:58} moat {row['moat']*1e3:8.0f} ms   {peer_name:12} {row['theirs']*1e3:8.0f} ms   ratio {ratio:.2f}", flush=True)

    def all(self):
        moat, uv, python = self.moat, self.uv, self.python

        def create():
            return [[moat, "create", self.fresh("env"), "-p", python]]

        self.pair("create", "create an environment, warm", create, "venv",
                  lambda: [[python, "-m", "venv", "--without-pip", self.fresh("env")]])

        def install(tool, packages, then):
            env = self.fresh("env")
            if tool == "moat":
                return [[moat, "create", env, "-p", python], [moat, "install", "--env", env, *packages]] + \
                    [[env / "bin/python", "-c", then]] * bool(then)
            return [[uv, "venv", "-q", env, "-p", python], [uv, "pip", "install", "-q", "-p", env / "bin/python", *packages]] + \
                [[env / "bin/python", "-c", then]] * bool(then)

        jupyter = "import notebook, jupyterlab, ipykernel, nbconvert, jupyter_server.serverapp, IPython"
        self.pair("jupyter", "jupyter: create, install, first import; warm", lambda: install("moat", ["jupyter"], jupyter), "uv",
                  lambda: install("uv", ["jupyter"], jupyter))
        self.pair("jupyter-install", "jupyter: create, install; warm", lambda: install("moat", ["jupyter"], ""), "uv",
                  lambda: install("uv", ["jupyter"], ""))
        science = "import pandas, sklearn.svm, matplotlib.pyplot, seaborn"
        self.pair("science", "six scientific packages: to the first import; warm", lambda: install("moat", SCIENCE, science), "uv",
                  lambda: install("uv", SCIENCE, science))

        def cold(tool):
            self.counter += 1
            env = self.fresh("env")
            if tool == "moat":
                return [[moat, "--store-dir", self.fresh("store"), "create", env, "-p", python],
                        [moat, "--store-dir", self.root / f"store-{self.counter}", "install", "--env", env, *SCIENCE]]
            return [[uv, "venv", "-q", env, "-p", python],
                    [uv, "pip", "install", "-q", "--cache-dir", self.fresh("cold"), "-p", env / "bin/python", *SCIENCE]]

        self.pair("science-cold", "six scientific packages: install; empty store", lambda: cold("moat"), "uv", lambda: cold("uv"), runs=2)

        same = {}

        def again(tool):
            if tool not in same:
                steps = install(tool, ["jupyter"], "")
                self.timed(steps)
                same[tool] = steps[-1]
            return [same[tool]]

        self.pair("no-op", "jupyter: install again, nothing to do", lambda: again("moat"), "uv", lambda: again("uv"))

        def start(tool):
            again(tool)
            env = same[tool][same[tool].index("--env") + 1] if tool == "moat" else same[tool][same[tool].index("-p") + 1].parent.parent
            return [[env / "bin/python", "-c", "pass"]] * 10

        self.pair("start", "python -c pass, ten times", lambda: start("moat"), "uv", lambda: start("uv"))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat", type=pathlib.Path)
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("--python", default=shutil.which("python3"))
    ap.add_argument("--only", default="", type=lambda t: set(filter(None, t.split(","))))
    ap.add_argument("--json", type=pathlib.Path)
    args = ap.parse_args()
    bench = Bench(args.moat.resolve(), args.python, args.runs, args.only)
    try:
        bench.peers()
        print(" · ".join(f"{k} {v}" for k, v in bench.versions.items()), f"· {args.python} · {os.cpu_count()} cores", flush=True)
        bench.all()
        if args.json:
            args.json.write_text(json.dumps(dict(versions=bench.versions, rows=bench.rows), indent=1))
    finally:
        shutil.rmtree(bench.root, ignore_errors=True)


if __name__ == "__main__":
    main()
