"""The power fails at any moment of a command that changes something: what was there before is still there, every
environment starts, and the store is of use.

    power_test.py MOAT [CUTS]

Real cuts: an ext4 file system on a loop device whose writes are logged (write_log.c). The log is replayed to CUTS points
of each command and of the seconds after it (default 3, a short form), each image is mounted, as after a power failure, and
looked at. A device number of its own tells the environment that this is not the disk it was written to.
"""
import base64
import hashlib
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

SKIP = 77
PYTHON = "/usr/bin/python3"
HERE = pathlib.Path(__file__).resolve().parent


def wheel(folder, name, version, files):
    info = f"{name}-{version}.dist-info"
    files = {f"{name}/{path}": text.encode() for path, text in files.items()}
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{name} = {name}:main\n".encode()
    rows = "".join(f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
                   for path, data in files.items())
    files[f"{info}/RECORD"] = (rows + f"{info}/RECORD,,\n").encode()
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)


def package(name, version):
    body = f"V = '{version}'\ndef main(): print(V)\n" + "# filler\n" * 2000
    return {"__init__.py": body, "m.py": body, **{f"sub/f{i}.py": f"V = '{version}'\n" + "#\n" * 700 * i for i in range(8)},
            "sub/__init__.py": ""}


# The version of a package as all of its files tell it; "-" where it is not there.
LOOK = """
import importlib, sys
def look(name):
    try:
        parts = [importlib.import_module(name)]
    except ModuleNotFoundError:
        return "-"
    parts += [importlib.import_module(name + ".m")] + [importlib.import_module(f"{name}.sub.f{i}") for i in range(8)]
    return "+".join(sorted({part.V for part in parts}))
print(look("alpha"), look("beta"))
"""


class Disk:
    """The disk that is written to, and its log."""

    def __init__(self, root, moat):
        self.root, self.moat = root, moat
        self.image, self.log = root / "image", root / "log"
        self.fuse, self.mount = root / "fuse", root / "disk"
        for folder in (self.fuse, self.mount):
            folder.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(500 << 20)
        # Every second, so that names reach the disk long before data: the worst case.
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image], check=True)
        self.logger = subprocess.Popen([root / "write_log", self.image, self.log, self.fuse])
        deadline = time.monotonic() + 10
        while not (self.fuse / "disk").exists():
            if time.monotonic() > deadline or self.logger.poll() is not None:
                raise OSError("cannot mount a FUSE file system here")
            time.sleep(0.01)
        subprocess.run(["mount", "-o", "loop,commit=1", self.fuse / "disk", self.mount], check=True)

    def close(self):
        subprocess.run(["umount", self.mount], stderr=subprocess.DEVNULL)
        subprocess.run(["umount", self.fuse], stderr=subprocess.DEVNULL)
        try:
            self.logger.wait(10)
        except subprocess.TimeoutExpired:  # the loop device may be let go of later, on a busy machine
            subprocess.run(["umount", "-l", self.fuse], stderr=subprocess.DEVNULL)
            self.logger.kill()
            self.logger.wait()

    def flush(self):
        subprocess.run(["sync", "-f", self.mount], check=True)

    def names_reach_the_disk(self):
        """A sync of some other file: the journal of ext4 takes all names along, but no data."""
        file = os.open(self.mount / "other", os.O_WRONLY | os.O_CREAT)
        os.write(file, b"x")
        os.fsync(file)
        os.close(file)

    def position(self):
        return self.log.stat().st_size


def moat(program, disk, *arguments, check=True, wheels=None):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(disk), "MOAT_HOME": str(disk / "home"), "LANG": "C.UTF-8", "MOAT_NO_INDEX": "1",
           "MOAT_COMPILE": "now"}
    if wheels:
        env["MOAT_FIND_LINKS"] = str(wheels)
    env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
    done = subprocess.run([program, *map(str, arguments)], env=env, cwd=disk, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=900)
    if check and done.returncode != 0:
        raise AssertionError(f"moat {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}")
    return done.returncode, done.stdout


def look(environment):
    try:
        done = subprocess.run([environment / "bin/python", "-c", LOOK], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=900)
    except OSError as error:
        return f"does not start: {error}"
    return done.stdout.strip() if done.returncode == 0 and done.stdout else f"status {done.returncode}: {done.stderr[-400:]}"


class Replay:
    """An image that follows the log."""

    def __init__(self, base, log):
        self.image, self.log = base, open(log, "rb")

    def apply(self, begin, end):
        """The ends of all records from begin to end, applied one after the other as they are asked for."""
        with open(self.image, "r+b") as image:
            self.log.seek(begin)
            while self.log.tell() < end:
                offset, size = struct.unpack("<QQ", self.log.read(16))
                image.seek(offset)
                image.write(self.log.read(size))


def records(log, begin, end):
    out = []
    with open(log, "rb") as file:
        file.seek(begin)
        while file.tell() < end:
            _, size = struct.unpack("<QQ", file.read(16))
            file.seek(size, os.SEEK_CUR)
            out.append(file.tell())
    return out


def spread(points, count):
    """The first, the last, and evenly between."""
    if len(points) <= count:
        return points
    return [points[round(i * (len(points) - 1) / (count - 1))] for i in range(count)]


class Power:
    def __init__(self, root, program, cuts):
        self.root, self.program, self.cuts = root, program, cuts
        self.wheels = root / "wheels"
        self.wheels.mkdir()
        for name, version in (("alpha", "1.0"), ("alpha", "2.0"), ("beta", "1.0")):
            wheel(self.wheels, name, version, package(name, version))
        self.lock = root / "requirements.txt"
        digest = hashlib.sha256((self.wheels / "alpha-2.0-py3-none-any.whl").read_bytes()).hexdigest()
        self.lock.write_text(f"alpha==2.0 --hash=sha256:{digest}\n")
        self.disk = Disk(root, program)
        self.looked, self.mended, self.faults = 0, 0, []

    def on_disk(self, *arguments):
        return moat(self.program, self.disk.mount, *arguments, wheels=self.wheels)

    def check(self, image, before, after, made, whole):
        """One cut: the environment `e` is as before or as after. `made`, the one that was being made, is not there, or empty,
        or as it was in the end (`whole`); where it was lost it says so, and `doctor --repair` mends it."""
        place = self.root / "after"
        place.mkdir(exist_ok=True)
        self.looked += 1
        subprocess.run(["mount", "-o", "loop", image, place], check=True)
        try:
            seen = look(place / "e")
            if seen not in (before, after):
                return f"`e` says {seen}, not {before} or {after}"
            status, said = moat(self.program, place, "list", "--env", place / "e", check=False)
            listed = " ".join(next((line.split()[1] for line in said.splitlines() if line.startswith(name + " ")), "-")
                              for name in ("alpha", "beta"))
            if status != 0 or listed != seen:
                return f"list says {status} {listed}, Python {seen}: {said[-300:]}"
            seen = look(place / made) if made and (place / made / "pyvenv.cfg").exists() else whole
            if seen not in ("- -", whole):
                self.mended += 1
                if "lost in a power failure" not in seen:
                    return f"`{made}` does not say what happened to it: {seen}"
                status, said = moat(self.program, place, "doctor", "--repair", "--env", place / made, check=False,
                                    wheels=self.wheels)
                if look(place / made) not in ("- -", whole):
                    return f"`{made}` says {look(place / made)}; doctor --repair: {said[-400:]}"
            if self.looked % 4 == 0:
                status, said = moat(self.program, place, "create", place / "another", "-p", PYTHON, "-q", check=False)
                if status != 0 or look(place / "another") != "- -":
                    return f"the store is of no use: {status} {said[-400:]}"
            return None
        finally:
            subprocess.run(["umount", place], check=True)

    def cut(self, what, *arguments, made=None):
        disk = self.disk
        disk.flush()
        begin = disk.position()
        base = self.root / "base"
        subprocess.run(["cp", "--sparse=always", disk.image, base], check=True)
        before = look(disk.mount / "e")
        self.on_disk(*arguments)
        after, whole = look(disk.mount / "e"), look(disk.mount / made) if made else None
        disk.names_reach_the_disk()
        named = disk.position()
        disk.flush()
        end = disk.position()
        points = records(disk.log, begin, end)
        chosen = sorted({*spread(points, self.cuts), *[p for p in points if p <= named][-1:]})
        replay, at = Replay(base, disk.log), begin
        for point in chosen:
            replay.apply(at, point)
            at = point
            # A file of its own each: a loop device is let go of after umount, and may still write to the last one.
            image = self.root / f"cut{self.looked}"
            subprocess.run(["cp", "--sparse=always", base, image], check=True)
            fault = self.check(image, before, after, made, whole)
            image.unlink()
            if fault:
                self.faults.append(f"{what}, cut after {points.index(point) + 1} of {len(points)} writes: {fault}")
                print("FAULT:", self.faults[-1], flush=True)
        print(f"{what}: {len(chosen)} cuts in {len(points)} writes", flush=True)

    def run(self):
        e = ["--env", self.disk.mount / "e"]
        self.on_disk("create", self.disk.mount / "e", "-p", PYTHON, "-q")
        self.on_disk("install", *e, "-q", "alpha==1.0")
        self.cut("install", "install", *e, "-q", "beta==1.0")
        self.cut("upgrade", "install", *e, "-q", "alpha==2.0")
        self.cut("rollback", "env", "rollback", *e)
        self.cut("uninstall", "uninstall", *e, "beta")
        self.cut("reinstall", "install", *e, "-q", "--reinstall", "alpha==1.0")
        self.cut("two in a row", "install", *e, "-q", "beta==1.0")
        self.cut("sync", "sync", *e, self.lock, "-q")
        self.cut("rollback of a sync", "env", "rollback", *e)
        self.cut("sync into a new environment", "sync", "--env", self.disk.mount / "s", self.lock, "-q", "-p", PYTHON, made="s")
        self.cut("create", "create", self.disk.mount / "n", "-p", PYTHON, "-q", made="n")
        self.cut("create --replace", "create", "--replace", self.disk.mount / "n", "-p", PYTHON, "-q", made="n")
        self.cut("prune", "store", "prune", "--older-than", "0d")
        self.cut("create with an empty store", "create", self.disk.mount / "o", "-p", PYTHON, "-q", made="o")


def main():
    program, cuts = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        print("skipped: needs root and /dev/fuse")
        return SKIP
    root = pathlib.Path(tempfile.mkdtemp(prefix="moat-power-"))
    power = None
    try:
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fuse3"], text=True, stdout=subprocess.PIPE)
        if flags.returncode != 0:
            print("skipped: needs libfuse3-dev")
            return SKIP
        subprocess.run(["cc", "-O2", HERE / "write_log.c", "-o", root / "write_log", *flags.stdout.split()], check=True)
        try:
            power = Power(root, program, cuts)
        except (OSError, subprocess.CalledProcessError) as error:
            print("skipped: cannot make a loop device here:", error)
            return SKIP
        power.run()
        print(f"{power.looked} power failures, {power.mended} times a new environment needed doctor --repair, {len(power.faults)} faults")
        return 1 if power.faults else 0
    finally:
        if power:
            power.disk.close()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
