"""The pip that every environment has: `moat pip` of that environment, until pip itself is installed.

    own_pip_test.py MOAT [Class.test…]
"""
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

SHIM = "lib/python3.*/site-packages/pip"


class OwnPipTest(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        self.wheels = self.work / "wheels"
        self.wheels.mkdir()
        for name, version, requires in (("one", "1.0", []), ("one", "2.0", []), ("pip", "99.0", []), ("needs-pip", "1.0", ["pip"])):
            entries = ["pip=pip:main", "pip3=pip:main"] if name == "pip" else []
            file, data = loopback_index.wheel(name, version, "py3-none-any", requires, "", entries)[:2]
            (self.wheels / file).write_bytes(data)
        self.env.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(self.wheels), MOAT_NO_INDEX="1", MOAT_FIND_LINKS=str(self.wheels))
        self.create()
        self.bin = self.work / "env/bin"

    def call(self, *words, status=0, **variables):
        done = subprocess.run([str(word) for word in words], cwd=self.work, env={**self.env, **variables}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=120)
        self.said = done.stdout + done.stderr
        self.assertEqual(done.returncode, status, f"{words}\n{self.said}")
        return done.stdout

    def listed(self):
        return self.moat("list", "--env", "env", "--format", "freeze").split()

    def is_ours(self):
        (module,) = (self.work / "env").glob(SHIM + "/__init__.py")
        return "moat pip" in module.read_text()

    def test_every_way_to_call_it_is_for_this_environment(self):
        minor = self.call(self.bin / "python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
        other = self.work / "other"
        shutil.copytree(self.work / "env", other, symlinks=True)
        for call in ([self.bin / "pip"], [self.bin / "pip3"], [self.bin / f"pip{minor}"], [self.bin / "python", "-m", "pip"],
                     [self.bin / "python", "-I", "-m", "pip"]):
            with self.subTest(call=call):
                # Neither what is active nor what lies here counts.
                out = self.call(*call, "install", "one<2", VIRTUAL_ENV=str(other), MOAT_ENV=str(other))
                self.assertEqual(out.splitlines()[-1], "Successfully installed one-1.0")
                self.assertEqual(self.listed(), ["one==1.0"])
                self.call(*call, "uninstall", "-y", "one")
                self.assertEqual(self.listed(), [])
        self.assertEqual(self.moat("list", "--env", "other"), "")

    def test_a_copy_or_what_was_moved_changes_itself(self):
        copy, moved = self.work / "the copy", self.work / "moved"
        shutil.copytree(self.work / "env", copy, symlinks=True)
        self.call(copy / "bin/pip", "install", "-q", "one")
        self.assertEqual(self.listed(), [])
        copy.rename(moved)
        self.assertEqual(self.call(moved / "bin/pip", "freeze"), "one==2.0\n")

    def test_from_a_program(self):
        program = self.work / "program.py"
        program.write_text("import subprocess, sys\n"
                           "subprocess.check_call([sys.executable, '-m', 'pip', 'install', '--quiet', 'one'])\n"
                           "import one\n"
                           "import pip\n"
                           "assert pip.main(['install', '-q', 'nothing-like-it']) == 1\n"
                           "assert pip.main(['nonsense']) == 1 and pip.main(['list', '--nonsense']) == 2\n")
        self.assertEqual(self.call(self.bin / "python", program), "")
        self.assertEqual(self.listed(), ["one==2.0"])

    def test_what_it_did_is_in_the_history_and_can_be_taken_back(self):
        self.call(self.bin / "pip", "install", "-q", "one<2")
        self.call(self.bin / "python", "-m", "pip", "install", "-q", "-U", "one")
        self.assertIn("~ one 1.0 → 2.0", self.moat("env", "history", "--env", "env"))
        self.moat("env", "rollback", "--env", "env")
        self.assertEqual(self.listed(), ["one==1.0"])

    def test_statuses_are_pips(self):
        self.call(self.bin / "pip", "install", "nothing-like-it", status=1)
        self.call(self.bin / "pip", "list", "--nonsense", status=2)
        self.call(self.bin / "pip", "install", "--user", "one", status=1)
        self.assertIn("moat install --user", self.said)
        self.assertEqual(self.listed(), [])

    def test_the_version_has_the_shape_of_pips(self):
        for call in ([self.bin / "pip"], [self.bin / "python", "-I", "-m", "pip"]):
            for option in ("--version", "-V"):
                self.assertRegex(self.call(*call, option, PATH="/nowhere"), r"\Apip \d+\.\d+(\.\d+)? from /.*/site-packages/pip \(python 3\.\d+\)\n\Z")

    def test_it_is_no_distribution(self):
        self.assertEqual(self.listed(), [])
        for command in (["list"], ["freeze", "--all"], ["list", "--format", "freeze"]):
            self.assertNotIn("pip", self.call(self.bin / "pip", *command))
        self.assertEqual(self.call(self.bin / "python", "-c", "import importlib.metadata as m; print(*m.distributions())"), "\n")
        self.moat("doctor", "--env", "env", "--strict")

    def test_it_is_up_to_date(self):
        self.call(self.bin / "pip", "install", "-U", "pip")
        self.assertIn("Requirement already satisfied: pip", self.said)
        out = self.call(self.bin / "pip", "install", "--upgrade", "pip>=20", "one")
        self.assertEqual(out.splitlines()[-1], "Successfully installed one-2.0")
        self.assertEqual(self.listed(), ["one==2.0"])
        self.assertTrue(self.is_ours())

    def test_pip_itself_takes_its_place_and_makes_way_again(self):
        for come, go in ((["install", "pip"], ["uninstall", "pip"]), (["install", "needs-pip"], ["uninstall", "needs-pip", "--orphans"]),
                         (["install", "pip"], ["env", "rollback"])):
            with self.subTest(come=come, go=go):
                self.moat(*come, "--env", "env")
                self.assertIn("pip==99.0", self.listed())
                self.assertFalse(self.is_ours())
                self.assertEqual(self.call(self.bin / "pip", "one"), "pip 99.0\n")
                self.moat("doctor", "--env", "env", "--strict")
                if "rollback" not in go:
                    self.moat("install", "--env", "env", "-q", "one<2" if "one==2.0" in self.listed() else "one>=2")
                    self.moat("doctor", "--env", "env", "--strict")
                self.moat(*go, "--env", "env")
                self.assertTrue(self.is_ours())
                self.assertRegex(self.call(self.bin / "pip", "freeze"), r"\A(one==.*\n)?\Z")
                self.moat("doctor", "--env", "env", "--strict")

    def test_another_version_asked_for_brings_pip_itself(self):
        self.call(self.bin / "pip", "install", "pip==99.0")
        self.assertEqual(self.listed(), ["pip==99.0"])

    def test_create_with_pip(self):
        self.moat("create", "--pip", "with")
        self.assertEqual(self.call("with/bin/pip", "x"), "pip 99.0\n")
        self.moat("doctor", "--env", "with", "--strict")

    def test_ensurepip(self):
        done = subprocess.run([self.bin / "python", "-m", "ensurepip"], env={"PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True)
        if done.returncode != 0:
            self.skipTest("this Python has no ensurepip: " + done.stdout)
        self.assertFalse(self.is_ours())
        self.assertTrue(any(line.startswith("pip==") for line in self.listed()))
        for name in ("pip", "pip3"):
            out = self.call(self.bin / name, "install", "--disable-pip-version-check", "--no-warn-script-location", "--force-reinstall", "one<2")
            self.assertIn("Successfully installed one-1.0", out)
        self.moat("doctor", "--env", "env")
        self.assertNotIn("changed or missing", self.said)
        self.moat("install", "--env", "env", "one")
        self.moat("doctor", "--env", "env")
        self.moat("uninstall", "--env", "env", "pip")
        self.assertTrue(self.is_ours())
        self.assertEqual(self.call(self.bin / "pip", "freeze", "--exclude", "setuptools"), "one==1.0\n")
        self.moat("doctor", "--env", "env")

    # How it finds moat.

    def without_hint(self):
        """As in an environment that came from another machine."""
        (module,) = (self.work / "env").glob(SHIM + "/__init__.py")
        text = module.read_text()
        module.write_text(text.replace(os.path.realpath(sandbox.MOAT), "/nowhere/moat"))

    def test_by_path_where_it_is_not_where_it_was(self):
        self.without_hint()
        self.call(self.bin / "pip", "list", status=1)
        self.assertIn("put moat on PATH", self.said)
        (self.tools / "moat").symlink_to(sandbox.MOAT)
        self.call(self.bin / "pip", "install", "-q", "one")
        self.assertEqual(self.listed(), ["one==2.0"])

    def test_not_what_a_package_or_this_folder_calls_moat(self):
        self.without_hint()
        for folder in (self.bin, self.work):
            (folder / "moat").write_text("#!/bin/sh\necho HOSTILE\n")
            (folder / "moat").chmod(0o755)
        self.call(self.bin / "pip", "list", status=1, PATH=f":.:{self.bin}:/usr/bin:/bin")
        self.assertNotIn("HOSTILE", self.said)
        # A Python program of that name is something else.
        (self.tools / "moat").write_text("#!/usr/bin/env python3\nprint('HOSTILE')\n")
        (self.tools / "moat").chmod(0o755)
        self.call(self.bin / "pip", "list", status=1)
        self.assertNotIn("HOSTILE", self.said)

    def test_what_is_first_on_path_does_not_win(self):
        (self.tools / "moat").write_text("#!/bin/sh\necho HOSTILE\n")
        (self.tools / "moat").chmod(0o755)
        self.assertEqual(self.call(self.bin / "pip", "freeze"), "")

    def test_what_somebody_else_put_where_moat_was(self):
        if os.getuid() != 0:
            self.skipTest("needs root, to give a file to somebody else")
        theirs = self.root / "theirs"
        theirs.write_text("#!/bin/sh\necho HOSTILE\n")
        theirs.chmod(0o755)
        os.chown(theirs, 12345, 12345)
        (module,) = (self.work / "env").glob(SHIM + "/__init__.py")
        module.write_text(module.read_text().replace(os.path.realpath(sandbox.MOAT), str(theirs)))
        self.call(self.bin / "pip", "list", status=1)
        self.assertNotIn("HOSTILE", self.said)

    # What is no business of it.

    def test_another_python_that_finds_the_module_is_not_changed(self):
        site = next((self.work / "env").glob("lib/python3.*/site-packages"))
        self.call("/usr/bin/python3", "-m", "pip", "install", "one", status=1, PYTHONPATH=str(site))
        self.assertEqual(self.listed(), [])

    def test_a_python_that_is_named_counts(self):
        self.moat("create", "other")
        self.call(self.bin / "pip", "--python", "other", "install", "-q", "one")
        self.assertEqual(self.listed(), [])
        self.assertEqual(self.moat("list", "--env", "other", "--format", "freeze"), "one==2.0\n")

    def test_an_environment_of_one_run_is_not_changed(self):
        self.call(sandbox.MOAT, "run", "--with", "one<2", "--env", "env", "pip", "install", "-U", "one", status=1)
        self.assertIn("moat run --with", self.said)
        self.assertEqual(self.call(sandbox.MOAT, "run", "--with", "one<2", "--env", "env", "pip", "freeze"), "one==1.0\n")


if __name__ == "__main__":
    sandbox.main()
