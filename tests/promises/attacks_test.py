"""Further attacks on what is promised: signals that are not heard, builds that stay, what killed commands leave.

    attacks_test.py MOAT [Class.test…]
"""
import fcntl
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import promise_test
from promise_test import PromiseTest

BACKEND = """
import os, sys, base64, hashlib, zipfile
def build_wheel(folder, *_, **__):
    text = act() or ""
    files = {"built.py": "A = %r\\n" % text, "built-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: built\\nVersion: 1\\n",
             "built-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    rows = "".join("%s,sha256=%s,%d\\n" % (n, base64.urlsafe_b64encode(hashlib.sha256(t.encode()).digest()).rstrip(b"=").decode(), len(t))
                   for n, t in files.items())
    files["built-1.dist-info/RECORD"] = rows + "built-1.dist-info/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, "built-1-py3-none-any.whl"), "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return "built-1-py3-none-any.whl"
"""


class AttackTest(PromiseTest):
    def setUp(self):
        super().setUp()
        self.mark = f"moat-attack-{os.getpid()}-{id(self)}"  # on the command line of whatever an attack starts

    def source(self, act):
        folder = self.work / "source"
        folder.mkdir()
        (folder / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "be"\nbackend-path = ["."]\n')
        (folder / "be.py").write_text(BACKEND + act.replace("MARK", self.mark))
        return folder

    def alive(self):
        """Processes with our mark."""
        found = []
        for process in pathlib.Path("/proc").iterdir():
            try:
                if process.name.isdigit() and self.mark in (process / "cmdline").read_text(errors="replace"):
                    found.append(int(process.name))
            except OSError:
                pass
        return found

    def start(self, *words):
        said = tempfile.TemporaryFile()
        self.addCleanup(said.close)
        child = subprocess.Popen([promise_test.sandbox.MOAT, *map(str, words)], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=said, stderr=subprocess.STDOUT)
        self.addCleanup(lambda: child.poll() is None and child.kill())
        return child, said

    def end(self, child, number, seconds):
        """Sends a signal. → the status, which has to come soon."""
        begun = time.monotonic()
        child.send_signal(number)
        status = child.wait(60)
        self.assertLess(time.monotonic() - begun, seconds)
        return status

    @staticmethod
    def wait_for(what, seconds=60):
        end = time.monotonic() + seconds
        while not what():
            if time.monotonic() > end:
                raise AssertionError("it never comes")
            time.sleep(0.02)


class DeafTest(AttackTest):
    """Ctrl-C and SIGTERM are heard wherever a command waits: within a second; here a busy machine has ten."""

    def test_an_index_that_never_answers(self):
        self.create()
        with socket.create_server(("127.0.0.1", 0)) as server:
            child, _ = self.start("install", "--env", "env", "x", "-i", f"http://127.0.0.1:{server.getsockname()[1]}/")
            server.settimeout(60)
            connection = server.accept()[0]
            with connection:
                self.assertEqual(self.end(child, signal.SIGINT, 10), 130)

    def test_a_build_that_hears_no_signal(self):
        self.create()
        began = self.work / "began"
        source = self.source(f"""
def act():
    import signal, subprocess
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", "MARK"], start_new_session=True)
    open({str(began)!r}, "w").close()
    child.wait()
""")
        child, _ = self.start("install", "--env", "env", source)
        self.wait_for(began.exists)
        self.assertEqual(self.end(child, signal.SIGTERM, 15), 143)
        self.wait_for(lambda: not self.alive(), 10)

    def test_a_lock_that_somebody_holds(self):
        self.create()
        self.wheel("alpha", "1.0")
        with open(self.work / "env/.moat/lock", "r+b") as lock:
            fcntl.fcntl(lock, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))  # F_OFD_SETLK
            child, said = self.start("install", "--env", "env", *self.local, "alpha")

            def told():
                said.seek(0)
                return b"waiting for" in said.read()
            self.wait_for(told)
            self.assertEqual(self.end(child, signal.SIGINT, 10), 130)
        self.add("alpha")


class StayingTest(AttackTest):
    """No build leaves anything running, or sees what is not for it."""

    def test_a_daemon(self):
        self.create()
        self.install(self.source("""
def act():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 3)
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(1000)", "MARK"])
        os._exit(0)
    os.wait()
"""))
        self.wait_for(lambda: not self.alive(), 10)

    def test_a_child_that_holds_the_output_open(self):
        self.create()
        begun = time.monotonic()
        self.install(self.source("""
def act():
    import subprocess
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", "MARK"], start_new_session=True)
"""))
        self.assertLess(time.monotonic() - begun, 200)
        self.wait_for(lambda: not self.alive(), 10)

    def test_secrets_of_the_parent(self):
        self.create()
        self.env["ATTACK_TOKEN"] = "s3cr3t-of-the-user"
        self.install(self.source("""
def act():
    found = []
    for process in os.listdir("/proc"):
        try:
            if b"s3cr3t" + b"-of-the-user" in open("/proc/%s/environ" % process, "rb").read():
                found.append(process)
        except OSError:
            pass
    return repr(found)
"""))
        self.assertEqual(self.python("-c", "import built; print(built.A)"), "[]")


class LeftTest(AttackTest):
    """What a killed command left beside its goal is gone once the next one has worked there."""

    def killed(self, *words, moments=8):
        begun = time.monotonic()
        child, _ = self.start(*words)
        child.wait(120)
        length = time.monotonic() - begun
        for moment in range(1, moments):
            yield None
            child, _ = self.start(*words)
            time.sleep(length * moment / moments)
            child.kill()
            child.wait()

    def hidden(self, folder):
        return sorted(name for name in os.listdir(folder) if name.startswith(".") and name not in (".venv", ".gitignore"))

    def test_create(self):
        for _ in self.killed("create", "new"):
            subprocess.run(["rm", "-rf", self.work / "new"], check=True)
        subprocess.run(["rm", "-rf", self.work / "new"], check=True)
        self.moat("create", "new")
        self.assertEqual(self.hidden(self.work), [])

    def test_clone(self):
        self.create()
        for _ in self.killed("env", "clone", "env", "./copy"):
            subprocess.run(["rm", "-rf", self.work / "copy"], check=True)
        subprocess.run(["rm", "-rf", self.work / "copy"], check=True)
        self.moat("env", "clone", "env", "./copy")
        self.assertEqual(self.hidden(self.work), [])

    def test_tool_install(self):
        self.wheel("tool", "1.0", {"tool.py": "def main(): print('here')\n"}, scripts=["tool = tool:main"])
        words = ("tool", "install", *self.local, "tool")
        for _ in self.killed(*words):
            self.moat("tool", "uninstall", "tool", status=0) if (self.root / "moat/data/tools/tool").exists() else None
        if (self.root / "moat/data/tools/tool").exists():
            self.moat("tool", "uninstall", "tool")
        self.moat(*words)
        self.assertEqual(self.hidden(self.root / "moat/data/tools"), [])
        done = subprocess.run([self.home / ".local/bin/tool"], env=self.env, stdout=subprocess.PIPE, universal_newlines=True)
        self.assertEqual(done.stdout, "here\n")


if __name__ == "__main__":
    sys.exit(promise_test.sandbox.main())
