"""Input that somebody made to do harm: archives, metadata, files that users name, pages of an index, environments.

Each is one command in a world of its own. Whatever it answers, it ends by itself, in reasonable time and memory; nothing
beside the environment, the store and the bookkeeping has changed; where it fails the environment is as before; the
environment lists and its Python starts; and nothing that only a build may run was run.
"""
import os
import pathlib
import resource
import shlex

import hostile_archives
import hostile_pages
import hostile_texts
from commands import Command
from world import World

MEMORY = 2 << 30
SECONDS = 60  # of CPU


class Hostile:
    def __init__(self, template, random, note):
        self.template, self.random, self.note = template, random, note
        self.pages = hostile_pages.Server()

    def trials(self):
        attacks = [*hostile_archives.attacks(), *hostile_texts.attacks(), *hostile_pages.attacks(self.pages)]
        names = [attack.name for attack in attacks]
        assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
        for attack in self.random.sample(attacks, len(attacks)):
            yield lambda attack=attack: self.trial(attack)

    @staticmethod
    def outside(root):
        """All that no command has to change: path → what it is."""
        found = {}
        for folder, folders, files in os.walk(root):
            below = os.path.relpath(folder, root)
            folders[:] = [name for name in folders if (below, name) not in ((".", "env"), (".", "tmp"), (".", "new"))
                          and (below, name) != ("home", "moat")]
            for name in files:
                path = pathlib.Path(folder, name)
                status = path.lstat()
                found[f"{below}/{name}"] = (status.st_mode, status.st_size, status.st_mtime_ns)
            for name in folders:
                found[f"{below}/{name}"] = "a folder"
        return found

    def trial(self, attack):
        command = Command("hostile", [], needs=("env",))
        problems = []
        with World(self.template, command) as world:
            words = attack.prepare(world.root)
            # Where the environment itself was tampered with, it need not be as it was.
            before = None if attack.tampers else world.state()
            outside = self.outside(world.root)
            status, said = world.run(words, limits=[(resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)], **attack.variables)
            if status is None:
                problems.append("it hangs")
            elif status < 0 or status in (134, 137, 139):
                problems.append(f"it died of a signal ({status}): {said[-300:]}")
            elif status not in (0, 1, 2, 3, 4, 5):
                problems.append(f"status {status}: {said[-300:]}")
            if attack.refused and status == 0:
                problems.append(f"it was taken: {said[-300:]}")
            after = self.outside(world.root)
            allowed = set(attack.makes)
            if changed := [name for name in {*outside, *after} if outside.get(name) != after.get(name) and name.lstrip("./") not in allowed]:
                problems.append(f"outside of the environment: {sorted(changed)[:5]}")
            if any(os.path.lexists(bait) for bait in (world.root / "evil", world.root.parent / "evil", "/tmp/moat-torture-evil")):
                problems.append("the bait was taken")
            if any(byte in said for byte in "\x1b\x07\x9b\u202e"):
                problems.append(f"escapes reach the reader: {said[:300]!r}")
            if before is not None and status != 0 and world.state() != before:
                problems.append(f"status {status}, and the environment has changed")
            if before is not None and world.run(["list", "--env", str(world.root / "env")], cwd="/")[0] != 0:
                problems.append("the environment cannot be listed any more")
        self.note("hostile input", attack.name, shlex.join(words), problems)
