#!/usr/bin/env python3
"""Installs the wheels of many closures, and lists each one that is refused, with the reason.

    closures_test.py MOAT [--python 3.11] [--exclude-newer DATE] [--roots NAME…] [--wheels N] [--largest MB]
                     [--keep FOLDER] [--report FILE]

Each root of closures.py is locked by itself; the wheels of all locks go into one environment, several at a time and
without their dependencies, newest lock last, so that one package comes in several versions. Where a batch fails, its wheels are tried one by
one. The test fails where a wheel is refused that KNOWN does not explain; a root that cannot be locked is listed, and is no failure: not
everything has wheels for every Python.
"""
import argparse
import json
import pathlib
import re
import sys
import tomllib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from closures import ROOTS  # noqa: E402
from world import World  # noqa: E402

BATCH = 24

# NAME-VERSION, as a pattern, and why it is right to refuse it.
KNOWN = {}


def locked_wheels(world, root, python, exclude_newer):
    """→ [(name, version, file, bytes)] of one root, or the reason why there are none."""
    lock = world.root / "pylock.toml"
    lock.unlink(missing_ok=True)
    options = ["--exclude-newer", exclude_newer] if exclude_newer else []
    status, said = world.moat("lock", "-r", "/dev/stdin", "-o", lock, "--python", python, "--only-binary", ":all:", *options,
                              input=root + "\n")
    if status:
        return said.strip().splitlines()[-1] if said.strip() else f"exit status {status}", said
    found = []
    for package in tomllib.loads(lock.read_text()).get("packages", []):
        for wheel in package.get("wheels", [])[:1]:
            file = wheel.get("name") or wheel["url"].rsplit("/", 1)[-1]
            found.append((package["name"], package.get("version", ""), file, wheel.get("size", 0)))
    return found, said


class Closures:
    def __init__(self, world, options):
        self.world, self.options = world, options
        self.wheels, self.passed_over, self.unlocked = {}, [], {}

    def lock_all(self):
        for root in self.options.roots or ROOTS:
            found, said = locked_wheels(self.world, root, self.options.python, self.options.exclude_newer)
            self.passed_over += [line for line in said.splitlines() if "was passed over" in line]
            if isinstance(found, str):
                self.unlocked[root] = found
                continue
            for name, version, file, size in found:
                if size <= self.options.largest << 20:
                    self.wheels.setdefault((name, version), file)
            if len(self.wheels) >= self.options.wheels:
                break

    def install(self, env, wheels):
        asked = [f"{name}=={version}" for name, version in wheels]
        newer = ["--exclude-newer", self.options.exclude_newer] if self.options.exclude_newer else []
        return self.world.moat("install", "--env", env, "--no-deps", "--only-binary", ":all:", "--no-compile", *newer, *asked)

    def install_all(self):
        """→ {wheel: what was said} of those that were refused, and the warnings of all others."""
        env = self.world.root / "env"
        self.world.good_moat("create", env, "-p", self.options.python)
        refused, warned, left = {}, [], list(self.wheels)
        while left:
            batch, names = [], set()
            for wheel in list(left):  # one version of each
                if wheel[0] not in names and len(batch) < BATCH:
                    names.add(wheel[0])
                    batch.append(wheel)
                    left.remove(wheel)
            status, said = self.install(env, batch)
            if status:
                for wheel in batch:
                    status, said_of_one = self.install(env, [wheel])
                    if status:
                        refused[wheel] = said_of_one
                    said += said_of_one
            warned += [line for line in said.splitlines() if line.startswith("warning:")]
            print(f"{len(self.wheels) - len(left)} of {len(self.wheels)} wheels, {len(refused)} refused", flush=True)
        status, said = self.world.moat("doctor", "--env", env)
        damage = [line for line in said.splitlines() if line.startswith("damage") and "dependencies" not in line]
        return refused, sorted(set(warned)), damage


def reason_of(said):
    return next((line for line in said.splitlines() if line.startswith("error:")), said.strip()[-200:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("moat")
    parser.add_argument("--python", default="3.11")
    parser.add_argument("--exclude-newer")
    parser.add_argument("--roots", nargs="*")
    parser.add_argument("--wheels", type=int, default=10**6, help="stop locking at so many")
    parser.add_argument("--largest", type=int, default=60, help="leave out wheels of more MB")
    parser.add_argument("--keep", help="the store, for the next run")
    parser.add_argument("--report", help="JSON")
    options = parser.parse_args()
    with World("closures", options.moat, options.keep) as world:
        world.require_index()
        closures = Closures(world, options)
        closures.lock_all()
        refused, warned, damage = closures.install_all()
    unknown = [w for w in refused if not any(re.fullmatch(pattern, "-".join(w)) for pattern in KNOWN)]
    for title, lines in (("no lock", [f"{root}: {why}" for root, why in closures.unlocked.items()]),
                         ("passed over", closures.passed_over), ("warned", warned), ("damage", damage),
                         ("refused", [f"{' '.join(w)}: {reason_of(said)}" for w, said in refused.items()])):
        print(f"\n{title}: {len(lines)}")
        print("\n".join("  " + line for line in lines))
    print(f"\n{len(closures.wheels) - len(refused)} of {len(closures.wheels)} wheels installed")
    if options.report:
        pathlib.Path(options.report).write_text(json.dumps(
            {"wheels": sorted(closures.wheels), "refused": [[*w, said] for w, said in refused.items()],
             "unlocked": closures.unlocked, "passed_over": closures.passed_over, "warned": warned}, indent=1))
    sys.exit(bool(unknown or damage))


if __name__ == "__main__":
    main()
