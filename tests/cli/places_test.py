"""Where moat is started: with closed streams, without a working directory, a HOME, /proc, variables or a name, and on
disks that refuse links or programs. Each works, or is refused with what to do, and nothing lands where it does not belong.

    places_test.py MOAT [Class.test…]
"""
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sandbox  # noqa: E402

PYTHON = "/usr/bin/python3"


def namespaces():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode == 0


class PlacesTest(sandbox.SandboxTest):
    def shell(self, script, *words, status=0, **variables):
        """Of bash, with MOAT and WORK set; → both streams."""
        done = subprocess.run(["bash", "-c", script, "bash", *map(str, words)], cwd=self.work, stdin=subprocess.DEVNULL,
                              env={**self.env, "MOAT": sandbox.MOAT, "WORK": str(self.work), **variables},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=300)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def elsewhere(self, mount, script, status=0):
        """In a mount namespace of its own, after the commands of `mount`."""
        if not namespaces():
            self.skipTest("needs a mount namespace")
        (self.work / "script").write_text(f"{mount}\n{script}\n")
        return self.shell('unshare -m bash -e "$WORK/script"', status=status)

    def wheel(self):
        folder = self.work / "wheels"
        folder.mkdir(exist_ok=True)
        files = {"tiny.py": "VALUE = 1\n", "tiny-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n",
                 "tiny-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
        rows = ""
        for name, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows += f"{name},sha256={digest},{len(text)}\n"
        files["tiny-1.dist-info/RECORD"] = rows + "tiny-1.dist-info/RECORD,,\n"
        with zipfile.ZipFile(folder / "tiny-1-py3-none-any.whl", "w") as archive:
            for name, text in files.items():
                archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), text)
        return folder


class Streams(PlacesTest):
    def test_closed_streams_are_no_files_of_ours(self):
        self.create()
        self.wheel()
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            self.shell(f'"$MOAT" install --env env --no-index -f wheels --reinstall tiny {closed}')
            self.shell(f'"$MOAT" list --env env {closed}; "$MOAT" list --env nowhere {closed}; true')
            for lock in (self.work / "env/.moat/lock", self.root / "moat/store/lock"):
                # The words of a holder are one line, and none of those that the commands say.
                self.assertRegex(lock.read_text(), r"\A(pid \d+: .*)?\n?\Z", f"{lock} {closed}")
            self.assertEqual(self.shell('env/bin/python -c "import tiny"'), "", closed)

    def test_the_interpreter_starts_with_closed_streams(self):
        self.create()
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            self.shell(f'env/bin/python -c "open(\'made\', \'w\').write(\'x\')" {closed} && rm made')

    def test_a_full_standard_output_says_that_the_change_was_made(self):
        self.create()
        self.wheel()
        said = self.shell('"$MOAT" install --env env --no-index -f wheels tiny > /dev/full', status=3)
        self.assertIn("cannot write to standard output", said)
        self.assertIn("apart from that the command was carried out", said)
        self.assertEqual(self.shell('env/bin/python -c "import tiny; print(tiny.VALUE)"'), "1\n")
        said = self.shell('"$MOAT" list --env env > /dev/full', status=3)
        self.assertIn("cannot write to standard output", said)


class Paths(PlacesTest):
    def test_paths_that_the_loader_of_libraries_reads_otherwise(self):
        self.create()
        for odd in ("a$ORIGIN", "${LIB}x", "$PLATFORM"):
            folder = self.work / odd
            self.moat("create", folder / "env", status=2)
            self.assertIn("the loader of libraries reads `$", self.said)
            self.moat("env", "clone", self.work / "env", folder / "env", status=2)
            self.assertFalse((folder / "env").exists())
        self.moat("create", self.work / "$HOME ${x} $ORIG")
        self.assertEqual(self.shell("'./$HOME ${x} $ORIG/bin/python' -c 'import ssl; print(1)'"), "1\n")

    def test_pyvenv_cfg_of_another_user_is_left_alone(self):
        """Root that looks into somebody's environment at another path (a mount) would take the file from them."""
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("needs root and setpriv")
        self.create()
        for folder in (self.root, self.work):
            folder.chmod(0o755)
        moved = self.work / "moved"
        (self.work / "env").rename(moved)
        config = moved / "pyvenv.cfg"
        config.chmod(0o640)
        for path in (moved, *moved.rglob("*")):
            os.chown(path, 12345, 12345, follow_symlinks=False)
        before = config.read_text()
        run = 'moved/bin/python -c "import sys; print(sys.prefix)"'
        self.assertEqual(self.shell(run), f"{moved}\n")
        self.assertEqual((config.read_text(), config.stat().st_uid), (before, 12345))
        self.assertEqual(self.shell(f"setpriv --reuid 12345 --regid 12345 --clear-groups {run}"), f"{moved}\n")
        self.assertIn(f"home = {moved}/.moat", config.read_text())
        self.assertEqual(config.stat().st_mode & 0o777, 0o640)


class Starts(PlacesTest):
    def test_without_a_working_directory(self):
        self.create()
        gone = 'mkdir gone && cd gone && rmdir "$WORK/gone" && '
        self.assertIn("3.", self.shell(gone + '"$WORK/env/bin/python" -c "import sys; print(sys.version)"'))
        said = self.shell(gone + '"$MOAT" list --env "$WORK/env"', status=3)
        self.assertIn("cannot find the working directory", said)
        self.assertIn("hint: change to a directory that exists", said)
        self.assertIn("moat", self.shell(gone + '"$MOAT" --version'))

    def test_without_variables(self):
        self.create()
        said = self.shell('env -i "$MOAT" list --env env', status=2)
        self.assertIn("MOAT_HOME", said)
        self.shell('env -i MOAT_HOME="$MOAT_HOME" "$MOAT" list --env env')
        self.assertEqual(self.shell('env -i env/bin/python -c "import os; print(set(os.environ) - {\'LC_CTYPE\'})"'), "set()\n")

    def test_without_a_name(self):
        self.create()
        said = self.shell('exec -a "" "$MOAT" < /dev/null', status=2)
        self.assertIn("moat", said)
        self.assertEqual(self.shell("exec -a '' env/bin/python <<< 'import sys; print(sys.prefix)'"), f"{self.work}/env\n")

    def test_without_proc(self):
        self.create()
        self.wheel()
        said = self.elsewhere("mount -t tmpfs none /proc", '''
            "$MOAT" install --env env --no-index -f wheels tiny
            umask 077
            "$MOAT" create -q other
            "$MOAT" install -q --env other --no-index -f wheels tiny
            other/bin/python -c "import tiny; print(tiny.VALUE)"
            "$MOAT" run --env other python -c "print('ran')"
            "$MOAT" doctor --env other''')
        self.assertIn("1\nran\n", said)
        module = next((self.work / "other").rglob("tiny.py"))
        self.assertEqual(module.stat().st_mode & 0o777, 0o600)

    def test_file_capabilities_of_the_launcher(self):
        if os.geteuid() != 0 or not shutil.which("setcap") or not shutil.which("setpriv"):
            self.skipTest("needs root and setcap")
        self.create()
        for folder in (self.root, self.work):
            folder.chmod(0o755)
        if subprocess.run(["setcap", "cap_net_bind_service=ep", self.work / "env/bin/python"]).returncode != 0:
            self.skipTest("this file system keeps no capabilities")
        run = 'setpriv --reuid 12345 --regid 12345 --clear-groups env/bin/python -c "import sys; print(sys.prefix)"'
        said = self.shell(run)
        self.assertIn(str(self.work / "env"), said)
        if "moat-libpython" not in (self.work / "env/pyvenv.cfg").read_text():
            self.assertIn("capabilities", said)
            self.assertIn("/.moat/rt/bin/python3", said)


class Disks(PlacesTest):
    def test_a_disk_without_links(self):
        compiler = shutil.which("gcc") or shutil.which("cc")
        if not compiler:
            self.skipTest("needs a C compiler")
        self.wheel()
        names = ("int symlink(const char* a, const char* b)", "int symlinkat(const char* a, int b, const char* c)",
                 "int link(const char* a, const char* b)", "int linkat(int a, const char* b, int c, const char* d, int e)")
        (self.work / "none.c").write_text("#include <errno.h>\n" + "".join(f"{n} {{ errno = EPERM; return -1; }}\n" for n in names))
        subprocess.run([compiler, "-w", "-shared", "-fPIC", "-o", "none.so", "none.c"], cwd=self.work, check=True)
        without = 'export LD_PRELOAD="$WORK/none.so"; '
        self.shell(without + '"$MOAT" create env && "$MOAT" install --env env --no-index -f wheels tiny')
        self.assertEqual([p for p in (self.work / "env").rglob("*") if p.is_symlink()], [])
        self.assertEqual(self.shell('env/bin/python3 -c "import tiny; print(tiny.VALUE)"'), "1\n")
        self.assertIn("sealed", self.shell('"$MOAT" doctor --env env'))
        self.shell('"$MOAT" uninstall -q --env env tiny && "$MOAT" env rollback -q --env env')
        self.assertEqual(self.shell('env/bin/python3 -c "import tiny; print(tiny.VALUE)"'), "1\n")

    def test_a_store_and_a_temporary_folder_without_programs(self):
        self.wheel()
        (self.work / "noexec").mkdir()
        said = self.elsewhere('mount -t tmpfs -o noexec none "$WORK/noexec"', '''
            mkdir noexec/tmp; export TMPDIR="$WORK/noexec/tmp" MOAT_STORE_DIR="$WORK/noexec/store"
            if "$MOAT" create env; then
              "$MOAT" install -q --env env --no-index -f wheels tiny
              env/bin/python -c "import tiny; print('works', tiny.VALUE)"
            else
              echo "refused $?"
            fi''')
        if "refused" in said:
            self.assertIn("refused 3", said)
            self.assertIn("noexec", said)
            self.assertIn("hint:", said)
            self.assertFalse((self.work / "env").exists())
        else:
            self.assertIn("works 1", said)


    def test_an_environment_where_no_program_starts(self):
        self.create()
        self.wheel()
        (self.work / "noexec").mkdir()
        said = self.elsewhere('mount -t tmpfs -o noexec none "$WORK/noexec"', '''
            "$MOAT" create noexec/sub/new || echo "refused $?"
            ls -A noexec
            "$MOAT" env clone "$WORK/env" noexec/copy || echo "refused $?"
            cp -a env noexec/env
            "$MOAT" run --env noexec/env python3 -c "print('ran')" || echo "refused $?"
            "$MOAT" doctor --env noexec/env || echo "found $?"
            "$MOAT" list --env noexec/env''')
        self.assertEqual(said.count("refused 3"), 2, said)
        self.assertEqual(said.count("refused 126"), 1, said)
        self.assertIn("found 1", said)
        self.assertEqual(said.count("mounted noexec"), 4, said)
        self.assertNotIn("--repair", said)  # which would change nothing


class Homes(PlacesTest):
    def test_a_store_that_cannot_be_created_says_what_to_set(self):
        (self.work / "file").write_text("")
        for home in (self.work / "file", "/proc/nowhere"):
            said = self.shell(f'env -u MOAT_HOME HOME="{home}" "$MOAT" create env', status=3)
            self.assertIn("cannot create the store", said)
            self.assertIn("MOAT_STORE_DIR=", said)
        self.shell(f'env -u MOAT_HOME HOME="{self.work}/file" MOAT_STORE_DIR="$WORK/../moat/store" "$MOAT" create env')

    def test_a_user_without_a_passwd_entry(self):
        if not namespaces() or not shutil.which("setpriv"):
            self.skipTest("needs root and setpriv")
        self.root.chmod(0o755)
        folder = self.work / "app"
        folder.mkdir()
        os.chown(folder, 54321, 0)
        shutil.copy(sandbox.MOAT, self.work / "moat-program")
        run = 'cd app && setpriv --reuid 54321 --regid 0 --clear-groups env -u MOAT_HOME -u HOME '
        said = self.shell(run + 'HOME=/ "$WORK/moat-program" create', status=3)
        self.assertIn("MOAT_STORE_DIR=", said)
        said = self.shell(run + '"$WORK/moat-program" create', status=2)
        self.assertIn("MOAT_HOME", said)


if __name__ == "__main__":
    sandbox.main()
