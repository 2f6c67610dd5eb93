"""Breaks moat's commands wherever they can be broken, and looks whether anything half done is left.

    torture.py MOAT [--minutes M] [--short] [--seed S] [--only KIND]… [--jobs J] [--log FILE]
    torture.py --report FILE…

Every trial is one command in a world of its own (a HOME, a store, an environment), broken in one place:

    kills         SIGKILL at the n-th system call of a kind
    signals       SIGINT or SIGTERM there
    errors        that call fails with ENOSPC, EIO, EDQUOT, EACCES, EMFILE, EINTR, EAGAIN or ENOMEM
    short_writes  every write takes only a part of what it is given
    limits        few open files, little memory, short files
    systems       a full or read-only file system, no /proc, few processes
    crowds        sixteen processes on one store, one environment and one project
    hostile       input that somebody made to do harm

After each: a command that says it did its work did it; one that fails left everything as it was; one that was killed
left the state before or the one after, as the next command sees it; every wheel in the store is sound; and, in every
third trial, what was interrupted can be done again. No command may hang, nor end by a signal it was not sent. The same
seed makes the same trials, and what fails is told with the words that repeat it.

--log keeps one line of JSON for each trial; --report makes the table of docs/reliability.md of such files.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import breaks
import commands
import hostile
import world

KINDS = ["kills", "signals", "errors", "short_writes", "limits", "systems", "crowds", "hostile"]


class Torture:
    def __init__(self, moat, seed, jobs, log, kinds):
        self.jobs, self.seed, self.log = jobs, seed, log
        self.folder = tempfile.mkdtemp(prefix="moat-torture-", dir=os.environ.get("TMPDIR") or world.memory_folder())
        self.template = world.Template(moat, self.folder)
        self.template.make()
        self.commands = commands.commands(self.template)
        self.states = {}  # of each command: before and after, where nothing is broken
        self.breaks = breaks.Breaks(self.template, self.commands, random.Random(seed), self.judge, self.note)
        for command in self.commands if kinds != ["hostile"] else []:
            with world.World(self.template, command) as place:
                before = place.state()
                status, said = self.breaks.count_calls(place)
                if status != 0:
                    raise SystemExit(f"{command.name} fails when nothing is broken: {said}")
                self.states[command.name] = (before, place.state())
        self.hostile = hostile.Hostile(self.template, random.Random(seed), self.note)
        self.results, self.lock = [], threading.Lock()

    # ---- what a trial must leave behind ----

    def judge(self, kind, place, status, said, killed, how, must_work=False):
        command = place.command
        before, after = self.states[command.name]
        problems = []
        # Without memory libsolv ends the process; what is left has to be whole all the same.
        killed = killed or (kind == "errno ENOMEM" and status in (-signal.SIGABRT, -signal.SIGSEGV))
        state = place.state()
        if command.steps and killed and state not in (before, after):
            again, words = place.run(["sync", *commands.PROJECT])
            state = place.state()
            if again != 0:
                problems.append(f"`sync` does not bring project and environment together: {words[-300:]}")
        if status is None:
            problems.append("it hangs")
        elif not killed and (status < 0 or status in (134, 139)):
            problems.append(f"it died of a signal ({status}): {said[-300:]}")
        elif status == 0 and not killed and state != after:
            problems.append("it says that all is done, and it is not")
        elif status != 0 and not killed and state != before and not (status == 3 and self.is_excused(said, how, state == after)):
            problems.append(f"status {status}, and something has changed: {said[-300:]}")
        if must_work and status != 0:
            problems.append(f"status {status}: {said[-300:]}")
        if state not in (before, after):
            problems.append(f"a half-made state: {self.difference(state, before, after)}")
        if not problems and command.again and state == before and len(self.results) % 3 == 0:
            again, said = place.run(command.words)
            if again != 0 or place.state() != after:
                problems.append(f"it cannot be done again (status {again}): {said[-300:]}")
            elif world.leftovers(place.root):
                problems.append(f"left behind for good: {world.leftovers(place.root)}")
        if not problems:
            for words in (["store", "verify"], *command.checks):
                if words[0] == "store" or place.state() == after:
                    sound, said = place.run(words)
                    if sound != 0:
                        problems.append(f"afterwards `{shlex.join(words)}`: {said[-300:]}")
        self.note(kind, command.name, f"({shlex.join(command.words)}), {how}", problems)

    @staticmethod
    def is_excused(said, how, is_done):
        """Status 3 after a change, by the rules of docs/reliability.md. Where the disk refuses the way back as well, the
        command says so, and the next one ends the change. What was done whole and could not be told stays, and the last
        line says that; where no write succeeds any more (`when=7+`), there is no such line."""
        if "; and it cannot be undone: " in said or " cannot be put back: " in said:
            return True
        lines = said.rstrip().splitlines()
        told = lines and lines[-1].startswith("error: cannot write to standard output") and lines[-1].endswith(
            "; apart from that the command was carried out")
        no_more_writes = "inject=?write:error=" in how and "+'" in how
        return is_done and (told or no_more_writes)

    def note(self, kind, name, how, problems):
        result = {"kind": kind, "command": name, "how": how, "problems": problems}
        with self.lock:
            self.results.append(result)
            if self.log:
                self.log.write(json.dumps(result) + "\n")
                self.log.flush()

    @staticmethod
    def difference(state, before, after):
        if "cannot be listed" in state:
            return str(state)[:300]
        odd = []
        for path, there in state.items():
            was, will = before[path], after[path]
            if there in (was, will):
                odd.append(f"{path} of {'before' if there == was else 'after'}")
            elif isinstance(there, dict):
                was, will = was if isinstance(was, dict) else {}, will if isinstance(will, dict) else {}
                odd += [path + name for name in {*there, *was, *will} if there.get(name) not in (was.get(name), will.get(name))][:5] or [
                    path + ": a mixture of both states"]
            else:
                odd.append(f"{path}: {there}")
        return ", ".join(odd)

    def run(self, kinds, seconds):
        deadline = time.monotonic() + seconds
        sources = {name: iter(self.hostile.trials() if name == "hostile" else getattr(self.breaks, name)()) for name in kinds}
        # Of what takes a hundred times as long there are fewer.
        rare = {"crowds": 25}
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            running, turn = set(), 0
            while time.monotonic() < deadline and sources:
                turn += 1
                for name in list(sources):
                    if turn % rare.get(name, 1) or time.monotonic() >= deadline:
                        continue
                    trial = next(sources[name], None)
                    if trial is None:
                        del sources[name]
                        continue
                    if len(running) >= self.jobs:
                        done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                        for one in done:
                            one.result()
                    running.add(pool.submit(trial))
            for one in running:
                one.result()


ORDER = {"kill": 0, "signal": 1, "errno": 2, "short writes": 3, "limits": 4}


def report(results, markdown=False):
    tried = collections.Counter(result["kind"] for result in results)
    failed = collections.Counter(result["kind"] for result in results if result["problems"])
    rows = [(kind, tried[kind], tried[kind] - failed[kind]) for kind in sorted(tried, key=lambda k: (ORDER.get(k.split(" -")[0].split(" E")[0], 9), k))]
    if markdown:
        print("| kind | tried | survived |\n|---|---|---|")
        for kind, count, survived in rows:
            print(f"| {kind} | {count} | {survived} |")
        print(f"| all | {len(results)} | {len(results) - sum(failed.values())} |")
        return
    print(f"{'kind':<26}{'tried':>7}{'survived':>10}")
    for kind, count, survived in rows:
        print(f"{kind:<26}{count:>7}{survived:>10}")
    print(f"{'in all':<26}{len(results):>7}{len(results) - sum(failed.values()):>10}")
    for result in results:
        for problem in result["problems"]:
            print("FAILED", f"{result['kind']}: {result['command']} {result['how']}: {problem}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("moat", type=pathlib.Path, nargs="?")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--short", action="store_true", help="a sample that takes less than a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=KINDS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--log", type=argparse.FileType("a"))
    parser.add_argument("--report", type=pathlib.Path, nargs="+", metavar="FILE")
    options = parser.parse_args()
    if options.report:
        report([json.loads(line) for file in options.report for line in file.read_text().splitlines()], markdown=True)
        return 0
    if options.moat is None:
        parser.error("which moat?")
    if shutil.which("strace") is None or subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: strace is not there, or may not trace")
        return 77
    begun = time.monotonic()
    torture = Torture(options.moat.resolve(), options.seed, options.jobs, options.log, options.only or KINDS)
    try:
        seconds = max(10, 45 - (time.monotonic() - begun)) if options.short else options.minutes * 60
        torture.run(options.only or KINDS, seconds)
    finally:
        world.remove(torture.folder)
    print("seed", options.seed)
    report(torture.results)
    return 1 if any(result["problems"] for result in torture.results) else 0


if __name__ == "__main__":
    sys.exit(main())
