"""Bytecode that is made behind a command: where it ends up, and whatever comes in between.

    background_test.py MOAT [TestClass.test_name…]

Nothing here depends on how long something takes: `store jobs --wait` returns when nothing is left to do, and where a test
wants to see what is left, it holds the lock of the worker or of the environment.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

MODULES = 150  # of the package app: more than one round of the worker


@contextlib.contextmanager
def held(path):
    """As moat locks: F_OFD_SETLK of the whole file."""
    with open(path, "a+") as file:
        fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
        yield


class BackgroundTest(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        self.create()
        self.env.update(MOAT_COMPILE="background")
        self.store, self.place = self.root / "moat/store", self.work / "env"
        names = [f"m{i}" for i in range(MODULES - 1)]
        modules = {f"app/{name}.py": f"def f():\n    return {name!r}\n" for name in names}
        self.app = self.wheel("app", {**modules, "app/start.py": f"from . import {', '.join(names)}\n"})
        self.other = self.wheel("other", {"other/a.py": "y = 2\n"})
        # No worker outlives its test, not where that fails either.
        self.addCleanup(lambda: subprocess.run([sandbox.MOAT, "store", "jobs", "--wait"], env=self.env, cwd=self.work,
                                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300))

    def wheel(self, name, more):
        filename, content = loopback_index.wheel(name, "1.0", more=more)
        (self.work / filename).write_bytes(content)
        return f"./{filename}"

    @contextlib.contextmanager
    def nobody_works(self):
        with held(self.store / "worker"):
            yield

    def finish(self):
        self.assertEqual(self.moat("store", "jobs", "--wait"), "")
        self.assertIn("nothing is left", self.said)

    def files(self, env=None, package="app"):
        """path → bytes, of its bytecode"""
        env = env or self.place
        return {str(p.relative_to(env)): p.read_bytes() for p in (env / "lib").rglob(f"{package}/**/*.pyc")}

    def listed(self, env=None, owner="app"):
        lines = ((env or self.place) / ".moat/bytecode").read_text().splitlines()[1:]
        return {path: sha for sha, _, who, path in (line.split(" ", 3) for line in lines) if who == owner}

    def is_whole(self, env="env"):
        """What is listed is there, everything of app is listed, and doctor finds nothing."""
        root = self.work / env
        there = {path: hashlib.sha256(data).hexdigest() for path, data in self.files(root).items()}
        self.assertEqual(there, self.listed(root))
        self.assertEqual(len(there), MODULES + 1)
        self.moat("doctor", "--env", f"./{env}", "--strict")

    def workers(self):
        """Processes that work this test's store off."""
        out = []
        for process in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                line = (process / "cmdline").read_bytes().split(b"\0") if process.name.isdigit() else []
                if b"--work" in line and str(self.store).encode() in line:
                    out.append(process)
        return out

    def until(self, holds):
        deadline = time.monotonic() + 200  # a bound for what hangs, no measure
        while not holds():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    # --- the usual way ---

    def test_it_comes_after_the_command_and_is_what_compiling_at_once_gives(self):
        with self.nobody_works():
            self.install(self.app)
            self.assertIn("in the background", self.said)
            self.assertEqual(self.files(), {})
            self.assertEqual(self.moat("store", "jobs"), f"bytecode  {self.place}\n")
            self.assertTrue(json.loads(self.moat("env", "info", "--env", "env", "--json"))["bytecode_pending"])
        self.finish()
        self.is_whole()
        info = json.loads(self.moat("env", "info", "--env", "env", "--json"))
        self.assertFalse(info["bytecode_pending"])
        with open(self.place / ".moat/manifest") as manifest:
            self.assertNotIn("__pycache__/m0", manifest.read())
        # Another store, where it is made before the command returns.
        store = self.root / "moat2/store"
        store.mkdir(parents=True)
        (store / "runtimes").symlink_to(sandbox.SHARED)
        shutil.copytree(sandbox.TEMPLATE.name + "/env", self.work / "now", symlinks=True)
        self.moat("install", "--env", "./now", "--compile", self.app, MOAT_HOME=str(self.root / "moat2"))
        self.assertNotIn("background", self.said)
        self.assertEqual(self.files(self.work / "now"), self.files())

    def test_the_worker_does_it_by_itself_and_ends(self):
        self.install(self.app)
        self.until(lambda: not self.moat("store", "jobs"))
        self.until(lambda: not self.workers())
        self.is_whole()

    def test_the_worker_has_nothing_of_whoever_started_it(self):
        shutil.copytree(self.place, self.work / "second", symlinks=True)
        self.begin()
        with open(self.work / "mine", "w") as mine, held(self.place / ".moat/lock"):
            # The change of another environment starts it; then it stands before the one that is locked.
            subprocess.run([sandbox.MOAT, "install", "--env", "./second", self.other], env={**self.env, "SECRET": "x"},
                           cwd=self.work, timeout=300, check=True, stdout=mine, stderr=mine, pass_fds=[mine.fileno()])
            self.until(self.workers)
            worker, = self.workers()
            self.assertNotIn(str(self.work / "mine"), [os.readlink(fd) for fd in (worker / "fd").iterdir()])
            self.assertEqual({os.readlink(worker / f"fd/{n}") for n in range(3)}, {"/dev/null"})
            self.assertEqual(os.readlink(worker / "cwd"), "/")
            self.assertNotIn(b"SECRET", (worker / "environ").read_bytes())
            self.assertEqual(os.getpriority(os.PRIO_PROCESS, int(worker.name)), 19)
            self.assertNotEqual(os.getsid(int(worker.name)), os.getsid(0))
        self.finish()
        self.is_whole()

    def test_continuous_integration_leaves_it_to_python(self):
        self.install(self.app, CI="true")
        self.assertNotIn("background", self.said)
        self.assertEqual(self.moat("store", "jobs"), "")
        self.assertEqual((self.files(), self.workers()), ({}, []))

    def test_never_means_never(self):
        self.install(self.app, "--no-compile")
        self.assertEqual(self.moat("store", "jobs"), "")
        self.finish()
        self.assertEqual(self.files(), {})

    def test_two_environments_wait_for_the_same(self):
        shutil.copytree(self.place, self.work / "second", symlinks=True)
        with self.nobody_works():
            self.install(self.app)
            self.moat("install", "--env", "./second", self.app)
            self.assertEqual(len(self.moat("store", "jobs").splitlines()), 2)
        self.finish()
        self.is_whole("env")
        self.is_whole("second")
        self.assertEqual(self.files(self.work / "second"), self.files())

    def test_what_the_store_has_is_placed_at_once(self):
        shutil.copytree(self.place, self.work / "second", symlinks=True)
        self.install(self.app)
        self.finish()
        self.moat("install", "--env", "./second", self.app)
        self.assertNotIn("background", self.said)
        self.is_whole("second")

    # --- what comes in between ---

    def begin(self):
        """Queued, and nobody works."""
        with self.nobody_works():
            self.install(self.app)

    def test_a_kill_at_any_moment(self):
        self.begin()
        for seen in (0, 1, 40, 65, 100):
            shutil.rmtree(self.store / "pycs", ignore_errors=True)
            worker = subprocess.Popen([sandbox.MOAT, "store", "jobs", "--work"], env=self.env, cwd="/")
            self.until(lambda: len(self.files()) >= seen or worker.poll() is not None)
            worker.kill()
            worker.wait()
            self.moat("doctor", "--env", "env", "--strict")
            there = {path: hashlib.sha256(data).hexdigest() for path, data in self.files().items()}
            self.assertEqual({p: s for p, s in self.listed().items() if there.get(p, s) != s}, {})
        self.finish()
        self.is_whole()

    def test_a_change_meanwhile_wins(self):
        self.begin()
        worker = subprocess.Popen([sandbox.MOAT, "store", "jobs", "--work"], env=self.env, cwd="/")
        self.install(self.other)
        self.moat("uninstall", "--env", "env", "app")
        self.assertEqual(worker.wait(timeout=300), 0)
        self.finish()
        self.assertEqual(list((self.place / "lib").rglob("app")), [])
        self.assertEqual(self.listed(), {})
        self.assertEqual(len(self.listed(owner="other")), 2)
        self.moat("doctor", "--env", "env", "--strict")
        self.moat("env", "rollback", "--env", "env")
        self.finish()
        self.is_whole()

    def test_moved_copied_and_renamed(self):
        with self.nobody_works():
            self.install(self.app)
            self.moat("env", "clone", "./env", "./copy")
            self.moat("env", "move", "./env", "./moved")
        self.finish()
        self.is_whole("copy")
        self.is_whole("moved")
        self.assertFalse(self.place.exists())

    def test_one_that_is_removed_stays_removed(self):
        self.begin()
        self.moat("env", "remove", "./env", "-y")
        self.finish()
        self.assertFalse(self.place.exists())
        # … also while the worker is at it.
        self.create()
        self.begin()
        worker = subprocess.Popen([sandbox.MOAT, "store", "jobs", "--work"], env=self.env, cwd="/")
        self.moat("env", "remove", "./env", "-y")
        self.assertEqual(worker.wait(timeout=300), 0)
        self.finish()
        self.assertFalse(self.place.exists())

    def test_python_may_be_first(self):
        self.begin()
        self.moat("run", "--env", "env", "python", "-c", "import app.start")
        own = self.files()
        self.assertGreater(len(own), MODULES // 2)
        self.assertRegex(self.moat("doctor", "--env", "env", "--strict"), r"\d+ compiled files are Python's own: they are not")
        self.finish()
        self.is_whole()
        self.assertNotEqual(self.files(), own)

    def test_a_link_leads_nowhere(self):
        self.begin()
        outside = self.work / "outside"
        outside.mkdir()
        package, = (self.place / "lib").rglob("app")
        (package / "__pycache__").symlink_to(outside)
        self.finish()
        self.assertEqual(list(outside.iterdir()), [])

    def test_an_edited_file_runs_as_edited(self):
        self.begin()
        package, = (self.place / "lib").rglob("app")
        (package / "m3.py").write_text("f = 'edited'\n")
        self.finish()
        self.assertEqual(self.moat("run", "--env", "env", "python", "-c", "import app.m3; print(app.m3.f)"), "edited\n")

    def test_what_is_listed_is_looked_after(self):
        self.install(self.app)
        self.finish()
        victim, = (self.place / "lib").rglob("m7.*.pyc")
        victim.chmod(0o644)
        victim.write_bytes(victim.read_bytes()[:-1] + b"!")
        self.moat("doctor", "--env", "env", "--strict", status=1)
        self.assertIn("m7.", self.said)

    def test_a_full_disk_costs_bytecode_and_no_more(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        small = self.work / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=90m", "tmpfs", small], stderr=subprocess.PIPE)
        if mounted.returncode:
            self.skipTest(f"no file system can be mounted: {mounted.stderr.decode()}")
        self.addCleanup(subprocess.run, ["umount", "-l", small])
        with self.nobody_works():
            shutil.copytree(self.place, small / "env", symlinks=True)
            self.moat("install", "--env", "./small/env", self.app)
        with open(small / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(b"\0" * 4096):
                pass
        self.moat("store", "jobs", "--wait")
        self.assertIn("No space left", self.said)
        (small / "filler").unlink()
        self.moat("doctor", "--env", "./small/env", "--strict")
        self.assertEqual(self.moat("store", "jobs"), "")

    # --- runtimes ---

    def test_a_runtime_is_compiled_behind(self):
        fresh = {"MOAT_HOME": str(self.root / "fresh")}
        store = self.root / "fresh/store"
        (self.root / "fresh").mkdir()
        store.mkdir()
        with held(store / "worker"):
            self.moat("create", "./new", **fresh)
        runtime, = (store / "runtimes").iterdir()
        self.assertTrue((runtime / "uncompiled").exists())
        self.moat("doctor", "--env", "./new", "--strict", **fresh)
        before = len(list((self.work / "new/.moat/rt").rglob("*.pyc")))
        self.moat("store", "jobs", "--wait", **fresh)
        self.assertFalse((runtime / "uncompiled").exists())
        rt = {str(p.relative_to(self.work / "new")) for p in (self.work / "new/.moat/rt").rglob("*.pyc")}
        self.assertGreater(len(rt), before + 200)
        listed = set(self.listed(self.work / "new", "-"))
        self.assertTrue(listed <= rt and len(listed) > 200)
        self.moat("doctor", "--env", "./new", "--strict", **fresh)
        # The next one has it from the start, and the bytecode of the runtime stays over a change.
        self.moat("create", "./next", **fresh)
        self.assertNotIn("background", self.said)
        self.moat("install", "--env", "./new", self.other, **fresh)
        self.assertEqual(set(self.listed(self.work / "new", "-")), listed)
        self.moat("store", "jobs", "--wait", **fresh)


if __name__ == "__main__":
    sandbox.main()
