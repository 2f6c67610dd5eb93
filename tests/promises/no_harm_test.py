"""Nobody is harmed: links, owners, settings of a checkout, changes that cannot be finished, what is lost.

    no_harm_test.py MOAT [Class.test…]

Tests that play several users need root, and skip without it.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import promise_test
from promise_test import PromiseTest, facts, root_only

NOBODY, OTHER = 65534, 61001


def own(path, uid):
    """Gives a tree to a user."""
    for each in [path, *path.rglob("*")]:
        os.chown(each, uid, uid, follow_symlinks=False)


class LinksTest(PromiseTest):
    """A link that somebody planted in an environment leads nowhere."""

    def setUp(self):
        super().setUp()
        for version in ("1.0", "2.0"):
            self.wheel("alpha", version, {"alpha/__init__.py": f"V = {version!r}\n", "alpha/sub/m.py": f"V = {version!r}\n"})
        self.create()
        self.add("alpha==1.0")
        self.outside = self.root / "outside"
        (self.outside / "old").mkdir(parents=True)
        (self.outside / "precious").write_text("mine\n")

    def attempt(self, *words):
        """Whatever becomes of the command, the outside stays as it is."""
        before = facts(self.outside)
        subprocess.run([promise_test.sandbox.MOAT, *map(str, words)], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
        self.assertEqual(before, facts(self.outside), words)

    def test_folders_of_the_bookkeeping(self):
        for name in ("history", "stage", "history/2", "stage/2", "stage/3"):
            for command in (("install", "--env", "env", *self.local, "alpha==2.0"), ("uninstall", "--env", "env", "alpha"),
                            ("env", "rollback", "--env", "env")):
                with self.subTest(name=name, command=command[0]):
                    place = self.work / "env/.moat" / name
                    kept = place.with_name(place.name + ".kept")
                    place.parent.mkdir(exist_ok=True)
                    if place.exists():
                        place.rename(kept)
                    place.symlink_to(self.outside)
                    self.attempt(*command)
                    if place.is_symlink():
                        place.unlink()
                    if kept.exists() and not place.exists():
                        kept.rename(place)

    def test_files_of_the_bookkeeping(self):
        for name in ("lock", "journal", "manifest.new", "journal.new"):
            with self.subTest(name):
                place = self.work / "env/.moat" / name
                place.unlink(missing_ok=True)
                place.symlink_to(self.outside / "precious")
                for command in (("list", "--env", "env"), ("install", "--env", "env", *self.local, "alpha==2.0"),
                                ("uninstall", "--env", "env", "alpha")):
                    self.attempt(*command)
                if place.is_symlink():
                    place.unlink()

    def test_a_package_folder_that_became_a_link(self):
        package = self.site() / "alpha/sub"
        shutil.copytree(package, self.outside / "sub")
        shutil.rmtree(package)
        package.symlink_to(self.outside / "sub")
        self.attempt("install", "--env", "env", *self.local, "alpha==2.0")
        self.attempt("uninstall", "--env", "env", "alpha")


    def test_folders_of_the_environment(self):
        for name in ("bin", "lib", "lib/python3.11", "lib/python3.11/site-packages", ".moat", ".moat/rt"):
            with self.subTest(name):
                shutil.rmtree(self.work / "env")
                self.create()
                self.add("alpha==1.0")
                place = self.work / "env" / name
                shutil.rmtree(self.outside / "copy", ignore_errors=True)
                shutil.move(place, self.outside / "copy")
                place.symlink_to(self.outside / "copy")
                for command in (("install", "--env", "env", *self.local, "alpha==2.0"), ("uninstall", "--env", "env", "alpha"),
                                ("env", "rollback", "--env", "env"), ("doctor", "--repair", "--env", "env")):
                    self.attempt(*command)

    def test_the_launcher_follows_no_journal_through_a_link(self):
        (self.work / "env/share").symlink_to(self.outside)
        stage = self.work / "env/.moat/stage/9"
        stage.mkdir(parents=True)
        (stage / "planted").write_text("x\n")
        (self.work / "env/.moat/journal").write_text("moat-journal 1\nstate\t9\ntime\t1767225600\nreason\tx\n"
                                                     "in\t.moat/stage/9/planted\tshare/precious\nend\n")
        before = facts(self.outside)
        subprocess.run([self.work / "env/bin/python", "-c", ""], stderr=subprocess.DEVNULL, env=self.env)
        self.attempt("list", "--env", "env")
        self.assertEqual(before, facts(self.outside))

    def test_folders_of_the_store(self):
        store = self.root / "moat/store"
        for name in ("wheels", "tmp", "pycs", "links"):
            with self.subTest(name):
                if (store / name).exists():
                    shutil.move(store / name, self.root / f"kept-{name}")
                (store / name).symlink_to(self.outside)
                self.wheel("gamma", "1.0")
                self.attempt("install", "--env", "env", *self.local, "--reinstall", "alpha==2.0", "gamma")
                self.attempt("store", "prune", "--older-than", "0d")
                (store / name).unlink()


@root_only
class OwnersTest(PromiseTest):
    """Whose files are obeyed."""

    def setUp(self):
        super().setUp()
        for folder in (self.root, self.work):
            folder.chmod(0o755)

    def test_a_checkout_of_another_user_is_obeyed_where_one_stands_in_it(self):
        self.wheel("alpha", "1.0")
        checkout = self.work / "checkout"
        checkout.mkdir()
        (checkout / "pyproject.toml").write_text('[project]\nname = "c"\nversion = "1"\ndependencies = ["alpha"]\n')
        own(checkout, OTHER)
        self.moat("lock", "--project", checkout, *self.local)
        done = subprocess.run([promise_test.sandbox.MOAT, "sync", *map(str, self.local)], cwd=checkout, env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertTrue((checkout / ".venv/bin/python").exists())

    def planted(self, mode):
        """A folder for everybody, where somebody else left a project and an environment, and in it a folder of ours."""
        shared = self.work / "shared"
        mine = shared / "mine"
        mine.mkdir(parents=True)
        shared.chmod(mode)
        self.create()
        (self.work / "env").rename(shared / ".venv")
        evil = shared / ".venv/bin/python3"
        evil.unlink()
        evil.write_text(f"#!/bin/sh\ntouch {self.root}/ran\n")
        evil.chmod(0o755)
        (shared / ".venv/bin/python").unlink()
        shutil.copy(evil, shared / ".venv/bin/python")
        (shared / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.99"\ndependencies = ["evil"]\n')
        (shared / ".python-version").write_text("3.99\n")
        for path in (shared / ".venv", shared / "pyproject.toml", shared / ".python-version"):
            os.chown(path, OTHER, OTHER)
            if path.is_dir():
                own(path, OTHER)
        return mine

    def test_what_somebody_left_in_a_shared_folder_is_not_obeyed(self):
        mine = self.planted(0o1777)
        for words in (("list",), ("tree",), ("why", "x"), ("which", "x"), ("doctor",), ("env", "info"), ("lock",), ("run", "python", "-V")):
            with self.subTest(words):
                done = subprocess.run([promise_test.sandbox.MOAT, *words], cwd=mine, env=self.env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=120)
                self.assertFalse((self.root / "ran").exists(), "somebody else's program ran")
                self.assertNotEqual(done.returncode, 0, done.stdout)
                self.assertNotIn("3.99", done.stdout)

    def test_it_is_said_that_a_file_was_passed_over(self):
        mine = self.planted(0o1777)
        done = subprocess.run([promise_test.sandbox.MOAT, "list"], cwd=mine, env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, timeout=120)
        self.assertIn("belongs to uid 61001", done.stderr + done.stdout)

    def test_a_question_does_not_finish_a_strangers_change(self):
        self.create()
        env = self.work / "env"
        (env / ".moat/stage/1").mkdir(parents=True)
        (env / ".moat/stage/1/planted").write_text("x\n")
        (env / ".moat/journal").write_text("moat-journal 1\nstate\t1\ntime\t1767225600\nreason\tx\nin\t.moat/stage/1/planted\tplanted\nend\n")
        own(env, OTHER)
        self.assert_unchanged_by(lambda: self.refuse("list", "--env", "env", statuses=(0, 1, 2, 3)))


class Recorder(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        self.send_error(404)

    do_CONNECT = do_HEAD = do_GET

    def log_message(self, *_):
        pass


class SettingsTest(PromiseTest):
    """What a checkout may set, and what it may not."""

    def server(self):
        """One that writes down what it is asked."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def project(self, settings):
        folder = self.work / "checkout"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "pyproject.toml").write_text(f'[project]\nname = "c"\nversion = "1"\ndependencies = ["alpha"]\n[tool.moat]\n{settings}\n')
        return folder

    def test_a_store_elsewhere_is_not_taken(self):
        self.wheel("alpha", "1.0")
        folder = self.project(f'store-dir = "{self.root}/trap"')
        self.refuse("lock", "--project", folder, *self.local, statuses=(0, 1, 2))
        self.assertFalse((self.root / "trap").exists())
        self.assertIn("store-dir", self.said)

    def test_a_proxy_is_not_taken(self):
        trap = self.server()
        folder = self.project(f'proxy = "http://127.0.0.1:{trap.server_port}"')
        self.refuse("lock", "--project", folder, "-i", "http://127.0.0.1:9/simple/", statuses=(0, 1, 2, 3))
        self.assertEqual(trap.asked, [])

    def test_nothing_but_the_list_is_taken_from_a_script(self):
        self.wheel("alpha", "1.0")
        trap = self.server()
        (self.work / "s.py").write_text(f"""# /// script
# dependencies = ["alpha"]
# [tool.moat]
# proxy = "http://127.0.0.1:{trap.server_port}"
# store-dir = "{self.root}/trap"
# build-env = ["SECRET"]
# ///
import alpha
print(alpha.VERSION)
""")
        said = self.moat("run", *self.local, "s.py")
        self.assertEqual(said, "1.0\n")
        for name in ("proxy", "store-dir", "build-env"):
            self.assertIn(name, self.said)
        self.assertEqual(trap.asked, [])
        self.assertFalse((self.root / "trap").exists())

    def test_a_project_does_not_make_a_bad_record_good(self):
        self.wheel("alpha", "1.0", record=lambda rows: {p: ("", "") for p in rows})
        folder = self.project('allow-bad-record = [":all:"]')
        self.create()
        self.assert_unchanged_by(lambda: self.refuse("install", "--project", folder, "--env", self.work / "env", *self.local, "alpha",
                                                     statuses=(1,)))
        self.assertIn("allow-bad-record", self.said)

    def test_an_index_in_the_open_is_refused(self):
        folder = self.project('index-url = "http://index.invalid/simple/"')
        said = self.refuse("lock", "--project", folder, statuses=(1, 2, 3))
        self.assertIn("http://index.invalid", said)
        self.assertNotIn("resolve host", said.lower())

    def test_credentials_of_the_user_stay_with_their_index(self):
        trap = self.server()
        folder = self.project(f'index-url = "http://127.0.0.1:{trap.server_port}/simple/"')
        (self.home / ".netrc").write_text("machine index.example login me password hunter2\n")
        (self.home / ".netrc").chmod(0o600)
        self.refuse("lock", "--project", folder, statuses=(1, 2, 3), MOAT_EXTRA_INDEX_URL="")
        self.assertTrue(trap.asked)
        self.assertNotIn("hunter2", json.dumps(trap.asked))
        self.assertFalse([headers for _, _, headers in trap.asked if "Authorization" in headers])

    def test_a_requirements_file_does_not_switch_checks_off(self):
        trap = self.server()
        (self.work / "requirements.txt").write_text("--trusted-host index.invalid\n-i http://index.invalid/simple/\nalpha\n")
        self.create()
        self.assert_unchanged_by(lambda: self.refuse("install", "--env", "env", "-r", "requirements.txt", statuses=(1, 2, 3)))
        self.assertEqual(trap.asked, [])

    def test_a_variable_of_the_user_does_not_reach_a_checkouts_index(self):
        trap = self.server()
        folder = self.project(f'index-url = "http://127.0.0.1:{trap.server_port}/${{SECRET}}/simple/"')
        self.refuse("lock", "--project", folder, statuses=(1, 2, 3), SECRET="hunter2")
        self.assertNotIn("hunter2", json.dumps(trap.asked))


@root_only
class CommitTest(PromiseTest):
    """A change that cannot be finished did not happen."""

    def setUp(self):
        super().setUp()
        for version in ("1.0", "2.0"):
            self.wheel("alpha", version, {"alpha/__init__.py": f"V = {version!r}\n", "alpha/sub/__init__.py": f"V = {version!r}\n",
                                          "zeta.py": f"V = {version!r}\n"})
        self.create()
        self.add("alpha==1.0")

    def still_works(self):
        self.assertEqual(self.python("-c", "import alpha, zeta; print(alpha.V, zeta.V)"), "1.0 1.0")
        self.moat("list", "--env", "env")

    def test_a_file_that_may_not_be_changed(self):
        file = self.site() / "zeta.py"
        if subprocess.run(["chattr", "+i", file], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("chattr does nothing here")
        try:
            self.assert_unchanged_by(lambda: self.refuse("install", "--env", "env", *self.local, "alpha==2.0", statuses=(1, 3)))
            self.assertIn("zeta.py", self.said)
            self.still_works()
        finally:
            subprocess.run(["chattr", "-i", file])
        self.add("alpha==2.0")

    def test_a_folder_on_which_something_is_mounted(self):
        place = self.site() / "alpha/sub"
        kept = self.root / "kept"
        shutil.copytree(place, kept)
        if subprocess.run(["mount", "--bind", kept, place], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("nothing can be mounted here")
        try:
            self.assert_unchanged_by(lambda: self.refuse("install", "--env", "env", *self.local, "alpha==2.0", statuses=(1, 3)))
            self.still_works()
            self.assert_unchanged_by(lambda: self.refuse("uninstall", "--env", "env", "alpha", statuses=(1, 3)))
            self.still_works()
        finally:
            subprocess.run(["umount", place])
        self.add("alpha==2.0")


    def test_a_folder_that_may_not_be_written_to(self):
        own(self.root, OTHER)
        place = self.site() / "alpha"
        place.chmod(0o555)
        program = self.root / "program"
        shutil.copy(promise_test.sandbox.MOAT, program)
        as_other = lambda *words: self.as_user(OTHER, program, *words, HOME=str(self.home), MOAT_HOME=str(self.root / "moat"))  # noqa: E731
        for words in (("install", *self.local, "alpha==2.0"), ("uninstall", "alpha"), ("env", "rollback")):
            with self.subTest(words[0]):
                said = []
                self.assert_unchanged_by(lambda: said.extend(as_other(*words, "--env", self.work / "env")))
                self.assertIn(said[0], (1, 3), said[1])
                self.assertIn("alpha", said[1])
                self.still_works()
        place.chmod(0o755)
        status, said = as_other("install", *self.local, "alpha==2.0", "--env", self.work / "env")
        self.assertEqual(status, 0, said)

    def test_a_folder_where_a_file_has_to_be(self):
        self.wheel("gamma", "1.0")
        place = self.site() / "gamma.py"
        place.mkdir()
        (place / "precious").write_text("mine\n")
        self.assert_unchanged_by(lambda: self.refuse("install", "--env", "env", *self.local, "gamma", "alpha==2.0", statuses=(1, 3)))
        self.assertIn("gamma.py", self.said)
        self.still_works()


    def test_what_is_on_a_mounted_volume_is_not_deleted(self):
        volume, place = self.root / "volume", self.work / "env/data of mine"
        volume.mkdir()
        (volume / "precious").write_text("mine\n")
        place.mkdir()
        if subprocess.run(["mount", "--bind", volume, place], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("nothing can be mounted here")
        try:
            for words in (("env", "remove", "-y", "./env"), ("env", "remove", "./env", "--dry-run"), ("create", "--replace", "./env")):
                with self.subTest(words):
                    self.assert_unchanged_by(lambda: self.refuse(*words, statuses=(3,)))
                    self.assertIn("umount", self.said)
                    self.still_works()
            self.add("alpha==2.0")  # which is not in the way
        finally:
            subprocess.run(["umount", place])
        self.moat("env", "remove", "-y", "./env")
        self.assertEqual((volume / "precious").read_text(), "mine\n")


class LossTest(PromiseTest):
    """What is lost can be made again, and an environment goes on."""

    def setUp(self):
        super().setUp()
        for version in ("1.0", "2.0"):
            self.wheel("alpha", version)
        self.wheel("needs-one", "1.0", requires=["alpha!=1.0"])
        self.create()
        self.add("alpha==1.0")

    def test_without_its_manifest(self):
        self.wheel("other", "1.0")
        for harm in (lambda path: path.unlink(), lambda path: path.write_bytes(b"")):
            self.add("alpha==1.0")
            self.add("other", "--reinstall")
            harm(self.work / "env/.moat/manifest")
            self.assertEqual(self.python("-c", "import alpha; print(alpha.VERSION)"), "1.0")
            self.assertIn("alpha", self.moat("list", "--env", "env"))
            self.moat("doctor", "--repair", "--env", "env")
            self.add("needs-one", status=1)
            self.assertIn("alpha==1.0", self.said.replace(" ", ""), "what was asked for came back")
            self.add("alpha==2.0")
            self.assertEqual(self.version_of("alpha"), "2.0")

    def lose(self, path, when):
        """After the machine went down, `path` is empty, and the mark is there that says so may be."""
        path.write_bytes(b"")
        os.utime(path, (when, when))

    def test_a_file_that_was_lost_takes_its_change_back(self):
        for look in (lambda: self.python("-c", "import alpha; print(alpha.VERSION)"), lambda: self.moat("list", "--env", "env")):
            self.add("alpha==1.0")
            self.add("alpha==2.0")
            file = self.site() / "alpha.py"
            state = json.loads(self.moat("env", "info", "--env", "env", "--json"))["state"]
            (self.work / "env/.moat/unflushed").write_text(f"00000000-0000-0000-0000-000000000000 {state} {file.stat().st_dev}\n")
            self.lose(file, file.stat().st_mtime)
            os.utime(self.work / "env/.moat/unflushed", (1, 1))
            said = look()
            self.assertIn("1.0", said)
            self.assertEqual(self.python("-c", "import alpha; print(alpha.VERSION)"), "1.0")
            self.assertFalse((self.work / "env/.moat/unflushed").exists())

    def test_the_first_change_is_taken_back_whole(self):
        self.moat("create", "./fresh")
        self.add("alpha==2.0", env="fresh")
        file = self.site("fresh") / "alpha.py"
        mark = self.work / "fresh/.moat/unflushed"
        mark.write_text(f"00000000-0000-0000-0000-000000000000 1 {file.stat().st_dev}\n")
        self.lose(file, file.stat().st_mtime)
        os.utime(mark, (1, 1))
        self.assertIn("No module", self.python("-c", "try: import alpha\nexcept ImportError as e: print(e)", env="fresh"))
        self.assertFalse(file.exists())
        self.assertNotIn("alpha", self.moat("list", "--env", "fresh"))
        self.add("alpha==2.0", env="fresh")
        self.assertEqual(self.version_of("alpha", env="fresh"), "2.0")

    def test_the_way_back_is_kept_until_all_is_flushed(self):
        self.wheel("keeper", "1.0")
        self.moat("create", "./fresh")
        mark = self.work / "fresh/.moat/unflushed"
        self.add("keeper", env="fresh")
        if not mark.exists():
            self.skipTest("nothing outlives a power failure on this file system")
        for i in range(12):
            self.add(f"alpha=={1 + i % 2}.0", "--no-compile", env="fresh")
        fields = mark.read_text().split()
        file = self.site("fresh") / "keeper.py"
        mark.write_text(f"00000000-0000-0000-0000-000000000000 {fields[1]} {fields[2]}\n")
        self.lose(file, file.stat().st_mtime)
        os.utime(mark, (1, 1))
        if int(fields[1]) > 1:
            self.skipTest("it took so long that the first change was flushed")
        self.assertIn("No module", self.python("-c", "try: import keeper\nexcept ImportError as e: print(e)", env="fresh"))

    def test_an_edit_is_no_loss(self):
        self.add("alpha==2.0")
        file = self.site() / "alpha.py"
        (self.work / "env/.moat/unflushed").write_text(f"00000000-0000-0000-0000-000000000000 1 {file.stat().st_dev}\n")
        os.utime(self.work / "env/.moat/unflushed", (1, 1))
        file.write_text("VERSION = 'mine'\n")
        self.assertEqual(self.python("-c", "import alpha; print(alpha.VERSION)"), "mine")
        self.assertEqual(self.version_of("alpha"), "2.0")

    def test_a_store_whose_format_was_lost(self):
        (self.root / "moat/store/format").write_bytes(b"")
        self.add("alpha==2.0")
        self.assertEqual(self.version_of("alpha"), "2.0")


if __name__ == "__main__":
    promise_test.sandbox.main()
