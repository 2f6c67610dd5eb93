"""Benchmarks of bundles and deploys, each beside what people use for it: a venv in a tar file, pex, shiv.

    deploy_bench.py MOAT [--runs N] [--python PYTHON] [--index URL] [--folder DIR] [--json FILE] [--large [GB]]

How it measures; for what is not said here, see bench.py:
- One lock of Django, Celery, gunicorn and psycopg with its binary; the peers get the same versions with `moat export`.
  Lock and wheels come from the index that pip asks, before anything is measured; the peers are then given a folder of
  these wheels and no index, as moat has its store.
- The sides of a row take turns. Before each the disk is waited for: moat waits for its own files to be written, and
  would wait for those of the side before it as well. Nobody else waits; the side `tar, synced` does, for comparison.
- tar: a finished venv, of `python -m venv --without-pip` and `pip install`, with the bytecode that pip makes, in a
  plain tar: the fastest form, and several times as large as the others. Its scripts name the folder it was made in;
  its Python, which is all that is started here, does not.
- pex and shiv: as they are without options. So pex unpacks to PEX_ROOT and makes no venv (--venv takes longer to
  start for the first time), and neither has bytecode.
- No peer brings a Python, so `moat, with Python` is asked for more than they are.
- A first deploy finds an empty store, an empty place, an empty PEX_ROOT or SHIV_ROOT; the first import is counted.
- A column tells each side in times of the tar, pair by pair, and phases are those of the last turn. Memory is at least
  that of this program, about 20 MB, which a process starts from.

--large measures a bundle of 5 GB instead: five wheels of random bytes, which nothing compresses. It needs four times
that on the disk. Whether the disk is read depends on the machine's memory; one look before measuring fills it.

Nothing is asserted; the figures are for people.
"""
import argparse
import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tomllib
import zipfile

from bench import Bench, Used, default_index

PACKAGES = ["django", "celery", "gunicorn", "psycopg[binary]"]
IMPORT = "import django, celery, gunicorn, psycopg"
CHANGED = "sqlparse"  # what Django needs, and in the second release is of another version
CHUNK = 1 << 20


class DeployBench(Bench):
    def __init__(self, moat, python, args):
        super().__init__(moat, python, args)
        del self.env["MOAT_COMPILE"]  # when to compile is part of how a deploy is done
        index = args.index or default_index()
        self.env.update(MOAT_INDEX_URL=index, PIP_INDEX_URL=index)
        self.peers, self.phases, self.notes = None, {}, []

    # --- telling ---

    def print_head(self):
        self.versions = {}
        peers = {name: self.peers / name for name in ("pex", "shiv")} if self.peers else {}
        for name, program in {"moat": self.moat, "python": self.python, **peers}.items():
            self.call([program, "--version"])
            self.versions[name] = re.search(r"\d+(\.\d+)+", self.output).group()
        print(" · ".join(f"{k} {v}" for k, v in self.versions.items()), f"· {self.python} · {os.cpu_count()} cores")
        print(f"\n{'':40} {'wall, ms':>15}  {'of tar':>6}  {'CPU, ms':>7}  {'memory, MB':>10}")
        print(f"{'':40} {'least':>7} {'median':>7}  {'median':>6}  {'median':>7}  {'median':>10}", flush=True)

    def note(self, text):
        self.notes.append(text)
        print(f"  {text}", flush=True)

    def turns(self, what, sides, base=None, runs=None):
        """sides: name → what does it once, given the number of the turn, and gives what it used; the first turn is not
        counted. base: the side that the others are told in times of."""
        print(f"\n{what}", flush=True)
        names, all_used = list(sides), {name: [] for name in sides}
        for run in range((runs or self.runs) + 1):
            first = run % len(names)
            for name in names[first:] + names[:first]:
                os.sync()
                used = sides[name](run)
                self.settle()
                if run:
                    all_used[name].append(used)
        for name, used in all_used.items():
            row = {"what": what, "side": name, **{field: [getattr(u, field) for u in used] for field in Used._fields}}
            row["ratio"] = statistics.median(a.wall / b.wall for a, b in zip(used, all_used[base])) if base else None
            self.rows.append(row)
            walls, ratio = [t * 1e3 for t in row["wall"]], "" if row["ratio"] is None else f"{row['ratio']:.2f}"
            print(f"  {name:38} {min(walls):7.0f} {statistics.median(walls):7.0f}  {ratio:>6}  "
                  f"{statistics.median(row['cpu']) * 1e3:7.0f}  {statistics.median(row['memory']):10.0f}", flush=True)

    # --- what is measured ---

    def moat_with(self, store, *words):
        return self.call([self.moat, "--store-dir", store, *words])

    def prepare(self):
        """The lock of two releases, the wheels, and the peers."""
        self.call([self.python, "-m", "venv", self.root / "peers"])
        self.peers = self.root / "peers/bin"
        self.call([self.peers / "pip", "install", "-q", "-U", "pip", "pex", "shiv"])
        self.locks = [self.lock("first", PACKAGES)]
        packages = tomllib.loads(self.locks[0].read_text())["packages"]
        version = next(p["version"] for p in packages if p["name"] == CHANGED)
        self.locks.append(self.lock("second", [*PACKAGES, f"{CHANGED}!={version}"]))
        pinned, wheels = self.root / "pinned.txt", self.root / "wheels"
        self.call([self.moat, "export", self.locks[0], "--format", "requirements", "-o", pinned])
        self.call([self.peers / "pip", "download", "-q", "--no-deps", "-r", pinned, "-d", wheels])
        self.pinned = ["--no-index", "--find-links", wheels, "-r", pinned]
        self.venv = self.fresh("venv")
        self.called(self.making_venv(self.venv))

    def lock(self, name, packages, *options):
        wanted, lock = self.root / f"{name}.in", self.root / f"pylock.{name}.toml"
        wanted.write_text("".join(f"{p}\n" for p in packages))
        self.call([self.moat, "lock", "-r", wanted, "-o", lock, "-p", self.python, *options])
        return lock

    def making_venv(self, venv):
        return [[self.python, "-m", "venv", "--without-pip", venv], [self.peers / "pip", "--python", venv, "install", "-q", *self.pinned]]

    def bundle(self, lock, *options):
        out = self.fresh("bundle")
        return out, self.moat_with(self.root / "moat/store", "bundle", lock, "-p", self.python, "-o", out, *options)

    def bundle_rows(self):
        self.made = {}

        def made(name, argv, before=()):
            """Runs what writes the file that is its last word."""
            self.made[name] = argv[-1]
            return self.called([*before, argv])

        def moat(name, *options):
            self.made[name], used = self.bundle(self.locks[0], *options)
            return used

        def whole_venv(_):
            venv = self.fresh("venv")
            return made("venv, pip, tar", ["tar", "-C", venv, "-c", ".", "-f", self.fresh("tar")], self.making_venv(venv))

        self.turns("the file of a release, from its lock", {
            "moat": lambda _: moat("moat"),
            "moat, with Python": lambda _: moat("moat, with Python", "--with-python"),
            "tar of a finished venv": lambda _: made("tar", ["tar", "-C", self.venv, "-c", ".", "-f", self.fresh("tar")]),
            "venv, pip, tar": whole_venv,
            "pex": lambda _: made("pex", [self.peers / "pex", *self.pinned, "-o", self.fresh("pex")]),
            "shiv": lambda _: made("shiv", [self.peers / "shiv", *self.pinned, "-o", self.fresh("shiv")]),
        }, "tar of a finished venv")
        self.note("MB: " + ", ".join(f"{name} {path.stat().st_size / 1e6:.1f}" for name, path in self.made.items() if name != "venv, pip, tar"))
        store = self.root / "moat/store"
        self.turns("bundle verify", {"moat": lambda _: self.moat_with(store, "bundle", "verify", self.made["moat"]),
                                     "moat, with Python": lambda _: self.moat_with(store, "bundle", "verify", self.made["moat, with Python"])})

    def deploy(self, name, bundle, store, dest):
        """Which Python is said where the bundle has none."""
        python = [] if "Python" in name else ["-p", self.python]
        used = self.moat_with(store, "deploy", bundle, dest, "--insecure", "--timings", *python)
        self.phases[name] = ", ".join(f"{what} {time}" for what, time in re.findall(r"^([a-z ]+?)  +([\d.]+ .+)$", self.output, re.MULTILINE))
        return used

    def note_phases(self):
        for name, phases in self.phases.items():
            self.note(f"{name}: {phases}")

    def first_rows(self):
        self.deployed = {"moat": [], "moat, with Python": []}
        importing = {}

        def with_import(name, deployed, python):
            importing[name] = imported = self.call([python, "-c", IMPORT])
            return Used(deployed.wall + imported.wall, deployed.cpu + imported.cpu, max(deployed.memory, imported.memory))

        def moat(name):
            store, dest = self.fresh("store"), self.fresh("dest")
            self.deployed[name].append((store, dest))
            return with_import(name, self.deploy(name, self.made[name], store, dest), dest / "current/bin/python")

        def tar(name, synced):
            dest = self.fresh("dest")
            dest.mkdir()
            sync = [["sync", "-f", dest]] if synced else []
            return with_import(name, self.called([["tar", "-C", dest, "-xf", self.made["tar"]], *sync]), dest / "bin/python")

        def zipped(name, variable):
            return self.call(["env", f"{variable}={self.fresh('root')}", self.python, self.made[name], "-c", IMPORT])

        self.turns("first deploy, everything empty, and the first import", {
            "moat": lambda _: moat("moat"),
            "moat, with Python": lambda _: moat("moat, with Python"),
            "tar": lambda _: tar("tar", False),
            "tar, synced": lambda _: tar("tar, synced", True),
            "pex": lambda _: zipped("pex", "PEX_ROOT"),
            "shiv": lambda _: zipped("shiv", "SHIV_ROOT"),
        }, "tar")
        self.note("of that the import, ms, last turn: " + ", ".join(f"{name} {used.wall * 1e3:.0f}" for name, used in importing.items()))
        self.note_phases()

    def later_rows(self):
        second = {"moat": self.bundle(self.locks[1])[0], "moat, with Python": self.bundle(self.locks[1], "--with-python")[0]}
        self.turns(f"deploy of a second release, {CHANGED} changed", {
            name: lambda run, name=name: self.deploy(name, second[name], *self.deployed[name][run]) for name in second})
        self.note_phases()
        store, dest = self.deployed["moat"][-1]
        self.turns("deploy of what is live", {"moat": lambda _: self.deploy("moat", second["moat"], store, dest)}, runs=3 * self.runs)
        self.turns("deploy rollback, to the other release", {
            "moat": lambda run: self.moat_with(store, "deploy", "rollback", dest, str(1 + run % 2))}, runs=3 * self.runs)
        attempts = [json.loads(line) for line in (dest / "history").read_text().splitlines()]
        took = [a["milliseconds"] for a in attempts if a["action"] == "rollback"][1:]  # as elsewhere, without the first turn
        self.note(f"of that, by its own history: {min(took)} ms at least, {statistics.median(took):.0f} ms in the median")

    # --- a large one ---

    def large_rows(self, size):
        links = self.root / "links"
        links.mkdir()
        names = [f"large{n}" for n in range(5)]
        for name in names:
            write_wheel(links, name, int(size / len(names)))
        options = ["--no-index", "--find-links", links]
        lock, out, store = self.lock("large", names, *options), self.root / "large.moat", self.root / "moat/store"

        def bundle(_):
            out.unlink(missing_ok=True)
            return self.moat_with(store, "bundle", lock, "-p", self.python, "-o", out, *options)

        self.turns(f"bundle of {size / 1e9:.1f} GB, large wheels", {"moat": bundle}, runs=1)
        self.turns("bundle verify of that", {"moat": lambda _: self.moat_with(store, "bundle", "verify", out)})
        verified, one, two = self.rows[-1], self.hash_speed(1), self.hash_speed(2)
        self.note(f"sha256 of openssl, MB/s: one core {one / 1e6:.0f}, two {two / 1e6:.0f}")
        for what, seconds in {"wall, least": min(verified["wall"]), "wall, median": statistics.median(verified["wall"]),
                              "CPU, median": statistics.median(verified["cpu"])}.items():
            rate = out.stat().st_size / seconds
            self.note(f"by {what}: {rate / 1e6:.0f} MB/s, {100 * rate / one:.0f} % of one core, {100 * rate / two:.0f} % of two")

    def hash_speed(self, cores):
        """Bytes a second."""
        self.call(["openssl", "speed", "-seconds", "3", "-bytes", "16384", *(["-multi", str(cores)] if cores > 1 else []), "sha256"])
        return float(re.findall(r"^sha256 +([\d.]+)k", self.output, re.MULTILINE)[-1]) * 1000

    def all(self, large):
        if large:
            self.print_head()
            self.large_rows(large)
            return
        self.prepare()
        self.print_head()
        self.bundle_rows()
        self.first_rows()
        self.later_rows()


def write_wheel(folder, name, size):
    """A wheel with one large member, and nothing in it that can be compressed."""
    record = f"{name}-1.dist-info/RECORD"
    lines = []
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as wheel:
        def write(path, chunks):
            digest, length = hashlib.sha256(), 0
            with wheel.open(zipfile.ZipInfo(path), "w") as member:
                for chunk in chunks:
                    member.write(chunk)
                    digest.update(chunk)
                    length += len(chunk)
            lines.append(f"{path},sha256={base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode()},{length}\n")

        write(f"{name}/data.bin", (os.urandom(CHUNK) for _ in range(size // CHUNK)))
        write(f"{name}-1.dist-info/METADATA", [f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n".encode()])
        write(f"{name}-1.dist-info/WHEEL", [b"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"])
        wheel.writestr(zipfile.ZipInfo(record), "".join(lines) + f"{record},,\n")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat", type=pathlib.Path)
    ap.add_argument("--runs", type=int, default=5)
    ap.add_argument("--python", default=shutil.which("python3"))
    ap.add_argument("--index", help="where the packages come from (default: what pip asks)")
    ap.add_argument("--folder", help="where to work (default: where temporary files go)")
    ap.add_argument("--json", type=pathlib.Path)
    ap.add_argument("--large", nargs="?", type=float, const=5, metavar="GB", help="a large bundle instead (default: 5 GB)")
    ap.set_defaults(only=[])
    args = ap.parse_args()
    bench = DeployBench(args.moat.resolve(), args.python, args)
    try:
        bench.all((args.large or 0) * 1e9)
        if args.json:
            args.json.write_text(json.dumps({"versions": bench.versions, "rows": bench.rows, "notes": bench.notes}, indent=1))
    finally:
        subprocess.run(["chmod", "-R", "u+w", bench.root])  # releases are read-only
        shutil.rmtree(bench.root, ignore_errors=True)


if __name__ == "__main__":
    main()
