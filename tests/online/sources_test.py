"""Real sources from the default index: built, installed, run; and a lock of them that goes round.

    sources_test.py MOAT [--python PYTHON]

Exit status 77 where the index cannot be reached.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

# What is asked for (sdists by force, so that wheels that come later change nothing), and what shows that it works.
CASES = [
    (["docopt"], "import docopt; print(docopt.__version__)"),
    (["pep8", "--no-binary", "pep8"], "import pep8; print(pep8.__version__)"),
    (["stomp.py", "--no-binary", "stomp.py"], "import stomp; print(stomp.__version__)"),
    (["python3-gearman", "--no-binary", "python3-gearman"], "import python3_gearman; print(python3_gearman.__version__)"),
    (["Flask-SeaSurf", "--no-binary", "flask-seasurf"], "import flask_seasurf; print(flask_seasurf.SeaSurf)"),
    (["markupsafe", "--no-binary", "markupsafe"], "import markupsafe; print(markupsafe.escape('<'))"),
]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat", type=pathlib.Path)
    ap.add_argument("--python", default="/usr/bin/python3")
    args = ap.parse_args()
    moat, work = args.moat.resolve(), pathlib.Path(tempfile.mkdtemp(prefix="moat-sources-"))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "MOAT_"))}
    env.update(HOME=str(work), NO_COLOR="1", MOAT_HOME=str(work / "moat"))

    def run(*argv, skip=False):
        done = subprocess.run([str(a) for a in argv], cwd=work, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if skip and done.returncode == 3 and "error: cannot build" not in done.stdout:
            print("skipped: the default index cannot be reached:\n" + done.stdout)
            sys.exit(77)
        assert done.returncode == 0, f"{' '.join(map(str, argv))}: {done.returncode}\n{done.stdout}"
        return done.stdout

    try:
        for number, (asked, see) in enumerate(CASES):
            told = run(moat, "create", work / f"env{number}", "-p", args.python, *asked, skip=number == 0)
            assert "build " in told, f"nothing was built for {asked}:\n{told}"
            print(asked[0], run(work / f"env{number}/bin/python", "-I", "-c", see).strip())
        # What was built once is found again, without network.
        told = run(moat, "create", work / "again", "-p", args.python, *CASES[0][0], "--offline")
        (work / "requirements.txt").write_text("docopt\nstomp.py\n")
        run(moat, "lock", "-r", "requirements.txt", "-p", args.python, "--no-binary", ":all:", "--only-binary", "websocket-client",
            "--only-binary", "docopt-ng")
        run(moat, "create", work / "locked", "-p", args.python)
        run(moat, "sync", "pylock.toml", "--env", work / "locked")
        print(run(work / "locked/bin/python", "-I", "-c", "import docopt, stomp; print('locked')").strip())
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
