"""A Flask application under gunicorn, from a lock to a machine without any network, and through what may happen to it there.

    deploy_test.py MOAT

Made here: bundles of four releases, with their Python. Then, in a network namespace that has no interfaces but its own
loopback, with an empty HOME and no Python on PATH: the first release answers; the second is refused by its check; the
third, whose probe fails after the switch, is switched back; the fourth goes live by a restart, with the listening socket
held as systemd holds it, while requests are made, of which none fails; and rollback returns to the first.

Exit status 77 where the index cannot be reached, or without root (for the namespace).
"""
import argparse
import fcntl
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from world import SKIPPED, World

APP = """import flask
app = flask.Flask(__name__)
{first}
@app.get("/")
def index():
    return "{version}"
@app.get("/health")
def health():
    return ("ill", 500) if {ill} else "well"
"""
PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "shop"
version = "{version}"
requires-python = ">=3.9"
dependencies = ["flask", "gunicorn"]
"""
# version → what its module does first, and whether it says that it is ill
RELEASES = {"1": ("", False), "2": ("import missing_module", False), "3": ("", True), "4": ("", False)}
CHECK = "python -c 'import shop'"
PROBE = "python -c 'import urllib.request; urllib.request.urlopen(\"http://127.0.0.1:8000/health\", timeout=5)'"


def make_bundles(world, python):
    project = world.root / "project"
    (project / "shop").mkdir(parents=True)
    key = world.root / "deploy.key"
    world.good("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
    world.good("openssl", "pkey", "-in", key, "-pubout", "-out", world.root / "deploy.pub")
    for version, (first, ill) in RELEASES.items():
        (project / "pyproject.toml").write_text(PROJECT.format(version=version))
        (project / "shop/__init__.py").write_text(APP.format(version=version, first=first, ill=ill))
        world.good_moat("lock", "-p", python, cwd=project)
        print(world.good_moat("bundle", "-p", python, "--with-python", "--sign", key, "-o", world.root / f"{version}.moat", cwd=project).strip())


def raise_loopback():
    """`ip link set lo up`, which a machine without iproute2 does not have."""
    with socket.socket() as any_socket:
        request = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


class Service:
    """What systemd is to a service with socket activation: it holds the socket, and starts the program with it as
    descriptor 3. A file is its restart command: whoever writes it waits for the answer."""

    def __init__(self, folder, dest, env):
        self.folder, self.dest, self.env = folder, dest, env
        self.listener = socket.create_server(("127.0.0.1", 8000), backlog=512)
        self.process = None
        self.asked, self.done = folder / "restart", folder / "restarted"
        threading.Thread(target=self.obey, daemon=True).start()

    def command(self):
        """For --after."""
        return f"rm -f {self.done}; : > {self.asked}; until test -e {self.done}; do sleep 0.05; done"

    def obey(self):
        while True:
            if self.asked.exists():
                self.asked.unlink()
                try:
                    self.restart()
                except Exception as error:  # nobody would be answered
                    print(f"the service does not restart: {error!r}", flush=True)
                    os._exit(1)
                self.done.touch()
            time.sleep(0.02)

    def restart(self):
        self.stop()

        def hand_over():
            os.dup2(self.listener.fileno(), 3)
            os.environ["LISTEN_PID"] = str(os.getpid())
        # `sh` says which process it is: what it becomes is the one that was named.
        words = f"LISTEN_PID=$$ exec {self.dest}/current/bin/gunicorn shop:app --workers 2 --timeout 300 --graceful-timeout 120 --log-level warning"
        self.process = subprocess.Popen(["/bin/sh", "-c", words], env={**self.env, "LISTEN_FDS": "1"}, cwd=self.folder, preexec_fn=hand_over,
                                        pass_fds=[3], stderr=open(self.folder / "log", "a"))

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(300)  # on a machine that may be busy
            self.process = None


class Visitors:
    """Requests without pause, each over its own connection."""

    def __init__(self):
        self.answers, self.failures, self.going = {}, [], True
        self.threads = [threading.Thread(target=self.visit) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def visit(self):
        while self.going:
            try:
                answer = get("/")
                self.answers[answer] = self.answers.get(answer, 0) + 1
            except Exception as error:  # each counts
                self.failures.append(repr(error))

    def leave(self):
        self.going = False
        for thread in self.threads:
            thread.join()


def get(path):
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=300)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            raise ValueError(f"{response.status}: {text}")
        return text
    finally:
        connection.close()


def cut_off(program, root):
    """Runs in the namespace. → nothing; raises where something is not as it should be."""
    raise_loopback()
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    folder = root / "machine"
    tools = folder / "tools"
    tools.mkdir(parents=True)
    for tool in ("sh", "rm", "test", "sleep"):
        (tools / tool).symlink_to(shutil.which(tool))
    home = folder / "home"
    home.mkdir()
    env = {"PATH": str(tools), "HOME": str(home), "LANG": "C.UTF-8"}
    dest = folder / "srv"

    def moat(*words, status=0):
        done = subprocess.run([program, *map(str, words)], env=env, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == status, f"moat {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}"
        return done.stdout

    service = Service(folder, dest, env)
    hooks = ("--key", "deploy.pub", "--check", CHECK, "--after", service.command(), "--probe", PROBE, "--probe-timeout", "60s")
    try:
        print(moat("deploy", "1.moat", dest, *hooks).strip())
        assert get("/") == "1"
        visitors = Visitors()
        said = moat("deploy", "2.moat", dest, *hooks, status=1)
        assert "No module named 'missing_module'" in said and "stays live" in said, said
        assert get("/") == "1"
        said = moat("deploy", "3.moat", dest, *hooks[:-1], "3s", status=1)
        assert "--probe failed" in said, said
        assert get("/") == "1", "switched back, and restarted"
        print(moat("deploy", "4.moat", dest, *hooks).strip())
        assert get("/") == "4"
        print(moat("deploy", "rollback", dest, "--after", service.command(), "--probe", PROBE).strip())
        assert get("/") == "1"
        visitors.leave()
        print("requests:", visitors.answers, "failed:", len(visitors.failures))
        assert not visitors.failures, visitors.failures[:3]
        assert set(visitors.answers) == {"1", "3", "4"} and min(visitors.answers.values()) > 10, visitors.answers
        attempts = [(a["action"], a["result"]) for a in json.loads(moat("deploy", "history", dest, "--json"))["attempts"]]
        assert attempts == [("rollback", "live"), ("deploy", "live"), ("deploy", "failed"), ("deploy", "failed"), ("deploy", "live")], attempts
        moat("deploy", "verify", dest)
        # HUP: what only reloads stays on its release; that is why --after restarts.
        moat("deploy", "4.moat", dest, "--key", "deploy.pub", "--after", "true")
        service.process.send_signal(signal.SIGHUP)
        time.sleep(2)
        assert get("/") == "1", "a server that reloads stays where it was started"
    finally:
        service.stop()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat")
    ap.add_argument("--python", default="/usr/bin/python3")
    ap.add_argument("--cut-off", help="(the second half, in the namespace)")
    args = ap.parse_args()
    if args.cut_off:
        cut_off(args.moat, pathlib.Path(args.cut_off))
        return
    if subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: `unshare -n` is not allowed here")
        sys.exit(SKIPPED)
    with World("deploy", args.moat) as world:
        world.require_index()
        make_bundles(world, args.python)
        done = subprocess.run(["unshare", "-n", sys.executable, __file__, world.program, "--cut-off", str(world.root)])
        sys.exit(done.returncode)


main()
