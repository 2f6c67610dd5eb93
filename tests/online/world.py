"""The world of an online test: one folder that holds HOME, the store and everything else that the test makes."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77


class World:
    """name: in the folder's name. store: kept elsewhere, to be found again by the next run. To be used with `with`."""

    def __init__(self, name, moat, store=None):
        self.program = str(pathlib.Path(moat).resolve())
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=f"moat-{name}-"))
        self.home = self.root / "home"
        self.home.mkdir()
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "MOAT_"))}
        self.env.update(HOME=str(self.home), MOAT_HOME=str(self.root / "moat"), NO_COLOR="1", MOAT_COMPILE="now")
        if store:
            self.env["MOAT_STORE_DIR"] = str(pathlib.Path(store).resolve())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root, ignore_errors=True)

    def run(self, *argv, cwd=None, variables=(), **options):
        """→ the exit status, and what it said on both streams."""
        done = subprocess.run([str(word) for word in argv], cwd=cwd or self.root, env={**self.env, **dict(variables)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
        return done.returncode, done.stdout

    def moat(self, *argv, **options):
        return self.run(self.program, *argv, **options)

    def good(self, *argv, **options):
        """What a command said that must succeed."""
        status, said = self.run(*argv, **options)
        assert status == 0, f"{' '.join(map(str, argv))}: exit status {status}\n{said}"
        return said

    def good_moat(self, *argv, **options):
        return self.good(self.program, *argv, **options)

    def require_index(self):
        """Skips the test where the default index cannot be reached."""
        status, said = self.moat("lock", "-r", "/dev/stdin", "-o", "/dev/null", "--format", "pylock", input="six\n")
        if status == 3:
            print("skipped: the default index cannot be reached:\n" + said)
            self.__exit__()
            sys.exit(SKIPPED)


def default_index():
    """What this machine's pip asks: what poetry asks by itself may not be reached where that is."""
    code = ("from pip._internal.cli.cmdoptions import index_url; from pip._internal.configuration import Configuration; "
            "c = Configuration(isolated=False); c.load(); v = dict(c.items()); "
            "print(v.get('install.index-url') or v.get('global.index-url') or index_url().default)")
    return subprocess.run(["/usr/bin/python3", "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
