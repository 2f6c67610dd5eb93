"""What the system allows only little of: threads and processes, memory, open files, long files. And signals, which end
every wait. A command does its work or says what is missing; it never hangs, never dies of a signal it was not sent, and
where it fails the environment is as it was.

    limits_test.py MOAT [Class.test…]
"""
import base64
import fcntl
import hashlib
import os
import pathlib
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

F_OFD_SETLK = 37
NOBODY = 61077  # of no other test: processes are counted for each user


def make_wheel(folder, name, files):
    info = f"{name}-1.dist-info"
    texts = {**{f"{name}/{path}": text.encode() for path, text in files.items()},
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n".encode(),
             f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    rows = "".join(f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b'=').decode()},{len(text)}\n"
                   for path, text in texts.items())
    texts[f"{info}/RECORD"] = (rows + f"{info}/RECORD,,\n").encode()
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in texts.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), text)


class LimitsTest(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        self.wheels = self.root / "wheels"
        self.wheels.mkdir()

    def limited(self, *words, limits=(), user=None, program=None, seconds=60):
        """→ (exit status, what was said); a command that hangs fails the test."""
        def enter():
            for limit, value in limits:
                resource.setrlimit(limit, (value, value))
            if user is not None:
                os.setgroups([]), os.setgid(user), os.setuid(user)
        try:
            done = subprocess.run([program or sandbox.MOAT, *map(str, words)], cwd=self.work, env=self.env, preexec_fn=enter,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  universal_newlines=True, timeout=seconds)
        except subprocess.TimeoutExpired as hung:
            self.fail(f"{words} with {limits} hangs; it said: {hung.stdout}")
        return done.returncode, done.stdout

    def install_all(self, **how):
        return self.limited("install", "--env", self.work / "env", "--reinstall", "--no-index", "-f", self.wheels,
                            *sorted(path.name.split("-")[0] for path in self.wheels.iterdir()), **how)

    def check(self, status, said, before, limit):
        self.assertIn(status, (0, 3), f"{limit}: {said}")
        if status == 0:
            return
        self.assertIn("error: ", said, limit)
        self.assertEqual(self.tree("env"), before, f"{limit}: {said}")


class FewThreads(LimitsTest):
    def program_of_nobody(self):
        """A copy of moat; from here on the folders are that user's."""
        program = self.root / "moat-program"
        shutil.copy(sandbox.MOAT, program)
        self.root.chmod(0o755)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", self.work, self.home, self.root / "moat"], check=True)
        return program

    @unittest.skipUnless(os.getuid() == 0, "the limit of processes holds for other users than root; needs root")
    def test_an_index_without_ranges_does(self):
        """Whole wheels are fetched for their metadata: what waits for them must not be what brings them."""
        class WithoutRanges(loopback_index.Handler):
            def file(self, name, index):
                if "Range" in self.headers:
                    self.answer(404, b"no ranges\n", "text/plain")
                else:
                    self.answer(200, index.files[name], "application/octet-stream")
        index = loopback_index.Index()
        for line in ("app 1.0 requires lib & other", "lib 1.0", "other 1.0"):
            index.add(line)
        server = loopback_index.serve(index)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        server.RequestHandlerClass = WithoutRanges
        self.create()
        program = self.program_of_nobody()
        self.env["MOAT_INDEX_URL"] = server.url
        status, said = self.limited("install", "--env", self.work / "env", "app", user=NOBODY, program=program,
                                    limits=[(resource.RLIMIT_NPROC, 20)])
        self.assertEqual(status, 0, said)
        self.assertIn("+ other 1.0", said)

    @unittest.skipUnless(os.getuid() == 0, "the limit of processes holds for other users than root; needs root")
    def test_any_number_of_threads_does(self):
        self.create()
        for i in range(6):
            make_wheel(self.wheels, f"pkg{i}", {"__init__.py": "A = 1\n", "b.py": "B = 1\n"})
        program = self.program_of_nobody()
        (self.root / "moat/store/runtimes").unlink()
        shutil.copytree(sandbox.SHARED, self.root / "moat/store/runtimes", symlinks=True)
        self.install_all(user=NOBODY, program=program)
        for threads in (1, 2, 3, 4, 5, 6, 8, 12):
            before = self.tree("env")
            status, said = self.install_all(user=NOBODY, program=program, limits=[(resource.RLIMIT_NPROC, threads)])
            self.check(status, said, before, f"{threads} processes")
            if threads >= 4:
                self.assertEqual(status, 0, said)

    @unittest.skipUnless(os.getuid() == 0, "the limit of processes holds for other users than root; needs root")
    def test_where_no_interpreter_can_be_started_that_is_said(self):
        """And not that there is none."""
        program = self.program_of_nobody()
        for processes in (0, 1, 2):
            status, said = self.limited("create", "new", user=NOBODY, program=program, limits=[(resource.RLIMIT_NPROC, processes)])
            self.assertEqual(status, 3, said)
            self.assertRegex(said, "cannot run `/usr.*Resource temporarily unavailable")
            self.assertIn("ulimit -u", said)

    def test_any_amount_of_memory_does(self):
        self.create()
        for i in range(6):
            make_wheel(self.wheels, f"pkg{i}", {"__init__.py": "A = 1\n", "b.py": "B = 1\n"})
        before = self.tree("env")
        for megabytes in (1024, 512, 256, 192, 160, 128, 112, 96, 80, 64):
            status, said = self.install_all(limits=[(resource.RLIMIT_AS, megabytes << 20)])
            if status in (126, 127, -signal.SIGSEGV, -signal.SIGKILL) and "moat" not in said:
                break  # the program does not even start
            self.check(status, said, before if status else self.tree("env"), f"{megabytes} MB")
            before = self.tree("env")


    def test_no_thread_at_all_does(self):
        """RLIMIT_DATA counts the stacks of threads."""
        self.create()
        make_wheel(self.wheels, "pkg", {"__init__.py": "A = 1\n", "b.py": "B = 1\n"})
        for kilobytes in (1000, 2000, 4000, 8000, 12000, 20000):
            for name in ("wheels", "pycs"):
                shutil.rmtree(self.root / "moat/store" / name, True)
            before = self.tree("env")
            status, said = self.install_all(limits=[(resource.RLIMIT_DATA, kilobytes << 10)])
            if status == 127 and "shared" in said:
                continue  # the program does not even start
            if status == -signal.SIGABRT and "Out of memory allocating" in said:  # libsolv knows no other way
                self.assertEqual(self.tree("env"), before)
                continue
            self.check(status, said, before, f"{kilobytes} KB")
            if status == 0:
                self.moat("uninstall", "--env", "env", "pkg")


class FewOpenFiles(LimitsTest):
    def test_many_wheels_need_few(self):
        self.create()
        for i in range(150):
            make_wheel(self.wheels, f"pkg{i}", {"__init__.py": "A = 1\n", "b.py": "B = 1\n"})
        for files in (256, 128, 64, 32):
            shutil.rmtree(self.root / "moat/store/wheels", True)
            status, said = self.install_all(limits=[(resource.RLIMIT_NOFILE, files)])
            self.assertEqual(status, 0, f"{files} open files: {said}")

    def test_too_few_are_told(self):
        self.create()
        status, said = self.limited("list", "--env", "env", limits=[(resource.RLIMIT_NOFILE, 8)])
        self.assertEqual(status, 3, said)
        self.assertRegex(said, r"error: only 8 files may be open at once")
        self.assertIn("hint: raise the limit: `ulimit -n 256`", said)


class ShortFiles(LimitsTest):
    def test_a_file_that_may_not_grow_is_an_error(self):
        self.create()
        make_wheel(self.wheels, "long", {"__init__.py": "A = 1\n", "data.txt": "0123456789" * 100_000})
        before = self.tree("env")
        status, said = self.install_all(limits=[(resource.RLIMIT_FSIZE, 300_000)])
        self.assertEqual(status, 3, said)
        self.assertRegex(said, r"error: .*File too large")
        self.assertIn("ulimit -f", said)
        self.assertEqual(self.tree("env"), before)

    def test_what_is_only_told_may_not_grow_either(self):
        self.create()
        for words in ("env info --env env", "--json list --env env", "--help"):
            done = subprocess.run(["sh", "-c", f'ulimit -f 0; exec "$0" {words} > told', sandbox.MOAT], cwd=self.work, env=self.env,
                                  stderr=subprocess.PIPE, universal_newlines=True)
            self.assertEqual(done.returncode, 3, words)
            self.assertIn("cannot write to standard output", done.stderr)

    def test_programs_that_are_run_get_the_signal(self):
        self.create()
        status, said = self.limited("run", "--env", "env", "--", "/bin/sh", "-c", "grep SigIgn /proc/self/status",
                                    limits=[(resource.RLIMIT_FSIZE, 300_000)])
        self.assertEqual(status, 0, said)
        ignored = int(re.search(r"SigIgn:\s*([0-9a-f]+)", said).group(1), 16)
        self.assertFalse(ignored >> (signal.SIGXFSZ - 1) & 1, said)


class Signals(LimitsTest):
    def start(self, *words):
        child = subprocess.Popen([sandbox.MOAT, *map(str, words)], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, universal_newlines=True)
        self.addCleanup(child.kill)
        return child

    def ends_by(self, child, number):
        child.send_signal(number)
        try:
            _, said = child.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.fail("it does not hear the signal")
        self.assertEqual(child.returncode, 128 + number, said)
        self.assertIn("error: interrupted", said)

    def hold(self, path, kind):
        """A lock as moat takes it, held by this process."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
        self.addCleanup(file.close)
        fcntl.fcntl(file, F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0))
        return file

    def test_a_file_that_never_answers(self):
        self.create()
        os.mkfifo(self.work / "pipe")
        for number in (signal.SIGINT, signal.SIGTERM):
            child = self.start("install", "--env", "env", "-r", "pipe")
            with (self.work / "pipe").open("w"):  # opens when moat reads
                self.ends_by(child, number)

    def test_waiting_for_an_environment_is_told_and_ends(self):
        self.create()
        make_wheel(self.wheels, "pkg", {"__init__.py": ""})
        self.hold(self.work / "env/.moat/lock", fcntl.F_WRLCK)
        for number in (signal.SIGINT, signal.SIGTERM):
            child = self.start("install", "--env", "env", "--no-index", "-f", self.wheels, "pkg")
            self.assertRegex(child.stderr.readline(), rf"^waiting for `.+` \(pid {os.getpid()}\)$")
            self.ends_by(child, number)

    def test_removing_waits_for_who_changes_it(self):
        self.create()
        self.hold(self.work / "env/.moat/lock", fcntl.F_WRLCK)
        child = self.start("env", "remove", "-y", "env")
        self.assertRegex(child.stderr.readline(), rf"^waiting for `.+` \(pid {os.getpid()}\)$")
        self.ends_by(child, signal.SIGINT)
        self.assertTrue((self.work / "env/pyvenv.cfg").exists())

    def test_waiting_for_users_of_the_store_is_told_and_ends(self):
        self.hold(self.root / "moat/store/lock", fcntl.F_RDLCK)
        child = self.start("store", "prune")
        self.assertRegex(child.stderr.readline(), rf"^waiting for `.+` \(pid {os.getpid()}\)$")
        self.ends_by(child, signal.SIGINT)

    def test_waiting_for_a_prune_is_told_and_ends(self):
        self.create()
        make_wheel(self.wheels, "pkg", {"__init__.py": ""})
        file = self.hold(self.root / "moat/store/lock", fcntl.F_WRLCK)
        file.write("pid 1: moat store prune"), file.flush()
        child = self.start("install", "--env", "env", "--no-index", "-f", self.wheels, "pkg")
        self.assertRegex(child.stderr.readline(), r"^waiting for `.+` \(pid \d+\)$")
        self.ends_by(child, signal.SIGTERM)

    def test_a_wait_that_ends_says_no_more(self):
        self.create()
        make_wheel(self.wheels, "pkg", {"__init__.py": ""})
        file = self.hold(self.work / "env/.moat/lock", fcntl.F_WRLCK)
        child = self.start("install", "--env", "env", "--no-index", "-f", self.wheels, "pkg")
        child.stderr.readline()
        file.close()
        _, said = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 0, said)
        self.assertIn("1 package changed", said)

    def test_passwords_of_who_is_waited_for_are_not_told(self):
        self.create()
        make_wheel(self.wheels, "pkg", {"__init__.py": ""})
        lock = self.work / "env/.moat/lock"
        lock.touch()
        script = "import fcntl, struct, sys, time; f = open(sys.argv[1], 'a+')\n" \
                 f"fcntl.fcntl(f, {F_OFD_SETLK}, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)); print('held', flush=True)\n" \
                 "time.sleep(600)"
        holder = subprocess.Popen([sys.executable, "-c", script, lock, "https://user:secret@index.example/simple"],
                                  stdout=subprocess.PIPE)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        self.addCleanup(holder.stdout.close)
        holder.stdout.readline()
        child = self.start("install", "--env", "env", "--no-index", "-f", self.wheels, "pkg")
        line = child.stderr.readline()
        self.assertIn(f"(pid {holder.pid})", line)
        self.assertNotIn("secret", line)
        self.ends_by(child, signal.SIGINT)


if __name__ == "__main__":
    sandbox.main()
