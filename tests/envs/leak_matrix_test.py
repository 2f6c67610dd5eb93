#!/usr/bin/env python3
"""The leak matrix: does anything outside an environment reach it, or it anything outside?

    leak_matrix_test.py --python WHICH --create 'PROGRAM create {env} --python {base} --store {store}'

A throw-away real copy of an interpreter is the base, with run paths and build settings of its own. Each probe perturbs
one thing, proves with the base itself that the perturbation is real (the control: without it a probe passes for the
wrong reason), looks from inside the environment, and undoes it. WHICH: "debian" (/usr/bin/python3) or "3.11" (pyenv's).
Exit status 77 where that interpreter is not here.
"""
import argparse
import contextlib
import glob
import json
import os
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile

SKIPPED = 77
LEFT_OUT = {"test", "tests", "idlelib", "turtledemo", "site-packages", "dist-packages", "__pycache__",
            "sitecustomize.py", "EXTERNALLY-MANAGED", "ensurepip"}
# What an interpreter says of itself, for comparison with what it should be.
WHO = """
import sys, os, json
for name in ("ssl", "ctypes", "sqlite3", "textwrap"):
    try:
        __import__(name)
    except ImportError:
        pass
maps = sorted({line.split(None, 5)[5].strip() for line in open("/proc/self/maps") if "/" in line})
print(json.dumps({"version": sys.version.split()[0], "prefix": sys.prefix, "base_prefix": sys.base_prefix,
                  "stdlib": os.path.dirname(os.__file__), "maps": maps, "path": sys.path, "executable": sys.executable}))
"""


class Failed(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failed(what)


def control(condition, what):
    expect(condition, "CONTROL: " + what)


def run(argv, variables=None, cwd="/", argv0=None):
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.update(variables or {})
    environment = {key: value for key, value in environment.items() if value is not None}
    return subprocess.run([argv0 or argv[0]] + argv[1:], executable=argv[0], env=environment, cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=120)


@contextlib.contextmanager
def changed(path, text=None, append=None, binary=None):
    """The file with another content for a while: text, its own with more, bytes, or gone (none of them)."""
    old = None
    if os.path.lexists(path):
        old = path + ".kept"
        os.rename(path, old)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    if append is not None:
        with open(old) as source:
            text = source.read() + append
    if text is not None or binary is not None:
        with open(path, "wb") as out:
            out.write(text.encode() if binary is None else binary)
        if old:
            shutil.copymode(old, path)
    try:
        yield path
    finally:
        if os.path.lexists(path):
            os.unlink(path)
        if old:
            os.rename(old, path)


def set_run_path(path, new):
    """Overwrites DT_RUNPATH in place; False where it does not fit."""
    with open(path, "r+b") as file:
        data = file.read()
        if data[:5] != b"\x7fELF\x02":
            return True
        headers, = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        loads, dynamic = [], None
        for i in range(count):
            kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, headers + i * size)
            if kind == 1:
                loads.append((address, offset, length))
            elif kind == 2:
                dynamic = offset
        if dynamic is None:
            return True
        strings = entry = None
        while True:
            tag, value = struct.unpack_from("<QQ", data, dynamic)
            if tag == 0:
                break
            strings = value if tag == 5 else strings
            entry = value if tag in (15, 29) else entry
            dynamic += 16
        if entry is None:
            return True
        at = next(offset + strings - address for address, offset, length in loads
                  if address <= strings < address + length) + entry
        old = data[at:data.index(b"\0", at)]
        if len(new) > len(old):
            return False
        file.seek(at)
        file.write(new.encode().ljust(len(old), b"\0"))
    return True


class Base:
    """A copy of an interpreter that may be damaged."""

    def __init__(self, python, folder):
        facts = json.loads(subprocess.run([python, "-I", "-S", "-c", """
import sys, os, json, sysconfig
g = sysconfig.get_config_var
print(json.dumps({"exe": os.path.realpath(sys.executable), "prefix": sys.base_prefix,
                  "stdlib": os.path.dirname(os.__file__), "include": sysconfig.get_path("include", "posix_prefix"),
                  "lib": os.path.join(g("LIBDIR") or "", g("INSTSONAME") or "x"), "minor": sys.version_info[1]}))
"""], stdout=subprocess.PIPE, check=True).stdout)
        self.minor = facts["minor"]
        self.name = "python3.%d" % self.minor
        self.folder = folder
        self.python = os.path.join(folder, "bin", self.name)
        self.stdlib = os.path.join(folder, "lib", self.name)
        os.makedirs(os.path.dirname(self.python))
        shutil.copy2(facts["exe"], self.python)
        shutil.copytree(facts["stdlib"], self.stdlib, ignore_dangling_symlinks=True,
                        ignore=lambda _, names: [n for n in names if n in LEFT_OUT or n.endswith((".a", ".o"))])
        if os.path.isdir(facts["include"]):
            shutil.copytree(facts["include"], os.path.join(folder, "include", os.path.basename(facts["include"])))
        self.library = None
        linked = subprocess.run(["ldd", facts["exe"]], stdout=subprocess.PIPE, universal_newlines=True).stdout
        if "libpython" in linked and os.path.exists(facts["lib"]):
            self.library = os.path.join(folder, "lib", os.path.basename(facts["lib"]))
            shutil.copy2(facts["lib"], self.library)
        run_path = os.path.join(folder, "lib")
        programs = [self.python] + ([self.library] if self.library else []) + glob.glob(self.stdlib + "/lib-dynload/*.so")
        for program in programs:
            expect(set_run_path(program, run_path), "the run path of the copy does not fit; choose a shorter folder")
        self.sysconfig = next(f for f in glob.glob(self.stdlib + "/_sysconfigdata*.py") if not os.path.islink(f))
        if facts["prefix"] != "/usr":
            with open(self.sysconfig) as source:
                text = source.read().replace(facts["prefix"], folder)
            with open(self.sysconfig, "w") as out:
                out.write(text)

        # Debian's has another name, and is another folder than site-packages.
        self.site = self.python_says("import site; print(site.getsitepackages()[0])").stdout.strip()
        os.makedirs(self.site, exist_ok=True)

    def module(self, name):
        return os.path.join(self.stdlib, name)

    def python_says(self, code, variables=None):
        return run([self.python, "-c", code], variables)


class Matrix:
    def __init__(self, which, create, folder):
        self.folder = folder
        self.create_command = create
        self.base = Base(which, os.path.join(folder, "b"))
        self.store = os.path.join(folder, "store")
        self.version = json.loads(self.base.python_says(WHO).stdout)["version"]
        # A package in the base, which no environment may ever see.
        with open(os.path.join(self.base.site, "leakpkg.py"), "w") as out:
            out.write("MARK = 1\n")
        self.a = self.create("a")
        self.b = self.create("b_env")

    def create(self, name):
        env = os.path.join(self.folder, name)
        command = [part.format(env=env, base=self.base.python, store=self.store)
                   for part in shlex.split(self.create_command)]
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                              env=dict(os.environ, MOAT_STORE_DIR=self.store, MOAT_COMPILE="now"))
        expect(made.returncode == 0, "create failed: " + made.stderr)
        return env

    def python(self, env=None):
        return os.path.join(env or self.a, "bin", "python")

    def rt(self, env=None):
        return os.path.join(env or self.a, ".moat", "rt")

    def rt_stdlib(self, env=None):
        return os.path.join(self.rt(env), "lib", self.base.name)

    def says(self, code, variables=None, env=None, **more):
        return run([self.python(env), "-c", code], variables, **more)

    def whole(self, env=None, variables=None, **more):
        """The environment runs, on its own files, and on nothing of the base."""
        env = env or self.a
        result = self.says(WHO, variables, env, **more)
        expect(result.returncode == 0, "does not start: " + result.stderr[-300:])
        who = json.loads(result.stdout)
        expect(who["version"] == self.version, "is version " + who["version"])
        expect(who["prefix"] == env, "prefix is " + who["prefix"])
        expect(who["base_prefix"] == self.rt(env), "base_prefix is " + who["base_prefix"])
        expect(who["stdlib"] == self.rt_stdlib(env), "stdlib is " + who["stdlib"])
        outside = [p for p in who["maps"] + who["path"] if p.startswith((self.base.folder + "/", self.store + "/"))
                   or (p.startswith("/") and "python3" in p and not p.startswith(env + "/"))]
        expect(not outside, "uses " + ", ".join(outside))
        expect(run([self.python(env), "-c", "import leakpkg"], variables, **more).returncode != 0, "imports leakpkg")

    def sees(self, code, **more):
        return self.says(code, **more).returncode == 0

    def base_sees(self, code, variables=None):
        return self.base.python_says(code, variables).returncode == 0


PROBES = []


def probe(since=0, until=99, shared=False):
    def register(function):
        PROBES.append((function.__name__, function, since, until, shared))
        return function
    return register


MARK = "import textwrap; textwrap.MARK"
LEAK = "import leakmod"


# --- the base -> the environment

@probe()
def base_site_packages(m):
    control(m.base_sees("import leakpkg"), "the base has the package")
    m.whole()
    with changed(os.path.join(m.base.site, "x.pth"), "import sys; sys.leaked = 1\n"):
        control(m.base_sees("import sys; sys.leaked"), "the .pth runs in the base")
        expect(not m.sees("import sys; sys.leaked"), "the base's .pth runs")


@probe()
def base_stdlib_edit(m):
    with changed(m.base.module("textwrap.py"), append="\nMARK = 1\n"):
        control(m.base_sees(MARK), "the base sees its edit")
        expect(not m.sees(MARK), "sees the edit")
        fresh = m.create("after_edit")
        expect(m.sees(MARK, env=fresh), "a new environment follows the base")
        expect(not m.sees(MARK), "the old one does not")
    shutil.rmtree(fresh)


@probe()
def base_stdlib_new(m):
    for place in (m.base.module("leakmod.py"), m.base.module("sitecustomize.py"), m.base.module("lib-dynload/leakmod.py")):
        name = os.path.basename(place)[:-3]
        with changed(place, "import sys; sys.leaked = 1\n"):
            code = "import %s, sys; sys.leaked" % name
            control(m.base_sees(code), "the base imports " + name)
            expect(not m.sees(code), "imports " + place)


@probe()
def base_stdlib_deleted(m):
    with changed(m.base.module("textwrap.py")):
        control(not m.base_sees("import textwrap"), "gone from the base")
        m.whole()


@probe(since=7)
def base_bytecode_poisoned(m):
    source = os.path.join(m.folder, "poison.py")
    target = m.base.module("__pycache__/textwrap.cpython-3%d.pyc" % m.base.minor)
    with changed(source, "MARK = 1\n"):
        code = ("import py_compile; py_compile.compile(%r, %r, doraise=True, "
                "invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)" % (source, source + "c"))
        control(m.base_sees(code), "compiles")
    with open(source + "c", "rb") as file, changed(target, binary=file.read()):
        control(m.base_sees(MARK), "the base runs the poisoned bytecode")
        expect(not m.sees(MARK), "runs the poisoned bytecode")


def zip_with_module(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("leakmod.py", "MARK = 1\n")


@probe()
def base_stdlib_zip(m):
    path = os.path.join(m.base.folder, "lib", "python3%d.zip" % m.base.minor)
    with changed(path):
        zip_with_module(path)
        control(m.base_sees(LEAK), "the base reads its zip")
        expect(not m.sees(LEAK), "reads the base's zip")
        m.whole()


@probe(since=11)
def ancestor_zip(m):
    path = os.path.join(m.folder, "lib", "python3%d.zip" % m.base.minor)
    with changed(path):
        zip_with_module(path)
        control(m.base.python_says("import sys; sys.exit(sys.prefix != %r)" % m.base.folder).returncode != 0,
                "the base is led astray")
        m.whole()


@probe(shared=True)
def base_library_replaced(m):
    with changed(m.base.library, "not a library"):
        control(not m.base_sees("pass"), "the base does not start")
        m.whole()


@probe()
def base_binary_swapped(m):
    with changed(m.base.python, "#!/bin/sh\necho swapped; exit 1\n"):
        control(m.base.python_says("pass").stdout == "swapped\n", "the base's binary is another")
        m.whole()


@probe()
def base_removed(m):
    away = m.base.folder + ".away"
    os.rename(m.base.folder, away)
    try:
        control(not os.path.exists(m.base.python), "the base is gone")
        m.whole()
    finally:
        os.rename(away, m.base.folder)


@probe()
def base_build_variables(m):
    ask = "import sysconfig, sys; sys.exit(sysconfig.get_config_var('CC') != 'leaky-cc')"
    with open(m.base.sysconfig) as source:
        text = source.read()
    with changed(m.base.sysconfig, text + "\nbuild_time_vars['CC'] = 'leaky-cc'\n"):
        control(m.base_sees(ask), "the base's settings changed")
        expect(not m.sees(ask), "takes the base's settings")


@probe()
def base_in_build_variables(m):
    ask = ("import sysconfig, json; print(json.dumps([k for k, v in sysconfig.get_config_vars().items() "
           "if isinstance(v, str) and (%r in v or '@MOAT' in v)]))" % (m.base.folder + "/"))
    control(json.loads(m.base.python_says(ask).stdout), "the base's settings name the base")
    names = json.loads(m.says(ask).stdout)
    expect(not names, "build settings name the base: " + ", ".join(names))


@probe(until=11)
def base_distutils_cfg(m):
    ask = ("import warnings; warnings.simplefilter('ignore')\nfrom distutils.dist import Distribution as D; d = D()\n"
           "d.parse_config_files(); d.get_option_dict('install')['prefix']")
    if not m.base_sees("import distutils.dist"):
        return
    with changed(m.base.module("distutils/distutils.cfg"), "[install]\nprefix=/leak\n"):
        control(m.base_sees(ask), "the base reads distutils.cfg")
        expect(not m.sees(ask), "reads the base's distutils.cfg")


@probe(since=11)
def base_pth_beside_binary(m):
    path = os.path.join(os.path.dirname(m.base.python), m.base.name + "._pth")
    with changed(path, m.base.stdlib + "\n/leaked\n"):
        control(m.base_sees("import sys; sys.path.index('/leaked')"), "the base obeys its ._pth")
        m.whole()


@probe(since=11)
def base_pybuilddir(m):
    with changed(os.path.join(os.path.dirname(m.base.python), "pybuilddir.txt"), "nowhere"):
        m.whole()


@probe()
def escapes_to_the_base(m):
    for code in ("os.path.realpath(sys.executable)", "getattr(sys, '_base_executable', None) or sys.executable",
                 "os.path.join(sys.base_prefix, 'bin', 'python3')"):
        path = m.says("import sys, os; print(%s)" % code).stdout.strip()
        expect(path.startswith(m.a + "/"), code + " is " + path)
        expect(run([path, "-c", "import leakpkg"]).returncode != 0, code + " imports leakpkg")
        expect(run([path, "-c", "pass"]).returncode == 0, code + " does not start")


@probe()
def launched_by_another_name(m):
    link = os.path.join(m.folder, "py")
    os.symlink(m.python(), link)
    try:
        result = run([link, "-c", "import sys; print(sys.prefix)"])
        expect(result.stdout.strip() == m.a, "by a link: " + result.stdout + result.stderr)
    finally:
        os.unlink(link)
    for name in ("python3", m.base.name, "x"):
        m.whole(variables={"PATH": os.path.dirname(m.base.python) + ":/usr/bin:/bin"}, argv0=name)


@probe()
def nested_venv(m):
    nested = os.path.join(m.folder, "nested")
    for links in (True, False):
        made = m.says("import venv; venv.create(%r, system_site_packages=True, symlinks=%r)" % (nested, links))
        if "No module named" in made.stderr:
            return  # Debian has venv in a package of its own
        expect(made.returncode == 0, made.stderr)
        try:
            python = os.path.join(nested, "bin", "python")
            result = run([python, "-c", "import sys, os; print(sys.prefix, sys.base_prefix, os.path.dirname(os.__file__))"])
            expect(result.stdout.split() == [nested, m.rt(), m.rt_stdlib()], result.stdout + result.stderr)
            expect(run([python, "-c", "import leakpkg"]).returncode != 0, "imports leakpkg")
        finally:
            shutil.rmtree(nested)


# --- the user and the shell -> the environment

@probe()
def user_site(m):
    home = os.path.join(m.folder, "home")
    site = os.path.join(home, ".local", "lib", m.base.name, "site-packages")
    with changed(os.path.join(site, "leakmod.py"), ""), changed(os.path.join(site, "x.pth"), "import sys; sys.leaked = 1\n"), \
            changed(os.path.join(site, "usercustomize.py"), "import sys; sys.leaked = 1\n"):
        for variables in ({"HOME": home}, {"PYTHONUSERBASE": os.path.join(home, ".local")}):
            control(m.base_sees(LEAK + ", sys; sys.leaked", variables), "the base sees the user's packages")
            expect(not m.sees(LEAK, variables=variables), "sees the user's packages")
            expect(not m.sees("import sys; sys.leaked", variables=variables), "runs the user's .pth")
            m.whole(variables=variables)


@probe()
def variables_that_redirect(m):
    for variables in ({"PYTHONHOME": m.base.folder}, {"PYTHONHOME": "/nowhere"}, {"PYTHONPLATLIBDIR": "nowhere"},
                      {"PYTHONEXECUTABLE": m.base.python}, {"__PYVENV_LAUNCHER__": m.base.python},
                      {"_PYTHON_SYSCONFIGDATA_NAME": "nowhere"}):
        m.whole(variables=variables)
    control(not m.base_sees("pass", {"PYTHONHOME": "/nowhere"}), "PYTHONHOME breaks the base")


@probe(shared=True)
def library_path(m):
    folder = os.path.join(m.folder, "libs")
    with changed(os.path.join(folder, os.path.basename(m.base.library)), "not a library"):
        control(not m.base_sees("pass", {"LD_LIBRARY_PATH": folder}), "DT_RUNPATH loses to LD_LIBRARY_PATH")
        m.whole(variables={"LD_LIBRARY_PATH": folder})


@probe()
def python_path(m):
    project = os.path.join(m.folder, "project")
    with changed(os.path.join(project, "leakmod.py"), ""):
        expect(m.sees(LEAK, variables={"PYTHONPATH": project}), "a project's own folder is honoured")
        site = os.path.join(m.b, "lib", m.base.name, "site-packages")
        with changed(os.path.join(site, "only_in_b.py"), ""):
            expect(m.sees("import only_in_b", env=m.b), "the other environment has it")
            expect(not m.sees("import only_in_b", variables={"PYTHONPATH": site}), "another environment's packages")
        for foreign in (m.base.site, m.base.stdlib, m.base.site + ":" + project):
            m.whole(variables={"PYTHONPATH": foreign})
        expect(m.sees(LEAK, variables={"PYTHONPATH": m.base.site + ":" + project}), "the rest of it is kept")


# --- the environment -> outside

def listing(folder):
    return sorted((os.path.join(where, name), os.lstat(os.path.join(where, name)).st_mtime_ns)
                  for where, _, names in os.walk(folder) for name in names)


@probe()
def writes_nothing_outside(m):
    for cache in glob.glob(m.base.folder + "/**/__pycache__", recursive=True):
        shutil.rmtree(cache)
    before = listing(m.base.folder), listing(m.store)
    result = m.says("import asyncio, unittest, json, ssl, decimal", variables={"PYTHONDONTWRITEBYTECODE": None})
    expect(result.returncode == 0, result.stderr)
    expect((listing(m.base.folder), listing(m.store)) == before, "something was written")
    m.base.python_says("import asyncio", {"PYTHONDONTWRITEBYTECODE": None})
    control(listing(m.base.folder) != before[0], "the base itself writes there")


@probe()
def edit_in_place(m):
    path = os.path.join(m.rt_stdlib(), "textwrap.py")
    with open(path, "a") as out:  # no rename: the very bytes, as an editor or `sed -i` on a link would
        out.write("\nMARK = 1\n")
    expect(m.sees(MARK), "edits of one's own are seen")
    expect(not m.sees(MARK, env=m.b), "another environment sees the edit")
    expect(not m.base_sees(MARK), "the base sees the edit")
    fresh = m.create("fresh")
    expect(not m.sees(MARK, env=fresh), "a new environment sees the edit")
    shutil.rmtree(fresh)
    cache = glob.glob(os.path.join(m.rt_stdlib(m.b), "__pycache__", "textwrap.*.pyc"))[0]
    with open(cache, "ab") as out:
        out.write(b"poison")
    m.whole(env=m.create("fresh2"))
    shutil.rmtree(m.a)
    shutil.rmtree(m.b)
    m.a, m.b = m.create("a"), m.create("b_env")


@probe()
def copied_and_moved(m):
    copy, moved = os.path.join(m.folder, "copy"), os.path.join(m.folder, "moved")
    shutil.copytree(m.b, copy, symlinks=True)
    m.whole(env=copy)
    os.rename(m.b, moved)
    m.whole(env=moved)
    m.whole(env=copy)
    os.rename(moved, m.b)
    m.whole(env=m.b)


def find_python(which):
    if which == "debian":
        return "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else None
    found = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/%s.*/bin/python3" % which)))
    return found[-1] if found else None


def short_folder():
    """In memory where there is room, and with a short name: run paths are overwritten in place."""
    memory = os.statvfs("/dev/shm") if os.path.isdir("/dev/shm") else None
    roomy = memory and memory.f_bavail * memory.f_frsize > 2 << 30 and os.access("/dev/shm", os.W_OK)
    return tempfile.mkdtemp(prefix="m", dir="/dev/shm" if roomy else None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", required=True)
    parser.add_argument("--create", required=True)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    python = find_python(options.python)
    if not python:
        print(options.python, "is not on this machine")
        return SKIPPED
    folder = os.path.realpath(short_folder())
    failures = 0
    try:
        matrix = Matrix(python, options.create, folder)
        for name, function, since, until, shared in PROBES:
            if options.only and name not in options.only:
                continue
            if not since <= matrix.base.minor <= until or (shared and not matrix.base.library):
                print("-     ", name)
                continue
            try:
                function(matrix)
                matrix.whole()
                print("ok    ", name)
            except Failed as failure:
                failures += 1
                print("FAILED", name + ":", failure)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["chmod", "-R", "u+w", folder], stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
