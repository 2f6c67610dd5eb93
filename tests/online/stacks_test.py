"""Real packages from the default index, end to end: install, run, spoil the base, remove the base, run again.

    stacks_test.py MOAT [--python PYTHON]… [--stack NAME]… [--store DIR]

For each Python and each stack: an environment is made and the stack installed; its program runs. Then the base of
the interpreter gets a package, a changed standard library file and a poisoned .pyc, and the program must run as
before; then the base is gone altogether, and it must still run. The base is never touched: all this happens in a
mount namespace of this process, on a copy bound over the base's folder. Without the right to make one, those steps
are skipped (and said so). Run it with another Python than the ones it tries. Exit status 77 where the index cannot be reached.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from world import World

SCIENCE = """
from sklearn import svm
import pandas, matplotlib, seaborn
matplotlib.use("Agg")
import matplotlib.pyplot as plt
clf = svm.SVC().fit([[0, 0], [1, 1]], [0, 1])
frame = pandas.DataFrame({"x": [1, 2, 3], "y": [2, 4, 6]})
seaborn.lineplot(data=frame, x="x", y="y")
plt.savefig("plot.png")
print(clf.predict([[2., 2.]]), int(frame.y.sum()))
"""
NOTEBOOK = {"cells": [{"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [],
                       "source": "print(6 * 7)"}],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4, "nbformat_minor": 5}
FLASK = """
from flask import Flask
from flask_admin import Admin
from flask_wtf import FlaskForm
app = Flask(__name__); app.secret_key = "x"; Admin(app)
@app.route("/")
def hello(): return "hello"
print(app.test_client().get("/").data.decode(), app.test_client().get("/admin/").status_code)
"""
SERVICES = """
import sys
import django, celery, pika, zmq
from twisted.internet import defer
a, b = zmq.Context().socket(zmq.PAIR), zmq.Context.instance()
app = celery.Celery(broker="memory://", backend="cache+memory://"); app.conf.task_always_eager = True
@app.task
def add(x, y): return x + y
django.conf.settings.configure() if hasattr(django, "conf") else None
print(add.delay(2, 3).get(), defer.succeed(7).result)
import os; sys.stdout.flush(); os._exit(0)
"""

# name: packages, files, command, what its output holds
STACKS = {
    "science": (["scikit-learn", "pandas", "matplotlib", "seaborn"], {"run.py": SCIENCE}, ["python", "run.py"], "[1] 12"),
    "jupyter": (["jupyter"], {"n.ipynb": json.dumps(NOTEBOOK)},
                ["jupyter", "nbconvert", "--to", "markdown", "--execute", "--stdout", "n.ipynb"], "42"),
    "sphinx": (["sphinx"], {"conf.py": "project = 'p'\n", "index.rst": "Hello\n=====\n\nSealed.\n"},
               ["sphinx-build", "-q", "-b", "text", ".", "out", "--fresh-env"], ""),
    "flask": (["flask", "flask-admin", "flask-wtf"], {"run.py": FLASK}, ["python", "run.py"], "hello 200"),
    "services": (["django", "celery", "twisted", "pika", "pyzmq"], {"run.py": SERVICES}, ["python", "run.py"], "5 7"),
    "lint": (["pylint", "flake8"], {"bad.py": "import os\n"}, ["pylint", "--exit-zero", "bad.py"], "unused-import"),
}


def in_own_mount_namespace():
    """Re-executes this process in a mount namespace of its own; False where that is not allowed."""
    if os.environ.get("MOAT_STACKS_NAMESPACE"):
        return True
    probe = subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL)
    if probe.returncode:
        return False
    os.environ["MOAT_STACKS_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])


class Base:
    """One interpreter whose folder can be spoilt and hidden, inside this mount namespace only."""

    def __init__(self, python, work):
        self.python, self.work = python, work
        facts = json.loads(subprocess.run([python, "-I", "-c", "import sys, os, sysconfig, json; print(json.dumps(["
                                           "sys.base_prefix, sysconfig.get_path('stdlib'), sysconfig.get_path('purelib')]))"],
                                          stdout=subprocess.PIPE, check=True).stdout)
        prefix, self.stdlib, self.purelib = facts
        # A pyenv-like base is one folder; of the distribution's, the standard library is what can be bound over.
        self.folder = prefix if prefix not in ("/usr", "/") else self.stdlib
        self.copy = work / "base"
        shutil.copytree(self.folder, self.copy, symlinks=True)
        subprocess.run(["mount", "--bind", str(self.copy), self.folder], check=True)

    def spoil(self):
        stdlib = pathlib.Path(self.stdlib)
        (stdlib / "this_is_foreign.py").write_text("x = 1\n")
        for module in ("json/__init__.py", "argparse.py", "textwrap.py"):
            (stdlib / module).write_text("raise SystemExit('the base leaks: %s')\n" % module)
        pathlib.Path(self.purelib).mkdir(parents=True, exist_ok=True)
        (pathlib.Path(self.purelib) / "sitecustomize.py").write_text("raise SystemExit('the base leaks: sitecustomize')\n")
        for pyc in (stdlib / "__pycache__").glob("string.*.pyc"):
            pyc.write_bytes(b"poison")
        control = subprocess.run([self.python, "-c", "import json"], stderr=subprocess.PIPE, text=True)
        assert control.returncode, "the control: a spoilt base must notice"

    def hide(self):
        empty = self.work / "empty"
        empty.mkdir(exist_ok=True)
        subprocess.run(["mount", "--bind", str(empty), self.folder], check=True)
        gone = subprocess.run(["sh", "-c", '"$0" -c "import json"', self.python], stderr=subprocess.DEVNULL)
        assert gone.returncode, "the control: a hidden base must not run"

    def restore(self):
        while subprocess.run(["umount", self.folder], stderr=subprocess.DEVNULL).returncode == 0:
            pass


def try_stack(world, python, name, namespace):
    packages, files, command, want = STACKS[name]
    for path, text in files.items():
        (world.root / path).write_text(text)

    def check(when):
        said = world.good_moat("run", "--env", "./env", "--", *command)
        assert want in said, f"{when}: {said}"

    begin = time.monotonic()
    world.good_moat("create", "env", "-p", python)
    world.good_moat("install", "--env", "./env", *packages)
    took = time.monotonic() - begin
    check("as installed")
    world.good_moat("create", "second", "-p", python, "--offline")
    world.good_moat("install", "--env", "./second", "--offline", *packages)
    if namespace:
        base = Base(python, world.root)
        try:
            base.spoil()
            check("with a spoilt base")
            base.hide()
            check("without its base")
        finally:
            base.restore()
    print(f"ok   {name:9} {python}  ({took:.1f} s to install{'' if namespace else '; base not spoilt: no mount namespace'})", flush=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("moat")
    ap.add_argument("--python", action="append")
    ap.add_argument("--stack", action="append", choices=sorted(STACKS))
    ap.add_argument("--store")
    args = ap.parse_args()
    namespace = in_own_mount_namespace()
    failed = False
    with World("stacks", args.moat, args.store) as all_of_them:
        all_of_them.require_index()
        store = args.store or all_of_them.root / "moat/store"
        for python in args.python or ["/usr/bin/python3"]:
            for name in args.stack or STACKS:
                with World(name, args.moat, store) as world:
                    try:
                        try_stack(world, python, name, namespace)
                    except AssertionError as failure:
                        print(f"FAIL {name} on {python}: {failure}", flush=True)
                        failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
