"""The answer does not depend on the order of the requests: real stacks from the default index, locked in several orders.

    orders_test.py MOAT [--python PYTHON] [--stack NAME]… [--orders N] [--seed N]

The stacks are those where the order is most likely to matter: without a date window the first request gets its newest
version and the others what is left (boto3 and s3fs, starlette and fastapi). All orders of two or three requests are
tried, of more requests N random ones. Exit status 77 where the index cannot be reached.
"""
import argparse
import itertools
import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

STACKS = {
    "flask": ["flask", "flask-wtf", "flask-admin"],
    "flask-old": ["flask<2", "flask-wtf", "flask-admin"],
    "science": ["numpy", "scipy", "pandas", "matplotlib", "scikit-learn", "seaborn"],
    "science-old": ["numpy<2", "scipy", "pandas", "matplotlib", "scikit-learn", "seaborn"],
    "services": ["django", "celery", "twisted", "pika", "pyzmq"],
    "sphinx-old": ["sphinx<5", "furo", "myst-parser"],
    "notebook": ["notebook", "jupyterlab<4"],
    "starlette": ["starlette<=0.36.0", "fastapi<=0.115.2"],
    "s3": ["boto3", "s3fs"],
    "airflow": ["apache-airflow", "sqlalchemy<2"],
    "urllib3": ["urllib3<1.25.4", "boto3"],
}


def orders_of(requests, count, rng):
    if math.factorial(len(requests)) <= count:
        return [list(order) for order in itertools.permutations(requests)]
    return [requests, *(rng.sample(requests, len(requests)) for _ in range(count - 1))]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat", type=pathlib.Path)
    ap.add_argument("--python", default="/usr/bin/python3")
    ap.add_argument("--stack", action="append", choices=sorted(STACKS))
    ap.add_argument("--orders", type=int, default=7)
    ap.add_argument("--seed", type=int, default=7)
    args = ap.parse_args()
    moat, work = args.moat.resolve(), pathlib.Path(tempfile.mkdtemp(prefix="moat-orders-"))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "MOAT_"))}
    env.update(HOME=str(work), MOAT_HOME=str(work / "home"), NO_COLOR="1")

    def lock(requests):
        (work / "requirements.txt").write_text("".join(r + "\n" for r in requests))
        (work / "lock.txt").unlink(missing_ok=True)  # or it would be what is preferred
        done = subprocess.run([str(moat), "lock", "-r", "requirements.txt", "-o", "lock.txt", "--python", args.python],
                              cwd=work, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode == 3:
            print("skipped: the default index cannot be reached:\n" + done.stdout)
            sys.exit(77)
        assert done.returncode == 0, f"{requests}: exit status {done.returncode}\n{done.stdout}"
        return (work / "lock.txt").read_text()

    def picks(text):
        return {line.split("==")[0]: line.split("==")[1].split()[0] for line in text.splitlines() if "==" in line and line[0].isalnum()}

    rng, bad = random.Random(args.seed), 0
    try:
        for name in args.stack or STACKS:
            orders = orders_of(STACKS[name], args.orders, rng)
            first = lock(orders[0])
            failures = []
            for order in orders[1:]:
                again = lock(order)
                if again != first:
                    a, b = picks(first), picks(again)
                    differ = {n: (a.get(n), b.get(n)) for n in sorted(a.keys() | b.keys()) if a.get(n) != b.get(n)}
                    failures.append(f"     {' '.join(order)}: {differ or 'the same versions, other bytes'}")
            bad += bool(failures)
            print(f"{'FAIL' if failures else 'ok  '} {name:12} {len(picks(first))} packages, {len(orders)} orders", flush=True)
            print("\n".join(failures), end="\n" if failures else "")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
