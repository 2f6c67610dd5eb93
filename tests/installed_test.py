"""`cmake --install` under any prefix gives a moat that needs neither the build folder nor the sources.

    installed_test.py REPOSITORY BUILD CMAKE

Both are hidden in a mount namespace of this process before the program is used; where none can be made they stay.
"""
import os
import pathlib
import subprocess
import sys
import tempfile


def run(*argv, **variables):
    done = subprocess.run([str(a) for a in argv], env={**os.environ, **variables}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}"
    return done.stdout


def main():
    root, build, cmake = sys.argv[1:4]
    version = (pathlib.Path(root) / "VERSION").read_text().strip()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run(cmake, "--install", build, "--prefix", folder / "prefix")
        os.chdir(folder)
        hidden = [build, root] if os.environ.get("MOAT_INSTALLED_NAMESPACE") else []
        (folder / "empty").mkdir()
        for place in hidden:
            run("mount", "--bind", folder / "empty", place)
        try:
            moat = folder / "prefix/bin/moat"
            own = {"HOME": str(folder), "MOAT_HOME": str(folder / "home"), "MOAT_COMPILE": "now"}
            assert run(moat, "--version", **own) == f"moat {version}\n"
            run(moat, "create", folder / "env", "-p", "/usr/bin/python3", **own)
            said = run(folder / "env/bin/python", "-c", "import sys; print(sys.prefix)", **own)
            assert os.path.realpath(said.strip()) == os.path.realpath(folder / "env"), said
            run(moat, "doctor", "--env", folder / "env", **own)
        finally:
            for place in reversed(hidden):
                subprocess.run(["umount", place])


if not os.environ.get("MOAT_INSTALLED_NAMESPACE") and os.geteuid() == 0 and \
        subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode == 0:
    os.environ["MOAT_INSTALLED_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
main()
