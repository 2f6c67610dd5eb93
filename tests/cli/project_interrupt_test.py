"""`moat add` that is interrupted or killed at any moment: pyproject.toml, lock and environment are those of before or
those of after, and a command later all three agree.

    project_interrupt_test.py MOAT
"""
import fcntl
import os
import pathlib
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

PYPROJECT = b"[project]\r\nname = 'app'\r\nversion = '1'\r\ndependencies = [\r\n\t'base',  # always\r\n]\r\n"


class Interrupted(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        index = loopback_index.Index()
        for line in ("base 1.0", "lib 1.0 requires more", "more 1.0"):
            index.add(line)
        server = loopback_index.serve(index)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.env["MOAT_INDEX_URL"] = server.url
        (self.work / "pyproject.toml").write_bytes(PYPROJECT)
        self.moat("sync")
        self.before = self.state()

    def state(self):
        """The two files byte for byte, what is installed, and what else lies beside them."""
        files = {name: (self.work / name).read_bytes() for name in ("pyproject.toml", "pylock.toml")}
        return files, self.moat("list"), sorted(p.name for p in self.work.iterdir())

    def test_a_command_that_waited_sees_what_was_changed_meanwhile(self):
        """It has read pyproject.toml by then; the lock it makes is of what is there when its turn comes."""
        pyproject = self.work / "pyproject.toml"
        pyproject.write_bytes(PYPROJECT + b"# changed\r\n")
        folder = os.open(self.work, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        child = subprocess.Popen([sandbox.MOAT, "sync"], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, universal_newlines=True)
        self.assertIn("waiting for another moat", child.stderr.readline())
        pyproject.write_bytes(PYPROJECT.replace(b"'base',", b"'base', 'lib',"))
        os.close(folder)
        said = child.communicate(timeout=60)[1]
        self.assertEqual(child.returncode, 0, said)
        self.assertIn('name = "lib"', (self.work / "pylock.toml").read_text())
        self.assertIn("lib", self.moat("list"))

    def add(self, number, delay):
        child = subprocess.Popen([sandbox.MOAT, "add", "lib"], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            child.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            child.send_signal(number)
            child.communicate(timeout=60)
        return child.returncode

    def all_moments(self, number):
        """Statuses of `add` interrupted later and later, until it comes to its end twice."""
        started = time.monotonic()
        self.moat("add", "lib")
        length = time.monotonic() - started
        self.after = self.state()
        self.moat("remove", "lib")
        self.assertEqual(self.state(), self.before)
        for step in range(30):
            yield self.add(number, length * 1.2 * step / 30 + 0.001)

    def test_interrupted(self):
        seen = set()
        for status in self.all_moments(signal.SIGINT):
            seen.add(status)
            state = self.state()
            if status == 0:
                self.assertEqual(state, self.after)
            elif status == 130:
                self.assertEqual(state, self.before)
            else:
                # The system ends it: before moat hears signals, and when all is done.
                self.assertEqual(status, -signal.SIGINT)
                self.assertIn(state, (self.before, self.after))
            if state == self.after:
                self.moat("remove", "lib")
        self.assertIn(130, seen)

    def test_killed(self):
        for _ in self.all_moments(signal.SIGKILL):
            files = {name: (self.work / name).read_bytes() for name in ("pyproject.toml", "pylock.toml")}
            self.assertIn(files["pyproject.toml"], (self.before[0]["pyproject.toml"], self.after[0]["pyproject.toml"]))
            self.moat("sync")
            added = files["pyproject.toml"] != PYPROJECT
            state = self.state()
            self.assertEqual(state[:2], (self.after if added else self.before)[:2])
            if added:
                self.moat("remove", "lib")
        # What they had staged is swept by the next one that changes the project.
        self.moat("add", "lib")
        self.assertEqual(self.state()[2], self.after[2])


if __name__ == "__main__":
    sandbox.main()
