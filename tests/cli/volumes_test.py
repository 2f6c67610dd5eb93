"""Environments where their folder, or a part of it, cannot be renamed: volumes, folders of others, layers, links.

    volumes_test.py MOAT [Class.test…]
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest
import zipfile

import sandbox

USER = 12345
SITE = "lib/python{0}.{1}/site-packages"


def wheel(folder, version):
    path = folder / f"alpha-{version}-py3-none-any.whl"
    info = f"alpha-{version}.dist-info"
    files = {"alpha/__init__.py": f"V = '{version}'\n", "alpha/m.py": f"V = '{version}'\n",
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: alpha\nVersion: {version}\n",
             f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
             f"{info}/entry_points.txt": "[console_scripts]\nalpha = alpha:main\n"}
    import base64, hashlib
    rows = "".join("%s,sha256=%s,%d\n" % (name, base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode(),
                                          len(text)) for name, text in files.items())
    files[f"{info}/RECORD"] = rows + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True)


@unittest.skipUnless(os.environ.get("MOAT_VOLUMES_NAMESPACE"), "needs root and a mount namespace")
class VolumesTest(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        self.wheels = self.root / "wheels"
        self.wheels.mkdir()
        for version in ("1.0", "2.0"):
            wheel(self.wheels, version)
        self.find = ["--no-index", "-f", self.wheels, "-q"]
        self.mounts = []

    def tearDown(self):
        for place in reversed(self.mounts):
            subprocess.run(["umount", "-l", str(place)], stderr=subprocess.DEVNULL)

    def mount(self, *words):
        mount(*words)
        self.mounts.append(words[-1])

    def site(self, env):
        return next((env / "lib").glob("python3.*/site-packages"))

    def version(self, env):
        done = subprocess.run([str(env / "bin/python"), "-B", "-c", "import alpha.m; print(alpha.V, alpha.m.V)"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.strip()

    def assert_starts(self, env):
        done = subprocess.run([str(env / "bin/python"), "-c", "import sys; print(sys.prefix)"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.stdout.strip(), str(env.resolve()))

    def life_of(self, env):
        """create, install, replace, remove: the folder itself stays where it is."""
        self.moat("create", env)
        self.assert_starts(env)
        self.moat("install", "--env", env, *self.find, "alpha==1.0")
        self.moat("install", "--env", env, *self.find, "alpha==2.0")
        self.assertEqual(self.version(env), "2.0 2.0")
        self.moat("env", "rollback", "--env", env)
        self.assertEqual(self.version(env), "1.0 1.0")
        self.moat("doctor", "--env", env)
        self.moat("create", "--replace", env)
        self.assert_starts(env)
        self.assertIn("No module", self.version(env))
        self.moat("create", "--replace", env, *self.find, "alpha==2.0")
        self.assertEqual(self.version(env), "2.0 2.0")
        self.moat("doctor", "--env", env)
        self.moat("env", "remove", env)

    def test_a_mounted_volume(self):
        env = self.work / ".venv"
        env.mkdir()
        self.mount("-t", "tmpfs", "none", env)
        self.life_of(env)
        self.assertEqual(list(env.iterdir()), [])

    def test_a_volume_with_the_folder_of_ext4_in_it(self):
        image, env = self.root / "image", self.work / ".venv"
        env.mkdir()
        with open(image, "wb") as file:
            file.truncate(300 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
        try:
            self.mount("-o", "loop", image, env)
        except subprocess.CalledProcessError:
            self.skipTest("no loop devices here")
        self.life_of(env)
        self.assertEqual([path.name for path in env.iterdir()], ["lost+found"])

    def test_a_bind_mount_of_the_same_file_system(self):
        env, volume = self.work / ".venv", self.root / "volume"
        env.mkdir(), volume.mkdir()
        self.mount("--bind", volume, env)
        self.life_of(env)

    def test_a_move_to_another_file_system_and_back(self):
        env, disk = self.work / "env", self.root / "disk"
        disk.mkdir()
        self.mount("-t", "tmpfs", "none", disk)
        self.moat("create", env, *self.find, "alpha==1.0")
        self.moat("install", "--env", env, *self.find, "alpha==2.0")
        (self.site(env) / "alpha/m.py").write_text("V = 'mine'\n")
        for old, new in ((env, disk / "env"), (disk / "env", env)):
            self.moat("env", "move", old, new)
            self.assertFalse(old.exists())
            self.assertEqual([path.name for path in old.parent.iterdir() if "env" in path.name], [])
            self.assert_starts(new)
            self.assertEqual(self.version(new), "2.0 mine")
        (self.site(env) / "alpha/m.py").write_text("V = '2.0'\n")
        self.moat("doctor", "--env", env)
        self.moat("env", "rollback", "--env", env)
        self.assertEqual(self.version(env), "1.0 1.0")

    def test_a_move_to_a_file_system_that_is_too_small(self):
        env, disk = self.work / "env", self.root / "disk"
        disk.mkdir()
        self.mount("-t", "tmpfs", "-o", "size=8m", "none", disk)
        self.moat("create", env, *self.find, "alpha==1.0")
        before = self.tree("env")
        self.moat("env", "move", env, disk / "env", status=3)
        self.assertIn("space", self.said)
        self.assertEqual(list(disk.iterdir()), [])
        self.assertEqual(self.tree("env"), before)
        self.assertEqual(self.version(env), "1.0 1.0")

    def test_a_lower_layer(self):
        lower, upper, work, merged = (self.root / name for name in ("lower", "upper", "work2", "merged"))
        disk = self.root / "disk"
        disk.mkdir()
        self.mount("-t", "tmpfs", "none", disk)
        for name in ("lower", "upper", "work2"):
            (disk / name).mkdir()
        merged.mkdir()
        self.moat("create", disk / "lower/env", *self.find, "alpha==1.0")
        self.mount("-t", "overlay", "overlay", "-o",
                   f"lowerdir={disk}/lower,upperdir={disk}/upper,workdir={disk}/work2,redirect_dir=off", merged)
        env = merged / "env"
        self.moat("create", "--replace", env, *self.find, "alpha==2.0")
        self.assertEqual(self.version(env), "2.0 2.0")
        self.moat("doctor", "--env", env)

    def as_user(self, *words, status=0):
        env = {**self.env, "MOAT_HOME": str(self.root / "theirs"), "HOME": str(self.root / "theirs")}
        done = subprocess.run(["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", str(self.root / "program"),
                               *map(str, words)], cwd="/", env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def prepare_user(self):
        self.root.chmod(0o755)
        shutil.copy(sandbox.MOAT, self.root / "program")
        theirs = self.root / "theirs"
        theirs.mkdir()
        os.chown(theirs, USER, USER)

    def test_a_folder_of_ones_own_in_somebody_elses(self):
        self.prepare_user()
        for mode in (0o755, 0o1777):
            folder = self.root / f"app{mode:o}"
            folder.mkdir()
            folder.chmod(mode)
            env = folder / ".venv"
            env.mkdir()
            os.chown(env, USER, USER)
            self.as_user("create", env, "-p", "/usr/bin/python3")
            self.as_user("create", "--replace", env, "-p", "/usr/bin/python3")
            self.assert_starts(env)
            self.as_user("env", "remove", env)

    def test_a_part_that_belongs_to_somebody_else(self):
        self.prepare_user()
        env = self.root / "theirs/env"
        self.as_user("create", env, "-p", "/usr/bin/python3")
        self.as_user("install", "--env", env, *self.find, "alpha==1.0")
        for place in ("bin", str(self.site(env).relative_to(env))):
            os.chown(env / place, 0, 0)
            before = self.tree_of(env)
            said = self.as_user("install", "--env", env, *self.find, "alpha==2.0", status=3)
            self.assertIn("Permission denied", said)
            self.assertEqual(self.tree_of(env), before)
            self.assertEqual(self.version(env), "1.0 1.0")
            self.as_user("list", "--env", env)
            os.chown(env / place, USER, USER)
        self.as_user("install", "--env", env, *self.find, "alpha==2.0")

    def tree_of(self, env):
        own = (env / ".moat/lock", env / ".moat/stage")
        return sorted((str(p), p.read_bytes() if p.is_file() and not p.is_symlink() else b"") for p in env.rglob("*")
                      if p not in own)

    def test_mounts_inside_are_refused_before_anything_moves(self):
        env = self.work / "env"
        self.moat("create", env)
        self.moat("install", "--env", env, *self.find, "alpha==1.0")
        copy = self.root / "copy"
        for place in (self.site(env) / "alpha", self.site(env), env / "bin/alpha"):
            shutil.rmtree(copy, ignore_errors=True)
            if place.is_dir():
                shutil.copytree(place, copy, symlinks=True)
            else:
                shutil.copy2(place, self.root / "file")
            self.mount("--bind", copy if place.is_dir() else self.root / "file", place)
            before = self.tree_of(env)
            self.moat("install", "--env", env, *self.find, "alpha==2.0", status=3)
            self.assertIn("mounted", self.said)
            self.assertEqual(self.tree_of(env), before)
            self.assertEqual(self.version(env), "1.0 1.0")
            subprocess.run(["umount", str(place)], check=True)
        self.moat("install", "--env", env, *self.find, "alpha==2.0")

    def test_an_immutable_file(self):
        env = self.work / "env"
        self.moat("create", env)
        self.moat("install", "--env", env, *self.find, "alpha==1.0")
        script = env / "bin/alpha"
        if subprocess.run(["chattr", "+i", str(script)], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no immutable files here")
        try:
            before = self.tree_of(env)
            self.moat("install", "--env", env, *self.find, "alpha==2.0", status=3)
            self.assertIn("immutable", self.said)
            self.assertEqual(self.tree_of(env), before)
        finally:
            subprocess.run(["chattr", "-i", str(script)], check=True)

    def test_a_package_folder_that_is_a_link_to_a_checkout(self):
        env = self.work / "env"
        self.moat("create", env)
        self.moat("install", "--env", env, *self.find, "alpha==1.0")
        folder, checkout = self.site(env) / "alpha", self.root / "checkout"
        folder.rename(checkout)
        folder.symlink_to(checkout)
        (checkout / "m.py").write_text("V = 'edited'\n")
        self.moat("uninstall", "--env", env, "alpha")
        self.assertEqual((checkout / "m.py").read_text(), "V = 'edited'\n")
        self.assert_starts(env)
        self.moat("list", "--env", env)

    def test_a_create_that_was_killed_inside_a_volume(self):
        env = self.work / ".venv"
        env.mkdir()
        self.mount("-t", "tmpfs", "none", env)
        self.moat("create", self.work / "warm")
        for wait in (0.01, 0.03, 0.06, 0.1, 0.15):
            making = subprocess.Popen([sandbox.MOAT, "create", str(env)], cwd=self.work, env=self.env,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                making.wait(wait)
            except subprocess.TimeoutExpired:
                making.send_signal(signal.SIGKILL)
                making.wait()
            words = ["--replace"] if (env / "pyvenv.cfg").exists() or (env / ".moat/journal").exists() else []
            self.moat("create", *words, env)
            self.assert_starts(env)
            self.moat("env", "remove", env)


if __name__ == "__main__":
    if (not os.environ.get("MOAT_VOLUMES_NAMESPACE") and os.geteuid() == 0 and
            subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode == 0):
        os.environ["MOAT_VOLUMES_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    sandbox.main()
