"""The answer does not depend on the order of the requests: real stacks from the default index, locked in several orders.

    orders_test.py MOAT [--python PYTHON] [--stack NAME]… [--orders N] [--seed N]

The stacks are those where the order is most likely to matter: without a date window the first request gets its newest
version and the others what is left (boto3 and s3fs, starlette and fastapi). All orders of two or three requests are
tried, of more requests N random ones. Exit status 77 where the index cannot be reached.
"""
import argparse
import itertools
import math
import random
import sys

from world import World

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


def lock(world, requests, python):
    (world.root / "requirements.txt").write_text("".join(r + "\n" for r in requests))
    (world.root / "lock.txt").unlink(missing_ok=True)  # or it would be what is preferred
    world.good_moat("lock", "-r", "requirements.txt", "-o", "lock.txt", "--python", python)
    return (world.root / "lock.txt").read_text()


def picks(text):
    return {line.split("==")[0]: line.split("==")[1].split()[0] for line in text.splitlines() if "==" in line and line[0].isalnum()}


def try_stack(world, name, orders, python):
    first = lock(world, orders[0], python)
    failures = []
    for order in orders[1:]:
        again = lock(world, order, python)
        if again != first:
            a, b = picks(first), picks(again)
            differ = {n: (a.get(n), b.get(n)) for n in sorted(a.keys() | b.keys()) if a.get(n) != b.get(n)}
            failures.append(f"     {' '.join(order)}: {differ or 'the same versions, other bytes'}")
    print(f"{'FAIL' if failures else 'ok  '} {name:12} {len(picks(first))} packages, {len(orders)} orders", flush=True)
    print("\n".join(failures), end="\n" if failures else "")
    return not failures


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat")
    ap.add_argument("--python", default="/usr/bin/python3")
    ap.add_argument("--stack", action="append", choices=sorted(STACKS))
    ap.add_argument("--orders", type=int, default=7)
    ap.add_argument("--seed", type=int, default=7)
    args = ap.parse_args()
    rng = random.Random(args.seed)
    with World("orders", args.moat) as world:
        world.require_index()
        results = [try_stack(world, name, orders_of(STACKS[name], args.orders, rng), args.python) for name in args.stack or STACKS]
    return int(not all(results))


if __name__ == "__main__":
    sys.exit(main())
