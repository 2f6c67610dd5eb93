"""Benchmarks of whole commands, each paired with uv in one run.

    bench.py MOAT [--runs N] [--python PYTHON] [--only WORD,…] [--sets NAME,…] [--line 20:200] [--json FILE]

How it measures, so that a figure can be trusted:
- The index is a recording of the real one, served on loopback (replay.py): the first run of a set fetches what it
  lacks, in a pair that is not counted; kept in --recording. --line DELAY:RATE plays milliseconds and Mbit/s.
- The two sides of a row take turns, and the one that begins changes from run to run: what slows the machine for a
  while slows both. The first pair warms up and is not counted.
- A row gives the least and the median time of each side and the median of the ratios pair by pair, then the ratio of
  the least; CPU time (user and system, of everything a step waited for) and peak memory beside them, for machines
  that are shared.
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

SETS = {
    "trio": (["trio"], "import trio"),
    "flask": (["flask"], "import flask"),
    "sphinx": (["sphinx"], "import sphinx.application, sphinx.builders.html"),
    "science": (["numpy", "scipy", "pandas", "matplotlib", "scikit-learn", "seaborn"],
                "import pandas, sklearn.svm, matplotlib.pyplot, seaborn"),
    "jupyter": (["jupyter"], "import notebook, jupyterlab, ipykernel, nbconvert, jupyter_server.serverapp, IPython"),
    "web": (["django", "djangorestframework", "celery", "sqlalchemy", "requests", "gunicorn", "pillow", "cryptography"],
            "import django.core.management, rest_framework, celery, sqlalchemy.orm, requests"),
    "airflow": (["apache-airflow"], ""),
}
HUNDRED = ["jupyter", "flask", "django", "celery", "sphinx", "httpx"]  # with what they need
ADDED = "humanize"
RESOLVED_ONLY = {"airflow"}  # too much to install often

Used = collections.namedtuple("Used", "wall cpu memory")  # seconds, seconds, MB


class Bench:
    def __init__(self, moat, python, args):
        self.moat, self.python, self.runs, self.only = moat, python, args.runs, args.only
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="moat-bench-", dir=args.folder))
        subprocess.run(["chattr", "+T", self.root], stderr=subprocess.DEVNULL)
        foreign = ("MOAT_", "UV_", "VIRTUAL_ENV", "CONDA", "PYTHON", "PIP_FIND_LINKS")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        self.env.update(HOME=str(self.root / "home"), MOAT_HOME=str(self.root / "moat"),
                        UV_CACHE_DIR=str(self.root / "uv-cache"), UV_NO_PROGRESS="1", UV_PYTHON_DOWNLOADS="never",
                        NO_COLOR="1", MOAT_COMPILE="background")
        for name in ("CI", "GITHUB_ACTIONS"):
            self.env.pop(name, None)
        (self.root / "home").mkdir()
        self.rows, self.folders, self.stores = [], 0, [self.root / "moat/store"]

    # --- running ---

    def call(self, argv):
        """Runs to the end; what it and all it waited for used."""
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
        return Used(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)

    def called(self, steps):
        used = [self.call(argv) for argv in steps]
        return Used(sum(u.wall for u in used), sum(u.cpu for u in used), max(u.memory for u in used))

    def settle(self):
        """What moat has left to a process behind it is done before the next turn, which it would slow."""
        for store in self.stores:
            if (store / "jobs").is_dir() and any((store / "jobs").iterdir()):
                self.call([self.moat, "--store-dir", store, "store", "jobs", "--wait"])

    def fresh(self, name):
        self.folders += 1
        path = self.root / f"{name}-{self.folders}"
        if name == "store":
            self.stores.append(path)
        return path

    def start_peer(self):
        venv = self.root / "peers"
        self.call([sys.executable, "-m", "venv", venv])
        self.call([venv / "bin/pip", "install", "-q", "uv"])
        self.uv = venv / "bin/uv"
        self.versions = {}
        for name, argv in {"moat": [self.moat, "--version"], "uv": [self.uv, "--version"],
                           "python": [self.python, "--version"]}.items():
            self.call(argv)
            self.versions[name] = self.output.split()[1]

    def start_index(self, recording, upstream, line):
        delay, _, rate = line.partition(":")
        argv = [sys.executable, pathlib.Path(__file__).with_name("replay.py"), recording, upstream]
        argv += ["--delay", delay, "--rate", rate] if line else []
        self.server = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.index = self.server.stdout.readline().strip()
        self.env.update(MOAT_INDEX_URL=self.index, UV_DEFAULT_INDEX=self.index)

    def wants(self, work, name=""):
        return not self.only or work in self.only or f"{work}-{name}" in self.only

    def pair(self, work, name, what, steps, runs=None):
        """steps(tool) gives what prepares one run, and what is timed, in folders of their own."""
        if not self.wants(work, name):
            return
        sides = {"moat": [], "uv": []}
        for run in range((runs or self.runs) + 1):
            for tool in ("moat", "uv") if run % 2 else ("uv", "moat"):
                prepare, timed = steps(tool)
                self.called(prepare) if prepare else None
                self.settle()
                used = self.called(timed)
                self.settle()
                if run:
                    sides[tool].append(used)
        row = {"work": work, "set": name, "what": what}
        for tool, used in sides.items():
            row[tool] = {field: [getattr(u, field) for u in used] for field in Used._fields}
        row["ratio"] = statistics.median(a.wall / b.wall for a, b in zip(*sides.values()))
        row["least"] = min(row["moat"]["wall"]) / min(row["uv"]["wall"])
        self.rows.append(row)
        self.print_row(row)

    # --- telling ---

    def print_head(self):
        print(" · ".join(f"{k} {v}" for k, v in self.versions.items()), f"· {self.python} · {os.cpu_count()} cores")
        print(f"\n{'':44} {'moat, ms':>13}  {'uv, ms':>13}  {'ratio of':>13}  {'CPU, ms':>13}  {'memory, MB':>10}")
        print(f"{'':44} {'least median':>13}  {'least median':>13}  {'median least':>13}  {'moat     uv':>13}  "
              f"{'moat   uv':>10}", flush=True)

    def print_row(self, row):
        def middle(field, scale=1):
            return [statistics.median(row[tool][field]) * scale for tool in ("moat", "uv")]

        walls = [f"{min(row[t]['wall']) * 1e3:6.0f} {statistics.median(row[t]['wall']) * 1e3:6.0f}" for t in ("moat", "uv")]
        cpu, memory = middle("cpu", 1e3), middle("memory")
        what = f"{row['set']}: {row['what']}" if row["set"] else row["what"]
        print(f"{what:44} {walls[0]}  {walls[1]}  {row['ratio']:6.2f} {row['least']:6.2f}  {cpu[0]:6.0f} {cpu[1]:6.0f}  "
              f"{memory[0]:5.0f} {memory[1]:4.0f}", flush=True)

    # --- the rows ---

    def tool(self, tool, empty):
        """The program, with a store or cache of its own where `empty`."""
        if tool == "moat":
            return [self.moat, "--store-dir", self.fresh("store")] if empty else [self.moat]
        return [self.uv, "--cache-dir", self.fresh("cache")] if empty else [self.uv]

    def create(self, tool, program, env):
        return [*program, "create", env, "-p", self.python] if tool == "moat" else \
            [*program, "venv", "-q", env, "-p", self.python]

    def install(self, tool, program, env, packages):
        return [*program, "install", "--env", env, *packages] if tool == "moat" else \
            [*program, "pip", "install", "-q", "-p", env / "bin/python", *packages]

    def resolve(self, tool, program, packages):
        wanted = self.fresh("wanted")
        wanted.write_text("".join(f"{p}\n" for p in packages))
        out = self.fresh("lock")
        return [*program, "lock", "-r", wanted, "-o", out.with_name(f"pylock.{out.name}.toml"), "-p", self.python] if tool == "moat" else \
            [*program, "pip", "compile", "-q", "--no-annotate", "--generate-hashes", wanted,
             "-o", out.with_suffix(".txt"), "-p", self.python]

    def creating(self, tool):
        return [], [self.create(tool, self.tool(tool, False), self.fresh("env"))]

    def resolving(self, tool, packages, empty):
        program = self.tool(tool, empty)
        return [], [self.resolve(tool, program, packages)]

    def installing(self, tool, packages, empty):
        """Into an environment that is there; the runtime is known, the packages are only where not `empty`."""
        program, env = self.tool(tool, empty), self.fresh("env")
        return [self.create(tool, program, env)], [self.install(tool, program, env, packages)]

    def starting(self, tool, packages, empty, then=""):
        """An environment, the packages, and the first import of a program."""
        program, env = self.tool(tool, empty), self.fresh("env")
        use = [[env / "bin/python", "-c", then]] if then else []
        return [], [self.create(tool, program, env), self.install(tool, program, env, packages), *use]

    def standing(self, tool, name, packages):
        """The step that installs again, in an environment that has it all."""
        if (tool, name) not in self.stands:
            self.stands[tool, name] = steps = self.starting(tool, packages, False)[1]
            self.called(steps)
            self.settle()
        return [], [self.stands[tool, name][1]]

    def set_rows(self, name, packages, use):
        self.pair("resolve-cold", name, "resolve, cold", lambda t: self.resolving(t, packages, True))
        self.pair("resolve", name, "resolve, warm", lambda t: self.resolving(t, packages, False))
        if name in RESOLVED_ONLY:
            return
        self.pair("empty", name, "create, install; all empty", lambda t: self.starting(t, packages, True))
        self.pair("empty-import", name, "… and first import", lambda t: self.starting(t, packages, True, use))
        self.pair("install-cold", name, "install; cold", lambda t: self.installing(t, packages, True))
        self.pair("install", name, "install; warm", lambda t: self.installing(t, packages, False))
        self.pair("start", name, "create, install, import; warm", lambda t: self.starting(t, packages, False, use))
        self.pair("no-op", name, "nothing to do", lambda t: self.standing(t, name, packages), 3 * self.runs)

    def project(self, packages):
        """A folder with a pyproject.toml, of its own."""
        folder = self.fresh("project")
        folder.mkdir()
        (folder / "pyproject.toml").write_text(
            '[project]\nname = "bench"\nversion = "1"\nrequires-python = ">=3.10"\n'
            f'dependencies = {json.dumps(packages)}\n')
        return folder

    def in_project(self, tool, program, folder, *words):
        return [*program, "--project", folder, *words] if tool == "moat" else [*program, "-q", "--project", folder, *words]

    def locking(self, tool, packages, empty):
        """The lock of a new project, for every platform and Python."""
        for_all = ["--universal"] if tool == "moat" else []
        return [], [self.in_project(tool, self.tool(tool, empty), self.project(packages), "lock", *for_all, "-p", self.python)]

    def standing_project(self, tool):
        """A project that is up to date, of a good hundred packages."""
        if (tool, "project") not in self.stands:
            self.stands[tool, "project"] = folder = self.project(HUNDRED)
            self.called([self.in_project(tool, self.tool(tool, False), folder, "sync", "-p", self.python)])
            self.settle()
        return self.stands[tool, "project"]

    def running(self, tool):
        return [], [self.in_project(tool, self.tool(tool, False), self.standing_project(tool), "run", "true")]

    def adding(self, tool):
        """One package; what an earlier turn added is taken out again first, in nobody's time."""
        folder, program = self.standing_project(tool), self.tool(tool, False)
        before = [self.in_project(tool, program, folder, "remove", ADDED)] if ADDED in (folder / "pyproject.toml").read_text() else []
        return before, [self.in_project(tool, program, folder, "add", ADDED)]

    def project_rows(self):
        for name in ("web", "jupyter"):
            self.pair("lock-cold", name, "universal lock, cold", lambda t: self.locking(t, SETS[name][0], True))
            self.pair("lock", name, "universal lock, warm", lambda t: self.locking(t, SETS[name][0], False))
        self.pair("run", "project", "run true, up to date", self.running, 3 * self.runs)
        self.pair("add", "project", "add one package", self.adding)

    def all(self, sets):
        self.stands = {}
        self.pair("create", "", "create; warm", self.creating, 3 * self.runs)
        for name in sets:
            self.set_rows(name, *SETS[name])
        self.project_rows()


def default_index():
    """What this machine's pip asks, as moat's build does."""
    code = ("from pip._internal.cli.cmdoptions import index_url; from pip._internal.configuration import Configuration; "
            "c = Configuration(isolated=False); c.load(); v = dict(c.items()); "
            "print(v.get('install.index-url') or v.get('global.index-url') or index_url().default)")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return answer.stdout.strip() or sys.exit("bench: pip does not say which index it asks; give --index")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat", type=pathlib.Path)
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("--python", default=shutil.which("python3"))
    words = {"default": "", "type": lambda t: list(filter(None, t.split(",")))}
    ap.add_argument("--only", **words)
    ap.add_argument("--sets", **words)
    ap.add_argument("--line", default="", help="DELAY:RATE, in milliseconds and Mbit/s")
    ap.add_argument("--index", help="what is recorded (default: what pip asks)")
    ap.add_argument("--recording", type=pathlib.Path,
                    default=pathlib.Path(__file__).resolve().parent.parent.parent / "build/bench-recording")
    ap.add_argument("--folder", help="where to work (default: where temporary files go)")
    ap.add_argument("--json", type=pathlib.Path)
    args = ap.parse_args()
    bench = Bench(args.moat.resolve(), args.python, args)
    try:
        bench.start_peer()
        bench.start_index(args.recording, args.index or default_index(), args.line)
        bench.print_head()
        bench.all(args.sets or SETS)
        if args.json:
            args.json.write_text(json.dumps({"versions": bench.versions, "rows": bench.rows}, indent=1))
    finally:
        shutil.rmtree(bench.root, ignore_errors=True)


if __name__ == "__main__":
    main()
