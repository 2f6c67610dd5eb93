"""End-to-end benchmarks, each paired with its peer in one run.

    bench.py MOAT [--runs N] [--python PYTHON] [--only NAME,…] [--json FILE]

How it measures, so that a figure can be trusted:
- The two sides of a row take turns, and the one that begins changes from run to run: what slows the machine for a
  while slows both. The first pair warms up and is not counted.
- A row gives the least and the median time of each side and the median of the ratios pair by pair; CPU time (user
  and system, of everything a step started) beside them, for machines that are shared.
- Every run works in a folder that was never used, and nothing is deleted before the end: ext4 without a journal
  creates files up to ten times slower for minutes after many were deleted nearby (ext4's recently_deleted()). For
  the same reason the folder of it all is marked as the top of trees of their own, where the file system knows that.
- Bytecode that moat makes in the background is waited for between the turns, and is in nobody's time.
- Stores, caches and HOME are the benchmark's own; the peer, uv, comes from the package index.

Nothing is asserted; the figures are for people.
"""
import argparse
import collections
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
USE_SCIENCE = "import pandas, sklearn.svm, matplotlib.pyplot, seaborn"
USE_JUPYTER = "import notebook, jupyterlab, ipykernel, nbconvert, jupyter_server.serverapp, IPython"

Time = collections.namedtuple("Time", "wall cpu")


def milliseconds(values):
    return f"{min(values) * 1e3:7.0f} {statistics.median(values) * 1e3:7.0f}"


class Bench:
    def __init__(self, moat, python, runs, only):
        self.moat, self.python, self.runs, self.only = moat, python, runs, only
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="moat-bench-"))
        subprocess.run(["chattr", "+T", self.root], stderr=subprocess.DEVNULL)
        foreign = ("MOAT_", "UV_", "VIRTUAL_ENV", "CONDA", "PYTHON")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        self.env.update(HOME=str(self.root / "home"), MOAT_HOME=str(self.root / "moat"),
                        UV_CACHE_DIR=str(self.root / "uv-cache"), UV_NO_PROGRESS="1", UV_PYTHON_DOWNLOADS="never",
                        NO_COLOR="1", MOAT_COMPILE="background")
        (self.root / "home").mkdir()
        self.rows, self.folders = [], 0

    # --- running ---

    def call(self, argv):
        """Runs to the end; wall and CPU time of it and all it waited for."""
        argv = [str(a) for a in argv]
        with open(self.root / "output", "w+") as output:
            begin = time.perf_counter()
            process = subprocess.Popen(argv, env=self.env, cwd=self.root, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT)
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            self.output = output.read()
        if process.returncode:
            sys.exit(f"bench: {' '.join(argv)} ended with {process.returncode}:\n{self.output}")
        return Time(wall, used.ru_utime + used.ru_stime)

    def timed(self, steps):
        times = [self.call(argv) for argv in steps]
        return Time(sum(t.wall for t in times), sum(t.cpu for t in times))

    def settle(self):
        """What moat has left to a process behind it is done before the next turn, which it would slow."""
        for store in [self.root / "moat/store", *self.root.glob("store-*")]:
            if (store / "jobs").is_dir():
                self.call([self.moat, "--store-dir", store, "store", "jobs", "--wait"])

    def fresh(self, name):
        self.folders += 1
        return self.root / f"{name}-{self.folders}"

    def peers(self):
        venv = self.root / "peers"
        self.call([self.python, "-m", "venv", venv])
        self.call([venv / "bin/pip", "install", "-q", "uv"])
        self.uv = venv / "bin/uv"
        self.versions = {}
        for name, argv in {"moat": [self.moat, "--version"], "uv": [self.uv, "--version"],
                           "python": [self.python, "--version"]}.items():
            self.call(argv)
            self.versions[name] = self.output.split()[1]

    def pair(self, name, what, ours, peer, theirs, runs=None):
        """ours() and theirs() give the steps of one run, in folders of their own."""
        if self.only and name not in self.only:
            return
        a, b = [], []
        for run in range((runs or self.runs) + 1):
            sides = [(a, ours), (b, theirs)]
            for times, steps in sides if run % 2 else reversed(sides):
                took = self.timed(steps())
                self.settle()
                if run:
                    times.append(took)
        row = {"name": name, "what": what, "peer": peer}
        for side, times in (("moat", a), ("theirs", b)):
            row[side] = {"wall": [t.wall for t in times], "cpu": [t.cpu for t in times]}
        row["ratio"] = statistics.median(x.wall / y.wall for x, y in zip(a, b))
        self.rows.append(row)
        self.print_row(row)

    # --- telling ---

    def print_head(self):
        print(" · ".join(f"{k} {v}" for k, v in self.versions.items()), f"· {self.python} · {os.cpu_count()} cores")
        print(f"\n{'':56} {'moat, ms':>15}  {'peer, ms':>22}  {'ratio':>5}  {'CPU, ms':>15}")
        print(f"{'':56} {'least  median':>15}  {'least  median':>22}  {'':>5}  {'moat    peer':>15}", flush=True)

    def print_row(self, row):
        cpu = [statistics.median(row[side]["cpu"]) * 1e3 for side in ("moat", "theirs")]
        print(f"{row['what']:56} {milliseconds(row['moat']['wall'])}  {row['peer']:6} "
              f"{milliseconds(row['theirs']['wall'])}  {row['ratio']:5.2f}  {cpu[0]:7.0f} {cpu[1]:7.0f}", flush=True)

    # --- the rows ---

    def install(self, tool, packages, then="", empty=False):
        """Steps: an environment, the packages, and the program's first import."""
        env = self.fresh("env")
        use = [[env / "bin/python", "-c", then]] if then else []
        if tool == "moat":
            moat = [self.moat, "--store-dir", self.fresh("store")] if empty else [self.moat]
            return [[*moat, "create", env, "-p", self.python], [*moat, "install", "--env", env, *packages], *use]
        cache = ["--cache-dir", self.fresh("cache")] if empty else []
        return [[self.uv, "venv", "-q", env, "-p", self.python],
                [self.uv, "pip", "install", "-q", *cache, "-p", env / "bin/python", *packages], *use]

    def against_uv(self, name, what, steps, runs=None):
        self.pair(name, what, lambda: steps("moat"), "uv", lambda: steps("uv"), runs)

    def all(self):
        self.pair("create", "create an environment; warm", lambda: [[self.moat, "create", self.fresh("env"), "-p", self.python]],
                  "venv", lambda: [[self.python, "-m", "venv", "--without-pip", self.fresh("env")]], 3 * self.runs)
        self.against_uv("jupyter", "jupyter: create, install, first import; warm",
                        lambda tool: self.install(tool, ["jupyter"], USE_JUPYTER))
        self.against_uv("jupyter-install", "jupyter: create, install; warm", lambda tool: self.install(tool, ["jupyter"]))
        self.against_uv("science", "six scientific packages: … first import; warm",
                        lambda tool: self.install(tool, SCIENCE, USE_SCIENCE))
        self.against_uv("science-cold", "six scientific packages: … first import; empty store",
                        lambda tool: self.install(tool, SCIENCE, USE_SCIENCE, empty=True), 2)
        self.against_uv("science-cold-install", "six scientific packages: create, install; empty store",
                        lambda tool: self.install(tool, SCIENCE, empty=True), 2)

        standing = {}

        def stand(tool):
            if tool not in standing:
                standing[tool] = self.install(tool, ["jupyter"])
                self.timed(standing[tool])
            return standing[tool]

        self.against_uv("no-op", "jupyter: install again, nothing to do", lambda tool: [stand(tool)[1]], 3 * self.runs)
        env = {"moat": lambda: stand("moat")[0][2], "uv": lambda: stand("uv")[0][3]}
        self.against_uv("start", "python -c pass, ten times", lambda tool: [[env[tool]() / "bin/python", "-c", "pass"]] * 10)


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
        bench.print_head()
        bench.all()
        if args.json:
            args.json.write_text(json.dumps({"versions": bench.versions, "rows": bench.rows}, indent=1))
    finally:
        shutil.rmtree(bench.root, ignore_errors=True)


if __name__ == "__main__":
    main()
