"""Environments of which something is lost: each is told, mended, and can be changed; no advice leads in a circle.

    damage_test.py MOAT [Class.test…]
"""
import os
import shutil
import signal
import subprocess
import unittest
import zipfile

import sandbox
from volumes_test import wheel


class DamageTest(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        self.wheels = self.root / "wheels"
        self.wheels.mkdir()
        for version in ("1.0", "2.0"):
            wheel(self.wheels, version)
        self.find = ["--no-index", "-f", self.wheels, "-q"]
        self.create()
        self.place = self.work / "env"
        self.install(*self.find, "alpha==1.0")
        self.site = next((self.place / "lib").glob("python3.*/site-packages"))
        self.info = self.site / "alpha-1.0.dist-info"
        self.stdlib = next((self.place / ".moat/rt/lib").glob("python3.*/os.py")).parent

    def starts(self):
        done = subprocess.run([str(self.place / "bin/python"), "-c", "import alpha.m; print(alpha.V)"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.strip()

    def assert_mended(self):
        self.moat("doctor", "--repair", "--env", "env")
        self.assertEqual(self.starts(), "1.0")
        self.moat("doctor", "--env", "env")
        self.assertIn("alpha", self.moat("list", "--env", "env"))
        self.moat("doctor", "--repair", "--env", "env")  # nothing is left to be mended
        self.assertNotIn("repaired", self.said)

    def test_bytecode_that_was_changed_is_removed_and_that_is_said(self):
        self.moat("install", "--env", "env", *self.find, "--compile", "alpha==1.0", "--reinstall")
        compiled = next((self.site / "alpha/__pycache__").glob("m.*.pyc"))
        with compiled.open("ab") as out:
            out.write(b"x")
        self.moat("doctor", "--env", "env", status=1)
        self.moat("doctor", "--repair", "--env", "env")
        self.assertIn("removed 1 file of bytecode", self.said)
        self.assertNotIn("nothing to repair", self.said)
        self.assertFalse(compiled.exists())
        self.assertEqual(self.starts(), "1.0")

    # What may be lost: a name → how.
    def losses(self):
        manifest = self.place / ".moat/manifest"
        return {
            "METADATA": (self.info / "METADATA").unlink,
            "RECORD": (self.info / "RECORD").unlink,
            "half of RECORD": lambda: (self.info / "RECORD").write_text((self.info / "RECORD").read_text()[:60] + "\n"),
            "RECORD of zeros": lambda: (self.info / "RECORD").write_bytes(b"\0" * 300),
            "dist-info": lambda: shutil.rmtree(self.info),
            "METADATA, a folder now": lambda: ((self.info / "METADATA").unlink(), (self.info / "METADATA").mkdir()),
            "a module": (self.site / "alpha/m.py").unlink,
            "a script": (self.place / "bin/alpha").unlink,
        }, {
            "the manifest": manifest.unlink,
            "an empty manifest": lambda: manifest.write_text(""),
            "os.py": (self.stdlib / "os.py").unlink,
            "an extension module": next(self.stdlib.glob("lib-dynload/_json*.so")).unlink,
            "an empty pyvenv.cfg": lambda: (self.place / "pyvenv.cfg").write_text(""),
            "facts.json": (self.place / ".moat/facts.json").unlink,
            "bin": lambda: shutil.rmtree(self.place / "bin"),
            "the right to start it": lambda: (self.place / "bin/python").chmod(0o644),
            "its word that it sees no other packages": lambda: self.edit_settings(
                "include-system-site-packages = false", "include-system-site-packages = true"),
            "a stranger in the runtime": lambda: (self.stdlib / "stranger.py").write_text(""),
            "the runtime": lambda: shutil.rmtree(self.place / ".moat/rt"),
        }

    def edit_settings(self, before, now):
        settings = self.place / "pyvenv.cfg"
        settings.write_text(settings.read_text().replace(before, now))

    def each(self, which):
        for name in self.losses()[which]:
            with self.subTest(name):
                fresh = self.root / "fresh"
                if not fresh.exists():
                    shutil.copytree(self.place, fresh, symlinks=True)
                shutil.rmtree(self.place)
                shutil.copytree(fresh, self.place, symlinks=True)
                self.losses()[which][name]()
                yield name

    def test_repair_mends_a_package(self):
        for _ in self.each(0):
            self.moat("doctor", "--env", "env", status=1)
            self.assertIn("alpha", self.said)
            self.assert_mended()

    def test_repair_mends_the_environment_itself(self):
        for _ in self.each(1):
            self.assert_mended()

    def test_a_damaged_package_can_be_reinstalled_upgraded_and_removed(self):
        for _ in self.each(0):
            self.install(*self.find, "--reinstall", "alpha==1.0")
            self.assertEqual(self.starts(), "1.0")
            self.moat("doctor", "--env", "env")
        for _ in self.each(0):
            self.install(*self.find, "alpha==2.0")
            self.assertEqual(self.starts(), "2.0")
            self.moat("doctor", "--env", "env")
        for _ in self.each(0):
            self.moat("uninstall", "--env", "env", "alpha")
            self.assertNotIn("not installed", self.said)
            self.assertEqual([p.name for p in self.site.iterdir() if p.name.startswith("alpha")], [])
            self.assertFalse((self.place / "bin/alpha").exists())

    def test_what_the_launcher_advises_helps(self):
        (self.stdlib / "os.py").unlink()
        said = self.starts()
        self.assertIn("moat doctor --repair --env", said)
        self.moat(*said.split("`")[1].split()[1:])
        self.assertEqual(self.starts(), "1.0")

    def test_what_moat_advises_helps(self):
        (self.place / ".moat/facts.json").write_text("{}")
        self.moat("list", "--env", "env", status=2)
        hint = next(line for line in self.said.splitlines() if line.startswith("hint: "))
        self.moat(*hint.split()[2:])
        self.moat("list", "--env", "env")

    def test_without_its_settings_the_advice_is_to_repair(self):
        for words in (["list", "--env", "env"], ["create", "env"], ["uninstall", "--env", "env", "alpha"]):
            (self.place / "pyvenv.cfg").unlink()
            self.moat(*words, status=2)
            hint = next(line for line in self.said.splitlines() if line.startswith("hint: "))
            self.moat(*hint.split()[2:])
            self.assertEqual(self.starts(), "1.0")

    def test_repair_takes_no_other_file_of_the_same_version(self):
        """An index may have another one by now, or be somebody else's."""
        other = self.root / "other"
        other.mkdir()
        wheel(other, "1.0")
        with zipfile.ZipFile(next(other.iterdir()), "a") as archive:
            archive.comment = b"not the same bytes"
        for lost in (lambda: shutil.rmtree(self.info), (self.site / "alpha/m.py").unlink):
            lost()
            before = self.tree("env/lib")
            shutil.rmtree(self.root / "moat/store/wheels")  # not by pruning: runtimes are shared with other tests
            self.moat("doctor", "--repair", "--env", "env", MOAT_NO_INDEX="1", MOAT_FIND_LINKS=str(other), status=1)
            self.assertIn("cannot repair alpha==1.0", self.said)
            self.assertEqual(self.tree("env/lib"), before)
            self.moat("doctor", "--repair", "--env", "env", MOAT_NO_INDEX="1", MOAT_FIND_LINKS=str(self.wheels))
            self.assertEqual(self.starts(), "1.0")
            self.moat("doctor", "--env", "env")

    def test_a_package_that_pip_removed_is_not_damaged(self):
        shutil.rmtree(self.site / "alpha")
        shutil.rmtree(self.info)
        (self.place / "bin/alpha").unlink()
        self.moat("uninstall", "--env", "env", "alpha")
        self.assertIn("not installed", self.said)

    def test_repair_gives_up_a_change_that_goes_nowhere(self):
        (self.place / ".moat/journal").write_text("moat-journal 1\nstate\t9\nout\tlib\n")
        self.moat("list", "--env", "env", status=3)
        self.assert_mended()
        (self.place / ".moat/journal").write_text("nonsense")
        self.moat("env", "rollback", "--force", "--env", "env")
        self.assertEqual(self.starts(), "1.0")

    def leaks(self):
        import json
        document = json.loads(self.moat("doctor", "--env", "env", "--json", status=1))
        self.assertFalse(document["sound"])
        return {f["check"]: f["details"] for f in document["findings"] if f["level"] == "leak"}

    def test_folders_that_are_links_are_not_its_own(self):
        out = self.work / "out"
        self.site.rename(out)
        self.site.symlink_to(out)
        self.assertEqual(self.leaks()["folders"], [f"{self.site.relative_to(self.place)} → {out}"])
        self.moat("uninstall", "--env", "env", "alpha", status=1)
        self.assertIn("a folder that is a link", self.said)
        self.assertTrue((out / "alpha/m.py").exists())
        self.site.unlink()
        out.rename(self.site)
        self.moat("doctor", "--env", "env")

    def test_a_package_behind_a_link_is_told_and_left(self):
        out = self.work / "out"
        (self.site / "alpha").rename(out)
        (self.site / "alpha").symlink_to(out)
        self.assertIn(f"{self.site.relative_to(self.place)}/alpha → {out}", self.leaks()["folders"])
        self.moat("uninstall", "--env", "env", "alpha")
        self.assertIn("left unchanged", self.said)
        self.assertTrue((out / "m.py").exists())

    def test_what_moat_keeps_for_itself_is_looked_at(self):
        for name in ("history", "lock"):
            with self.subTest(name):
                place = self.place / ".moat" / name
                if place.is_dir():
                    shutil.rmtree(place)
                    place.write_text("")
                else:
                    place.unlink(missing_ok=True)
                    place.mkdir()
                self.moat("doctor", "--env", "env", status=1)
                self.assertIn(f".moat/{name} is no", self.said)
                shutil.rmtree(place) if place.is_dir() else place.unlink()
                self.moat("doctor", "--env", "env")

    def test_another_python_in_bin_is_a_leak(self):
        (self.place / "bin/python3.99").symlink_to("/usr/bin/python3")
        (self.place / "bin/own-script").write_text("#!/bin/sh\n")
        self.assertEqual(self.leaks()["files"], ["bin/python3.99"])
        (self.place / "bin/python3.99").unlink()
        self.moat("doctor", "--env", "env")
        self.assertIn("bin holds files that moat did not place", self.said)
        self.moat("doctor", "--env", "env", "--strict", status=1)

    def test_repair_needs_no_base_where_its_own_files_are_whole(self):
        """The store is empty, and the base is gone: only a package is damaged, and its wheel can be had."""
        (self.site / "alpha/m.py").unlink()
        facts = self.place / ".moat/facts.json"
        before = facts.read_text()
        self.moat("doctor", "--repair", "--env", "env", "--no-config", MOAT_STORE_DIR=str(self.root / "empty"),
                  MOAT_NO_INDEX="1", MOAT_FIND_LINKS=str(self.wheels))
        self.assertEqual((self.starts(), facts.read_text()), ("1.0", before))
        self.assertFalse((self.root / "empty/runtimes").exists(), "nobody asked for one")

    def test_what_killed_commands_left_is_swept(self):
        left = self.work / ".lab.new-0123456789abcdef", self.work / ".lab.removed-1"
        for path in left:
            (path / "env").mkdir(parents=True)
        self.moat("create", "lab")
        self.assertEqual([path for path in left if path.exists()], [])
        for path in left:
            (path / "env").mkdir(parents=True)
        self.moat("store", "prune")
        self.assertEqual([path for path in left if path.exists()], [])

    def test_a_killed_create_is_swept(self):
        making = subprocess.Popen([sandbox.MOAT, "create", "lab"], cwd=self.work, env=self.env, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        while making.poll() is None and not any(self.work.glob(".lab.new-*/env/.moat")):
            pass
        making.send_signal(signal.SIGKILL)
        making.wait()
        if not (self.work / "lab").exists():
            self.moat("create", "lab")
        self.moat("env", "remove", "./lab")
        self.assertEqual(list(self.work.glob(".lab.*")), [])


if __name__ == "__main__":
    sandbox.main()
