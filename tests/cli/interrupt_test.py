"""A command that is interrupted ends with 128 + signal, says so, and leaves the environment as it was.

    interrupt_test.py MOAT

The index never answers, so the command waits for it for certain when the signal comes: the server says when it is asked.
"""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile


def main():
    moat = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        root = pathlib.Path(folder)
        env = {"PATH": os.environ["PATH"], "HOME": folder, "MOAT_HOME": str(root / "moat"), "MOAT_COMPILE": "now",
               "MOAT_INDEX_URL": f"http://127.0.0.1:{server.getsockname()[1]}/simple"}
        subprocess.run([moat, "create", "env"], cwd=folder, env=env, check=True, stderr=subprocess.DEVNULL)
        before = sorted(p.relative_to(root) for p in (root / "env").rglob("*"))
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            child = subprocess.Popen([moat, "install", "--env", "env", "foo"], cwd=folder, env=env,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
            connection, _ = server.accept()
            connection.recv(1)
            child.send_signal(number)
            out, errors = child.communicate(timeout=60)
            connection.close()
            assert child.returncode == status, (child.returncode, out, errors)
            assert errors.startswith("error: "), errors
            assert out == "", out
            after = sorted(p.relative_to(root) for p in (root / "env").rglob("*"))
            assert after == before, set(after) ^ set(before)


if __name__ == "__main__":
    main()
