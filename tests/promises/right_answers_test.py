"""Nothing is wrong in silence: times, variables, locks, requests, options, hints, activation.

    right_answers_test.py MOAT [Class.test…]
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import promise_test
from promise_test import PromiseTest, root_only

DAY = 86400


class TimesTest(PromiseTest):
    """A cache that goes by time and size never runs old code."""

    def setUp(self):
        super().setUp()
        self.create()
        for version in ("1.0", "2.0"):
            self.wheel("clock", version, {"clock/__init__.py": f"V = {version!r}\n", "clock/same.txt": "always this\n"})
        self.file = self.site() / "clock/__init__.py"

    def test_a_displaced_file_of_the_future_is_followed_by_a_later_one(self):
        self.add("clock==1.0")
        ahead = time.time() + 3 * DAY
        os.utime(self.file, (ahead, ahead))
        self.add("clock==2.0")
        self.assertGreater(int(self.file.stat().st_mtime), int(ahead), "caches compare whole seconds")

    def test_each_way_back_and_forth_moves_time_on(self):
        self.add("clock==1.0")
        seen = [self.file.stat().st_mtime]
        self.add("clock==2.0")
        seen.append(self.file.stat().st_mtime)
        for _ in range(3):
            self.moat("env", "rollback", "--env", "env")
            seen.append(self.file.stat().st_mtime)
        self.assertEqual(seen, sorted(set(seen)), "each change of the bytes has a later time than the one before")

    def test_a_cache_of_bytecode_elsewhere_follows_a_downgrade(self):
        cache = {"PYTHONPYCACHEPREFIX": str(self.root / "pycache")}
        said = lambda: self.python("-c", "import clock; print(clock.V)", **cache)  # noqa: E731
        self.add("clock==2.0")
        self.assertEqual(said(), "2.0")
        self.add("clock==1.0", "--no-compile")
        self.assertEqual(said(), "1.0")
        self.add("clock==2.0")
        self.assertEqual(said(), "2.0")

    def test_mending_an_edit_moves_time_on(self):
        self.add("clock==1.0")
        for mend in (("install", *self.local, "--reinstall", "clock==1.0"), ("doctor", "--repair")):
            with self.subTest(mend[0]):
                self.file.write_text("V = '6.6'\n")
                edited = self.file.stat().st_mtime
                self.moat(mend[0], "--env", "env", *mend[1:])
                self.assertIn("1.0", self.file.read_text())
                self.assertGreater(int(self.file.stat().st_mtime), int(edited))

    def test_a_file_that_gets_another_owner_moves_time_on(self):
        self.wheel("a-loser", "1", {"shared.py": "V = 1\n"})
        self.wheel("z-winner", "1", {"shared.py": "V = 2\n"})
        shared = self.site() / "shared.py"
        self.add("a-loser")
        times = [shared.stat().st_mtime]
        self.add("z-winner")
        times.append(shared.stat().st_mtime)
        self.moat("uninstall", "--env", "env", "z-winner")
        times.append(shared.stat().st_mtime)
        self.assertEqual(shared.read_text(), "V = 1\n")
        self.assertEqual(times, sorted(set(times)))

    def test_a_sync_moves_time_on_and_the_same_bytes_keep_theirs(self):
        lock = self.work / "requirements.txt"
        times = []
        for version in ("1.0", "2.0", "1.0"):
            wheel = self.wheels / f"clock-{version}-py3-none-any.whl"
            lock.write_text(f"clock=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
            self.moat("sync", lock, "--env", "env", *self.local)
            times.append((self.file.stat().st_mtime, self.file.with_name("same.txt").stat().st_mtime))
        self.assertEqual([t for t, _ in times], sorted({t for t, _ in times}))
        self.assertEqual(len({t for _, t in times}), 1)

    def test_the_source_date_of_a_build_does_not_reach_a_change(self):
        self.add("clock==1.0")
        before = self.file.stat().st_mtime
        self.add("clock==2.0", SOURCE_DATE_EPOCH="1")
        self.assertGreater(self.file.stat().st_mtime, before)


class ChildrenTest(PromiseTest):
    """What steers the interpreter of an environment does not reach the programs it starts."""

    INHERITED = ("import subprocess, sys; print(subprocess.run([sys.argv[1], '-c', "
                 "'import os, sys; print(sys.prefix, sorted(k for k in os.environ if k.startswith((\"PYTHON\", \"MOAT\", \"LD_\", \"__PY\"))))'],"
                 " stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout)")

    def test_another_python_is_itself(self):
        self.create()
        said = self.python("-c", self.INHERITED, "/usr/bin/python3", MOAT_HOME="")
        self.assertEqual(said, "/usr ['MOAT_COMPILE', 'MOAT_HOME']", "both are the test's own")

    @root_only
    def test_another_python_is_itself_under_another_user(self):
        self.create()
        self.assertEqual(self.as_user(65534, self.work / "env/bin/python", "-c", self.INHERITED, "/usr/bin/python3"), (0, "/usr []"))

    @root_only
    def test_another_python_is_itself_after_a_move_that_cannot_be_written_down(self):
        self.create()
        (self.work / "env").rename(self.work / "moved")
        self.create()  # somebody else's, where the first one was
        python = self.work / "moved/bin/python"
        self.assertEqual(self.as_user(65534, python, "-c", "import sys; print(sys.prefix)"), (0, str(self.work / "moved")))
        self.assertEqual(self.as_user(65534, python, "-c", self.INHERITED, "/usr/bin/python3"), (0, "/usr []"))
        self.assertEqual(self.as_user(65534, python, "-c", self.INHERITED, self.work / "env/bin/python"), (0, f"{self.work}/env []"))

    def test_workers_of_a_pool_are_of_the_environment_and_their_children_are_not(self):
        self.create()
        (self.work / "pool.py").write_text("""
import multiprocessing, subprocess, sys
def ask(_):
    other = subprocess.run(["/usr/bin/python3", "-c", "import sys; print(sys.prefix)"], stdout=subprocess.PIPE, universal_newlines=True)
    return sys.prefix, other.stdout.strip()
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(*pool.map(ask, [1])[0])
""")
        self.assertEqual(self.python("pool.py"), f"{self.work}/env /usr")

    def test_what_the_user_set_for_all_programs_still_reaches_them(self):
        self.create()
        said = self.python("-c", "import os; print(os.environ.get('PYTHONUNBUFFERED'), os.environ.get('LD_BIND_NOW'))",
                           PYTHONUNBUFFERED="1", LD_BIND_NOW="1")
        self.assertEqual(said, "1 1")


PROJECT = """[project]
name = "site"
version = "1"
requires-python = "{python}"
dependencies = ["alpha"]
"""


class LocksTest(PromiseTest):
    """A lock is neither empty nor for another Python without a word."""

    def backend(self, folder, pyproject, metadata):
        """A project whose backend, which lies beside it, says what it needs."""
        folder.mkdir(parents=True)
        (folder / "backend.py").write_text(f"""
import os
METADATA = {metadata!r}
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    os.mkdir(folder + "/site-1.dist-info")
    with open(folder + "/site-1.dist-info/METADATA", "w") as file:
        file.write(METADATA)
    return "site-1.dist-info"
def build_wheel(*args, **more):
    raise SystemExit("only asked for metadata")
""")
        (folder / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n' + pyproject)

    def lock(self, folder, *words, status=0):
        return self.moat("lock", "--project", folder, *self.local, *words, status=status)

    def test_what_the_backend_says_is_locked(self):
        self.wheel("alpha", "1.0")
        said = "Metadata-Version: 2.1\nName: site\nVersion: 1\nRequires-Dist: alpha\n"
        for name, project in (("dynamic", '[project]\nname = "site"\nversion = "1"\ndynamic = ["dependencies"]\n'),
                              ("tables", '[tool.poetry]\nname = "site"\nversion = "1"\n')):
            with self.subTest(name):
                self.backend(self.work / name, project, said)
                self.lock(self.work / name)
                self.assertIn('name = "alpha"', (self.work / name / "pylock.toml").read_text())

    def test_a_file_that_is_no_project_is_no_empty_lock(self):
        folder = self.work / "linter"
        folder.mkdir()
        (folder / "pyproject.toml").write_text("[tool.black]\nline-length = 99\n")
        self.lock(folder, status=2)
        self.assertFalse((folder / "pylock.toml").exists())
        self.assertIn("pyproject.toml", self.said)

    def test_a_target_outside_requires_python_is_refused(self):
        self.wheel("alpha", "1.0")
        folder = self.work / "site"
        folder.mkdir()
        (folder / "pyproject.toml").write_text(PROJECT.format(python=">=3.10"))
        self.assertIn(">=3.10", self.refuse("lock", "--project", folder, *self.local, "--python-version", "3.9"))
        self.assertFalse((folder / "pylock.toml").exists())

    def test_a_locks_requires_python_binds_sync(self):
        self.wheel("alpha", "1.0")
        folder = self.work / "site"
        folder.mkdir()
        (folder / "pyproject.toml").write_text(PROJECT.format(python=">=3.8"))
        self.lock(folder)
        lock = folder / "pylock.toml"
        lock.write_text("".join('requires-python = ">=3.99"\n' if line.startswith("requires-python") else line
                                for line in lock.read_text().splitlines(True)))
        self.assertIn(">=3.99", lock.read_text())
        self.create()
        self.assert_unchanged_by(lambda: self.refuse("sync", lock, "--env", "env", *self.local))
        self.assertIn("3.99", self.said)


    def test_check_and_create_hold_to_requires_python(self):
        self.wheel("alpha", "1.0")
        folder = self.work / "site"
        folder.mkdir()
        (folder / "pyproject.toml").write_text(PROJECT.format(python=">=3.8"))
        self.lock(folder)
        (folder / "pyproject.toml").write_text(PROJECT.format(python=">=3.99"))
        self.assertNotEqual(0, self.refuse("lock", "--project", folder, *self.local, "--check"))
        self.assert_unchanged_by(lambda: self.refuse("create", "--project", folder, statuses=(2,)), folder)
        self.assertIn("3.99", self.said)

    def test_what_the_backend_says_of_pythons_holds_too(self):
        self.wheel("alpha", "1.0")
        self.wheel("beta", "1.0")
        said = ("Metadata-Version: 2.1\nName: site\nVersion: 1\nRequires-Python: {}\nProvides-Extra: more\n"
                "Requires-Dist: alpha\nRequires-Dist: beta; extra == 'more'\n")
        project = '[project]\nname = "site"\nversion = "1"\ndynamic = ["dependencies", "optional-dependencies", "requires-python"]\n'
        self.backend(self.work / "fits", project, said.format(">=3.8"))
        self.lock(self.work / "fits")
        lock = (self.work / "fits/pylock.toml").read_text()
        self.assertIn("requires-python", lock)
        self.create()
        self.moat("sync", self.work / "fits/pylock.toml", "--env", "env", *self.local)
        self.assertEqual(self.version_of("alpha"), "1.0")
        self.backend(self.work / "outside", project, said.format(">=3.99"))
        self.refuse("lock", "--project", self.work / "outside", *self.local)
        self.assertFalse((self.work / "outside/pylock.toml").exists())


class RequestsTest(PromiseTest):
    """What was asked for holds until somebody asks for something else."""

    def setUp(self):
        super().setUp()
        self.create()
        for version in ("1.0", "2.0", "3.0"):
            self.wheel("alpha", version)
        self.wheel("needy", "1.0", requires=["alpha>=2"])
        self.wheel("modest", "1.0", requires=["alpha"])

    def test_a_range_binds_later_installs(self):
        self.add("alpha<3")
        self.assertEqual(self.version_of("alpha"), "2.0")
        self.add("modest", "--upgrade")
        self.assertEqual(self.version_of("alpha"), "2.0")

    def test_a_clash_names_both_and_changes_nothing(self):
        self.add("alpha==1.0")
        self.assert_unchanged_by(lambda: self.add("needy", status=1))
        self.assertIn("alpha==1.0", self.said.replace(" ==", "==").replace("alpha ", "alpha"))
        self.assertIn("needy", self.said)

    def test_the_bare_name_keeps_and_a_new_specifier_replaces(self):
        self.add("alpha==1.0")
        self.add("alpha")
        self.assertEqual(self.version_of("alpha"), "1.0")
        self.add("alpha>=2")
        self.assertEqual(self.version_of("alpha"), "3.0")

    def test_to_ask_for_an_upgrade_by_name_drops_the_pin(self):
        self.add("alpha==1.0")
        self.add("-P", "alpha", "alpha")
        self.assertEqual(self.version_of("alpha"), "3.0")

    def test_uninstalling_forgets_and_going_back_remembers(self):
        self.add("alpha==1.0")
        self.moat("uninstall", "--env", "env", "alpha")
        self.add("needy")
        self.assertEqual(self.version_of("alpha"), "3.0")
        self.moat("env", "rollback", "--env", "env", "1")
        self.assertEqual(self.version_of("alpha"), "1.0")
        self.add("needy", status=1)

    def test_requests_of_a_file_are_replaced_together(self):
        file = self.work / "requirements.txt"
        file.write_text("alpha<2\nmodest\n")
        self.add("-r", file)
        self.assert_unchanged_by(lambda: self.add("needy", status=1))
        self.assertIn("requirements.txt", self.said)
        file.write_text("modest\n")
        self.add("-r", file)
        self.add("needy")
        self.assertEqual(self.version_of("alpha"), "3.0")

    def test_a_copy_of_an_environment_remembers_too(self):
        self.add("alpha==1.0")
        self.moat("env", "clone", "./env", "./copy")
        self.add("needy", env="copy", status=1)
        self.assertIn("alpha", self.said)
        self.assertEqual(self.version_of("alpha", env="copy"), "1.0")

    def test_upgrade_by_name_drops_a_pin_and_keeps_a_range(self):
        self.add("alpha==1.0")
        self.moat("upgrade", "--env", "env", *self.local, "alpha")
        self.assertEqual(self.version_of("alpha"), "3.0")
        self.add("alpha<3")
        self.moat("upgrade", "--env", "env", *self.local, "alpha")
        self.assertEqual(self.version_of("alpha"), "2.0")

    def test_pip_is_not_bound(self):
        self.add("alpha==1.0")
        self.moat("pip", "--env", "env", "install", *map(str, self.local), "needy")
        self.assertEqual(self.version_of("alpha"), "3.0")


class OptionsTest(PromiseTest):
    """An option acts, or is refused."""

    def test_another_python_is_not_taken_for_the_one_asked_for(self):
        self.create()
        self.assert_unchanged_by(lambda: self.moat("install", "--env", "env", "-p", "2.7", *self.local, "x", status=2))
        self.moat("run", "--env", "env", "-p", "pypy", "--", "python", "-c", "", status=2)

    def test_the_python_that_is_there_may_be_named(self):
        self.create()
        self.wheel("alpha", "1.0")
        version = self.python("-c", "import sys; print('%d.%d' % sys.version_info[:2])")
        self.add("-p", version, "alpha")
        self.assertEqual(self.moat("run", "--env", "env", "-p", f"=={version}.*", "--", "python", "-c", "import alpha; print(alpha.VERSION)"),
                         "1.0\n")

    def test_a_file_that_lies_in_the_folder_is_taken_from_there(self):
        self.create()
        digest = hashlib.sha256(self.wheel("alpha", "1.0").read_bytes()).hexdigest()
        (self.work / "pylock.toml").write_text(f"""lock-version = "1.0"
created-by = "hand"
[[packages]]
name = "alpha"
version = "1.0"
wheels = [{{name = "alpha-1.0-py3-none-any.whl", url = "http://127.0.0.1:9/alpha-1.0-py3-none-any.whl", hashes = {{sha256 = "{digest}"}}}}]
""")
        self.moat("sync", "pylock.toml", "--env", "env", *self.local)
        self.assertEqual(self.version_of("alpha"), "1.0")

    def test_without_an_index_nobody_is_asked(self):
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_error(500)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.create()
        (self.work / "pylock.toml").write_text(f"""lock-version = "1.0"
created-by = "hand"
[[packages]]
name = "alpha"
version = "1.0"
wheels = [{{name = "alpha-1.0-py3-none-any.whl", url = "http://127.0.0.1:{server.server_port}/alpha-1.0-py3-none-any.whl", hashes = {{sha256 = "{'0' * 64}"}}}}]
""")
        self.assert_unchanged_by(lambda: self.refuse("sync", "pylock.toml", "--env", "env", "--no-index", statuses=(1, 3)))
        self.assert_unchanged_by(lambda: self.refuse("sync", "pylock.toml", "--env", "env", *self.local, statuses=(1, 3)))
        self.assertEqual(asked, [])


def sandbox_moat():
    return promise_test.sandbox.MOAT


class HintsTest(PromiseTest):
    """Statements are true, and hints help."""

    def test_what_a_marker_excludes_is_not_called_installed(self):
        self.create()
        self.wheel("alpha", "1.0")
        said = self.add('alpha; python_version < "3"') + self.said
        self.assertNotRegex(said, r"alpha[^\n]*(is|already|are) installed|up to date: alpha|everything asked for is installed")
        self.assertIn("alpha", said)
        self.assertIn("marker", said)

    def test_an_environment_that_is_not_there_is_not_offered_to_be_made_in_order_to_be_removed(self):
        self.moat("env", "remove", "gone", status=2)
        self.assertNotIn("moat create", self.said)
        self.assertIn("gone", self.said)

    def test_a_lost_manifest_is_made_again_by_what_the_hint_says(self):
        self.create()
        self.wheel("alpha", "1.0")
        self.add("alpha")
        for harm in (lambda path: path.unlink(), lambda path: path.write_bytes(b"")):
            harm(self.work / "env/.moat/manifest")
            said = self.refuse("uninstall", "--env", "env", "alpha", statuses=(1, 2, 3))
            hint = re.search(r"hint: .*moat (doctor [^`\n]*)", said)
            self.assertTrue(hint, said)
            self.moat(*hint[1].split())
            self.moat("uninstall", "--env", "env", "alpha", "--dry-run")
        self.moat("uninstall", "--env", "env", "alpha")
        self.assertFalse((self.site() / "alpha.py").exists())

    def test_words_that_look_like_pins_are_understood(self):
        self.create()
        for word in ("alpha@3", "alpha=3"):
            with self.subTest(word):
                self.add(word, status=2)
                self.assertIn("alpha==3", self.said)

    @root_only
    def test_a_folder_that_may_not_be_read_is_called_that(self):
        closed = self.work / "closed"
        (closed / "pkg").mkdir(parents=True)
        closed.chmod(0o700)
        program = self.root / "program"
        shutil.copy(sandbox_moat(), program)
        status, said = self.as_user(65534, program, "install", "--env", closed / "pkg", "x", MOAT_HOME=str(self.root / "nobody"))
        self.assertNotEqual(status, 0)
        self.assertIn("ermission denied", said)


class ActivationTest(PromiseTest):
    """An activated shell runs what it says it runs."""

    def test_after_a_move_no_other_place_is_activated(self):
        for shell in ("bash", "dash", "zsh", "ksh"):
            with self.subTest(shell):
                shutil.rmtree(self.work / "moved", ignore_errors=True)
                shutil.rmtree(self.work / "env", ignore_errors=True)
                self.create()
                shutil.move(self.work / "env", self.work / "moved")
                self.create()  # another environment, where the first one was
                said = self.shell(shell, ". moved/bin/activate; command -v python; echo :$VIRTUAL_ENV:").splitlines()
                self.assertNotIn(f":{self.work}/env:", said)
                self.assertNotIn(f"{self.work}/env/bin/python", said)

    def test_pip_is_the_environments(self):
        self.create()
        self.wheel("alpha", "1.0")
        moat = pathlib.Path(sandbox_moat()).parent
        said = self.shell("bash", f"export PATH=$PATH:{moat}; . env/bin/activate; command -v pip; "
                                  f"pip install -q --no-index -f wheels alpha && python -m pip list")
        self.assertIn(f"{self.work}/env/bin/pip", said)
        self.assertIn("alpha", said)
        self.assertEqual(self.version_of("alpha"), "1.0")

    def test_pip_is_the_environments_after_a_move_too(self):
        self.create()
        self.wheel("alpha", "1.0")
        (self.work / "env").rename(self.work / "moved to")
        self.create()  # another one, where it was
        moat = pathlib.Path(sandbox_moat()).parent
        self.shell("bash", f"export PATH=$PATH:{moat}; 'moved to/bin/pip' install -q --no-index -f wheels alpha")
        self.assertEqual(self.version_of("alpha", env="moved to"), "1.0")
        self.assertFalse((self.site() / "alpha.py").exists())

    def test_fish_and_tcsh_come_and_go(self):
        for shell, script in (("fish", "set before (string join : $PATH); source moved/bin/activate.fish; command -v python; deactivate; "
                                       "test (string join : $PATH) = $before; and echo same"),
                              ("tcsh", "set before = \"$PATH\"; source moved/bin/activate.csh; which python; eval deactivate; "
                                       "if (\"$PATH\" == \"$before\") echo same")):
            with self.subTest(shell):
                shutil.rmtree(self.work / "moved", ignore_errors=True)
                shutil.rmtree(self.work / "env", ignore_errors=True)
                self.create()
                (self.work / "env").rename(self.work / "moved")
                self.create()
                self.assertEqual(self.shell(shell, script).splitlines(), [f"{self.work}/moved/bin/python", "same"])

    def test_activating_twice_and_leaving_once_restores_the_path(self):
        self.create()
        said = self.shell("bash", "before=$PATH; . env/bin/activate; . env/bin/activate; deactivate; [ \"$PATH\" = \"$before\" ] && echo same")
        self.assertIn("same", said)


if __name__ == "__main__":
    promise_test.sandbox.main()
