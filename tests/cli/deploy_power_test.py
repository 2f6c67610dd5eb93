"""The power fails at any moment of a deploy or a rollback: what is live is complete, the old release or the new one, and
the next deploy works without anybody's help.

    deploy_power_test.py MOAT [CUTS]

The cuts are those of power_test.py: an ext4 file system whose writes are logged and replayed to CUTS points of each command
(default 3, a short form).
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import power_test as power

VERSIONS = ("1.0", "2.0", "3.0")


class Deploys:
    def __init__(self, root, program, cuts):
        self.root, self.program, self.cuts = root, program, cuts
        self.wheels, self.bundles = root / "wheels", root / "bundles"
        for folder in (self.wheels, self.bundles):
            folder.mkdir()
        for version in VERSIONS:
            power.wheel(self.wheels, "alpha", version, power.package("alpha", version))
        power.wheel(self.wheels, "beta", "1.0", power.package("beta", "1.0"))
        for version in VERSIONS:
            (self.bundles / "in.txt").write_text(f"alpha=={version}\nbeta\n")
            for words in (("lock", "-r", "in.txt", "-p", power.PYTHON, "-o", f"pylock.a{version[0]}.toml", "-q"),
                          ("bundle", f"pylock.a{version[0]}.toml", "-p", power.PYTHON, "--name", "alpha", "-o", version, "-q",
                           *(["--with-bytecode"] if version == VERSIONS[1] else []))):  # which is placed straight from the bundle
                power.moat(program, self.bundles, *words, wheels=self.wheels)
        self.disk = power.Disk(root, program)
        self.looked, self.faults = 0, []

    def words(self, place, version, *options):
        return ("deploy", self.bundles / version, place / "srv", "--insecure", "-p", power.PYTHON, "-q", *options)

    @staticmethod
    def live(place):
        """What the live release says it is; "-" where there is none."""
        program = place / "srv/current/bin/alpha"
        if not os.path.lexists(place / "srv/current"):
            return "-"
        if not program.exists():
            return "current leads to no release"
        done = subprocess.run([program], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        seen = power.look(place / "srv/current")
        return done.stdout.strip() if done.returncode == 0 and seen == f"{done.stdout.strip()} 1.0" else f"{done.stdout[-300:]} {seen}"

    def check(self, image, before, after):
        place = self.root / "after"
        place.mkdir(exist_ok=True)
        self.looked += 1
        subprocess.run(["mount", "-o", "loop", image, place], check=True)
        try:
            seen = self.live(place)
            if seen not in (before, after):
                return f"what is live says {seen}, not {before} or {after}"
            if seen != "-":
                status, said = power.moat(self.program, place, "deploy", "verify", place / "srv", check=False)
                if status != 0:
                    return f"deploy verify: {said[-400:]}"
                status, said = power.moat(self.program, place, "deploy", "status", place / "srv", "--json", check=False)
                if status != 0 or not json.loads(said)["live"]:
                    return f"deploy status: {said[-400:]}"
            # Each bundle in turn, so that there is always something to do.
            version = VERSIONS[self.looked % len(VERSIONS)]
            status, said = power.moat(self.program, place, *self.words(place, version), check=False)
            if status != 0 or self.live(place) != version:
                return f"the next deploy, of {version}: {status} {said[-400:]}; live: {self.live(place)}"
            left = sorted(p.name for p in (place / "srv").iterdir())
            if left != ["current", "deploy.lock", "history", "releases"]:
                return f"left behind: {left}"
            return None
        finally:
            subprocess.run(["umount", place], check=True)

    def cut(self, what, *words, status=0):
        disk = self.disk
        disk.flush()
        begin, base = disk.position(), self.root / "base"
        subprocess.run(["cp", "--sparse=always", disk.image, base], check=True)
        before = self.live(disk.mount)
        got, said = power.moat(self.program, disk.mount, *words, check=False)
        if got != status:
            raise AssertionError(f"{what}: {got}\n{said}")
        after = self.live(disk.mount)
        disk.names_reach_the_disk()
        named = disk.position()
        disk.flush()
        points = power.records(disk.log, begin, disk.position())
        chosen = sorted({*power.spread(points, self.cuts), *[p for p in points if p <= named][-1:]})
        replay, at = power.Replay(base, disk.log), begin
        for point in chosen:
            replay.apply(at, point)
            at = point
            image = self.root / f"cut{self.looked}"
            subprocess.run(["cp", "--sparse=always", base, image], check=True)
            fault = self.check(image, before, after)
            image.unlink()
            if fault:
                self.faults.append(f"{what}, cut after {points.index(point) + 1} of {len(points)} writes: {fault}")
                print("FAULT:", self.faults[-1], flush=True)
        print(f"{what}: {len(chosen)} cuts in {len(points)} writes", flush=True)

    def run(self):
        srv = self.disk.mount
        self.cut("first deploy", *self.words(srv, "1.0"))
        self.cut("second deploy", *self.words(srv, "2.0", "--after", "true"))
        self.cut("rollback", "deploy", "rollback", srv / "srv", "-q")
        self.cut("deploy that its check refuses", *self.words(srv, "3.0", "--check", "false"), status=1)
        self.cut("deploy that its probe takes back", *self.words(srv, "3.0", "--probe", "false", "--probe-timeout", "1s"), status=1)
        self.cut("deploy that makes room", *self.words(srv, "3.0", "--keep", "1"))


def main():
    program, cuts = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        print("skipped: needs root and /dev/fuse")
        return power.SKIP
    root = pathlib.Path(tempfile.mkdtemp(prefix="moat-deploy-power-"))
    deploys = None
    try:
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "fuse3"], text=True, stdout=subprocess.PIPE)
        if flags.returncode != 0:
            print("skipped: needs libfuse3-dev")
            return power.SKIP
        subprocess.run(["cc", "-O2", power.HERE / "write_log.c", "-o", root / "write_log", *flags.stdout.split()], check=True)
        try:
            deploys = Deploys(root, program, cuts)
        except (OSError, subprocess.CalledProcessError) as error:
            print("skipped: cannot make a loop device here:", error)
            return power.SKIP
        deploys.run()
        print(f"{deploys.looked} power failures, {len(deploys.faults)} faults")
        return 1 if deploys.faults else 0
    finally:
        if deploys:
            deploys.disk.close()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
