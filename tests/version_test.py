"""The version number is one: VERSION, README.md's first line and `moat --version` agree.

    version_test.py REPOSITORY MOAT
"""
import pathlib
import subprocess
import sys

root, moat = pathlib.Path(sys.argv[1]), sys.argv[2]
version = (root / "VERSION").read_text().strip()
readme = (root / "README.md").read_text().splitlines()[0]
said = subprocess.run([moat, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
assert readme == f"# moat {version}", f"README.md begins with {readme!r}"
assert said == f"moat {version}\n", f"moat --version says {said!r}"
