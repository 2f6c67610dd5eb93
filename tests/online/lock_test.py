"""A lock goes round: moat writes it, moat installs it with an empty store (twice, the same bytes), pip installs it.

    lock_test.py MOAT [--python PYTHON]

Exit status 77 where the index cannot be reached.
"""
import argparse
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

REQUIREMENTS = "flask==3.*\npandas\ncolorama ; sys_platform == 'win32'\nurllib3[socks]\n"
SEE = "import importlib.metadata as m; print(*sorted(d.metadata['Name'].lower().replace('_', '-') + '==' + d.version for d in m.distributions()))"


def digest(folder):
    total = hashlib.sha256()
    # bin/activate names the environment's folder, for shells that cannot tell where a sourced file lies.
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink() and p.stem != "activate"):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat", type=pathlib.Path)
    ap.add_argument("--python", default="/usr/bin/python3")
    args = ap.parse_args()
    moat, work = args.moat.resolve(), pathlib.Path(tempfile.mkdtemp(prefix="moat-lock-"))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "MOAT_"))}
    env.update(HOME=str(work), NO_COLOR="1")

    def run(*argv, home="home"):
        done = subprocess.run([str(a) for a in argv], cwd=work, env={**env, "MOAT_HOME": str(work / home)},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode == 3 and "lock" in argv:
            print("skipped: the default index cannot be reached:\n" + done.stdout)
            sys.exit(77)
        assert done.returncode == 0, f"{' '.join(map(str, argv))}: {done.returncode}\n{done.stdout}"
        return done.stdout

    try:
        (work / "requirements.txt").write_text(REQUIREMENTS)
        run(moat, "lock", "-r", "requirements.txt", "-o", "pylock.toml", "--python", args.python)
        first = (work / "pylock.toml").read_bytes()
        run(moat, "lock", "-r", "requirements.txt", "-o", "pylock.toml", "--python", args.python)
        assert (work / "pylock.toml").read_bytes() == first, "a second lock gives other bytes"

        seen, digests = [], []
        for name in ("one", "two"):
            run(moat, "create", work / name, "-p", args.python, home=f"home-{name}")
            run(moat, "sync", "pylock.toml", "--env", work / name, home=f"home-{name}")
            seen.append(run(work / name / "bin/python", "-I", "-c", SEE))
            digests.append([digest(work / name / part) for part in ("lib", "bin")])
        assert seen[0] == seen[1], seen
        assert digests[0] == digests[1], "two environments from one lock differ"

        subprocess.run([args.python, "-m", "venv", work / "pip"], check=True, env=env)
        subprocess.run([work / "pip/bin/pip", "install", "-q", "-U", "pip>=26.1"], check=True, env=env)
        run(work / "pip/bin/pip", "install", "-q", "-r", "pylock.toml")
        by_pip = run(work / "pip/bin/python", "-I", "-c", SEE).split()
        by_pip = [d for d in by_pip if not d.startswith(("pip==", "setuptools=="))]
        assert by_pip == seen[0].split(), f"pip installed {by_pip}, moat {seen[0].split()}"
        print(f"{len(by_pip)} distributions, the same by moat (twice, the same bytes) and by pip")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
