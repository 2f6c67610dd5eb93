"""Lets a test use packages of the default index: it starts again inside a throw-away environment that has them.

    import throw_away
    throw_away.start_again_with("packaging>=26.3")   # returns there, and only there

Without an index the test is skipped (77).
"""
import os
import pathlib
import subprocess
import sys
import tempfile

SKIPPED = 77


def start_again_with(package):
    if os.environ.get("MOAT_THROW_AWAY") == package:
        return
    with tempfile.TemporaryDirectory() as folder:
        python = pathlib.Path(folder, "env/bin/python")
        for step in ([sys.executable, "-m", "venv", folder + "/env"],
                     [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", package]):
            done = subprocess.run(step, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode != 0:
                print("skipped:", done.stderr.strip()[-500:])
                sys.exit(SKIPPED)
        environment = dict(os.environ, MOAT_THROW_AWAY=package)
        sys.exit(subprocess.run([python, "-I", "-X", "utf8", *sys.argv], env=environment).returncode)
