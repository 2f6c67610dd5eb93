"""`moat python install` and its family, with archives made from the interpreters that are here, in a folder and on loopback.

    pythons_test.py MOAT [Pythons.test_name…]
"""
import functools
import hashlib
import http.server
import io
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "transcripts")]
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

MACHINE = platform.machine()
TRIPLE = f"{MACHINE}-unknown-linux-gnu"
LEFT_OUT = ("test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "dist-packages", "__pycache__",
            "config-")


def found_pythons():
    """version → prefix: of pyenv's, which lie below one folder each and can be carried elsewhere."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))) / "versions"
    found = {}
    for prefix in sorted(root.glob("3.*")):
        parts = prefix.name.split(".")
        if len(parts) == 3 and all(p.isdigit() for p in parts) and int(parts[1]) >= 8 and (prefix / "bin/python3").exists():
            found[prefix.name] = prefix
    return found


PYTHONS = found_pythons()


def archive(prefix, top="python", compression="gz"):
    """A tar file in the layout of the relocatable builds, with what a Python needs to run."""
    line = ".".join(prefix.name.split(".")[:2])
    out = io.BytesIO()

    def keep(member):
        parts = pathlib.PurePath(member.name).parts
        return None if any(p == name or (name.endswith("-") and p.startswith(name)) for p in parts for name in LEFT_OUT) else member

    quick = {"compresslevel": 1} if compression == "gz" else {"preset": 0}
    with tarfile.open(fileobj=out, mode=f"w:{compression}", **quick) as tar:
        tar.add(os.path.realpath(prefix / "bin/python3"), f"{top}/bin/python{line}")
        for name in ("python3", "python"):
            link = tarfile.TarInfo(f"{top}/bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, f"python{line}"
            tar.addfile(link)
        tar.add(prefix / f"lib/python{line}", f"{top}/lib/python{line}", filter=keep)
        tar.add(prefix / f"include/python{line}", f"{top}/include/python{line}")
        for library in prefix.glob("lib/libpython*.so*"):
            tar.add(library, f"{top}/lib/{library.name}")
    return out.getvalue()


@functools.lru_cache(None)
def archive_of(version, **how):
    return archive(PYTHONS[version], **dict(how))


def small_tar(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text), 0o755
            tar.addfile(member, io.BytesIO(text))
    return out.getvalue()


def build(version, kind="install_only", triple=TRIPLE, date="20250101", suffix="tar.gz"):
    return f"cpython-{version}+{date}-{triple}-{kind}.{suffix}"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Pythons(sandbox.SandboxTest):
    @classmethod
    def setUpClass(cls):
        cls.versions = sorted(PYTHONS, key=lambda v: [int(p) for p in v.split(".")])
        cls.newest = cls.versions[-1]
        cls.line = ".".join(cls.newest.split(".")[:2])

    def setUp(self):
        super().setUp()
        self.mirror = self.root / "mirror"
        self.mirror.mkdir()
        self.sums = {}
        self.env["MOAT_PYTHON_MIRROR"] = str(self.mirror)

    def offer(self, name, content, digest=None):
        (self.mirror / name).write_bytes(content)
        self.sums[name] = digest or hashlib.sha256(content).hexdigest()
        (self.mirror / "SHA256SUMS").write_text("".join(f"{d}  {n}\n" for n, d in self.sums.items()))

    def installed(self):
        folder = self.root / "moat/data/pythons"
        return sorted(os.listdir(folder)) if folder.exists() else []

    def refused(self, *words, status, says):
        self.moat(*words, status=status)
        self.assertIn(says, self.said)
        self.assertEqual(self.installed(), [])

    def serve(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=self.mirror))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    # ---- what works

    def test_from_a_folder_to_an_environment_that_outlives_it(self):
        self.offer(build(self.newest), archive_of(self.newest))
        said = self.moat("python", "install", self.line)
        self.assertIn(f"+ cpython-{self.newest}", said)
        self.assertEqual(self.installed(), [f"cpython-{self.newest}"])
        self.moat("python", "install", self.newest)
        self.assertIn("already installed", self.said)
        found = self.moat("python", "find", self.line).strip()
        self.assertTrue(found.startswith(str(self.root / "moat/data/pythons")), found)
        listed = json.loads(self.moat("python", "list", "--json"))["interpreters"]
        self.assertEqual([i["version"] for i in listed if i["managed"]], [self.newest])
        self.moat("create", "env", "-p", self.line)
        self.moat("doctor", "--env", "env")
        stdlib = next((self.root / "moat/data/pythons").glob("*/lib/python3*"))
        self.assertIn("externally-managed", (stdlib / "EXTERNALLY-MANAGED").read_text())
        self.assertIn(f"- cpython-{self.newest}", self.moat("python", "uninstall", self.line, "--dry-run"))
        self.assertEqual(self.installed(), [f"cpython-{self.newest}"])
        self.moat("python", "uninstall", self.line)
        self.assertEqual(self.installed(), [])
        self.assertIn(self.newest, self.moat("run", "--env", "env", "python", "-V"))
        self.moat("doctor", "--env", "env")
        self.moat("python", "uninstall", self.line)
        self.assertIn("warning", self.said)

    def test_over_http(self):
        self.offer(build(self.newest), archive_of(self.newest))
        self.moat("python", "install", self.line, MOAT_PYTHON_MIRROR=self.serve())
        self.assertEqual(self.installed(), [f"cpython-{self.newest}"])
        self.moat("--offline", "python", "install", self.line, status=3, MOAT_PYTHON_MIRROR=self.serve())

    def test_the_right_one_of_many_kinds(self):
        real, wrong = archive_of(self.newest), b"never looked at"
        for name in (build("3.99.1", triple="sparc128-unknown-linux-gnu"), build("3.99.2", triple=f"{MACHINE}-unknown-linux-musl"),
                     build("3.99.3", triple=f"{MACHINE}_v3-unknown-linux-gnu"), build("3.99.4", triple=f"{MACHINE}-apple-darwin"),
                     build(self.newest, "debug-full"), build(self.newest, "freethreaded+pgo+lto-full"), build(self.newest, date="20240101"),
                     build(self.newest, "install_only"), build(self.newest, "pgo+lto-full"), "cpython-3.99.9.tar.gz", "notes.txt"):
            self.offer(name, wrong)
        self.offer(build(self.newest, "install_only_stripped"), real)
        available = json.loads(self.moat("python", "list", "--available", "--json"))["available"]
        self.assertEqual([(a["version"], a["free_threaded"], a["file"]) for a in available],
                         [(self.newest, False, build(self.newest, "install_only_stripped")),
                          (self.newest, True, build(self.newest, "freethreaded+pgo+lto-full"))])
        self.moat("python", "install", ">=3.8")
        self.assertEqual(self.installed(), [f"cpython-{self.newest}"])

    def test_archives_with_everything_in_them(self):
        self.offer(build(self.newest, "pgo+lto-full", suffix="tar.xz"), archive_of(self.newest, top="python/install", compression="xz"))
        self.moat("python", "install", self.newest)
        self.assertEqual(self.installed(), [f"cpython-{self.newest}"])

    def test_create_downloads_as_the_setting_says(self):
        self.offer(build(self.newest), archive_of(self.newest))
        self.moat("create", "env", "-p", self.newest, status=2)  # nobody can be asked
        self.moat("create", "env", "-p", self.newest, status=2, MOAT_PYTHON_DOWNLOADS="never")
        self.moat("create", "env", "-p", self.newest, status=2, MOAT_PYTHON_DOWNLOADS="sometimes")
        self.moat("create", "env", "-p", "3.99", status=2, MOAT_PYTHON_DOWNLOADS="auto")
        self.assertEqual(self.installed(), [])
        self.moat("create", "env", "-p", self.newest, MOAT_PYTHON_DOWNLOADS="auto")
        self.assertIn(f"installed cpython-{self.newest}", self.said)
        self.assertIn(self.newest, self.moat("run", "--env", "env", "python", "-V"))

    def test_a_projects_python_is_downloaded_too(self):
        self.offer(build(self.newest), archive_of(self.newest))
        (self.work / "pyproject.toml").write_text('[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.10"\n')
        self.moat("python", "pin", self.newest)
        self.assertIn("moat python install", self.said)
        self.moat("run", "python", "-V", MOAT_PYTHON_DOWNLOADS="auto")
        self.assertIn(self.newest, self.said)

    # ---- another Python for an environment

    def index(self):
        line = "%d.%d" % sys.version_info[:2]
        index = loopback_index.Index()
        for text in ("app 1.0 requires lib entry app=app:main", f"lib 1.0 requires-python <={line}.99", "lib 2.0 requires-python >=3.99",
                     f"lib 1.5 requires-python >{line}.99", "pinned 1.0", "pinned 2.0", f"old 1.0 requires-python <={line}.99"):
            index.add(text)
        server = loopback_index.serve(index)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.env["MOAT_INDEX_URL"] = server.url

    def test_packages_are_chosen_again_for_another_python_and_there_is_a_way_back(self):
        self.index()
        python, mine = PYTHONS[self.newest] / "bin/python3", "%d.%d.%d" % sys.version_info[:3]
        if sys.version_info[:2] >= tuple(int(p) for p in self.newest.split("."))[:2]:
            self.skipTest("needs a newer Python than " + sys.executable)
        self.moat("create", "env", "-p", sys.executable)
        self.moat("install", "--env", "env", "app", "pinned==1.0")
        self.assertEqual(self.moat("list", "--env", "env", "--format", "freeze").split(), ["app==1.0", "lib==1.0", "pinned==1.0"])
        (self.work / "env/own.txt").write_text("mine")
        said = self.moat("env", "upgrade-python", "--env", "env", "-p", python)
        self.assertIn(f"~ Python {mine} → {self.newest}", said)
        self.assertIn("~ lib 1.0 → 1.5", said)
        self.assertEqual(self.moat("list", "--env", "env", "--format", "freeze").split(), ["app==1.0", "lib==1.5", "pinned==1.0"])
        self.assertIn(self.newest, self.moat("run", "--env", "env", "python", "-V"))
        self.assertIn("app 1.0", self.moat("run", "--env", "env", "app"))
        self.assertIn("pinned==1.0", self.moat("env", "info", "--env", "env"))
        self.moat("doctor", "--env", "env")
        self.moat("env", "upgrade-python", "--env", "env", "-p", python)
        self.assertIn("the newest", self.said)

        self.moat("env", "rollback", "--env", "env")
        self.assertIn(mine, self.moat("run", "--env", "env", "python", "-V"))
        self.assertEqual(self.moat("list", "--env", "env", "--format", "freeze").split(), ["app==1.0", "lib==1.0", "pinned==1.0"])
        self.moat("doctor", "--env", "env")
        self.moat("env", "rollback", "--env", "env")
        self.assertIn(self.newest, self.moat("run", "--env", "env", "python", "-V"))

    def test_a_python_that_will_not_do_changes_nothing(self):
        self.index()
        if sys.version_info[:2] >= tuple(int(p) for p in self.newest.split("."))[:2]:
            self.skipTest("needs a newer Python than " + sys.executable)
        self.moat("create", "env", "-p", sys.executable)
        self.moat("install", "--env", "env", "old")
        before = self.tree("env")
        self.moat("env", "upgrade-python", "--env", "env", "-p", PYTHONS[self.newest] / "bin/python3", status=1)
        self.assertIn("old", self.said)
        self.moat("env", "upgrade-python", "--env", "env", "-p", "3.99", status=2)
        self.moat("env", "upgrade-python", "--env", "nosuch", status=2)
        self.assertEqual(self.tree("env"), before)

    # ---- pins

    def test_pins(self):
        self.moat("python", "pin", status=1)
        here = "%d.%d" % sys.version_info[:2]
        self.moat("python", "pin", here)
        self.assertEqual((self.work / ".python-version").read_text(), here + "\n")
        self.assertEqual(self.moat("python", "pin"), here + "\n")
        for bad in ("latest", "./python", "", "/usr/bin/python3"):
            self.moat("python", "pin", bad, status=2)
        (self.work / "pyproject.toml").write_text('[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.99"\n')
        self.moat("python", "pin", here, status=2)
        self.assertEqual((self.work / ".python-version").read_text(), here + "\n")
        (self.work / "sub").mkdir()
        (self.work / "pyproject.toml").write_text('[project]\nname = "p"\nversion = "1"\n')
        self.moat("--project", "sub", "python", "pin", "3.98")
        self.assertEqual((self.work / ".python-version").read_text(), "3.98\n")  # beside pyproject.toml

    # ---- what is refused

    def test_a_file_that_is_not_the_one_that_was_promised(self):
        self.offer(build(self.newest), archive_of(self.newest), digest="0" * 64)
        self.refused("python", "install", self.newest, status=1, says="sha256")

    def test_a_file_that_is_not_there(self):
        self.offer(build(self.newest), b"")
        (self.mirror / build(self.newest)).unlink()
        self.refused("python", "install", self.newest, status=3, says=build(self.newest))

    def test_archives_that_hold_no_such_python(self):
        for content, says in ((small_tar(**{"python/readme": b"nothing"}), "holds no Python"),
                              (small_tar(**{"python/bin/python3": b"#!/bin/sh\nexit 1\n"}), "python3"),
                              (small_tar(**{"python/../../evil": b"x"}), "leaves the archive"),
                              (b"no archive at all", build("3.99.0"))):
            with self.subTest(says):
                self.offer(build("3.99.0"), content)
                done = subprocess.run([sandbox.MOAT, "python", "install", "3.99.0"], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
                self.assertIn(done.returncode, (1, 3), done.stdout)
                self.assertIn(says, done.stdout)
                self.assertEqual(self.installed(), [])
        self.offer(build("3.98.7"), archive_of(self.newest))
        self.refused("python", "install", "3.98", status=1, says="not what its name says")

    def test_mirrors_and_specs_that_make_no_sense(self):
        self.refused("python", "install", self.newest, status=2, says="SHA256SUMS")
        self.offer(build(self.newest), b"")
        self.refused("python", "install", "3.99", status=2, says=f"available: cpython-{self.newest}")
        self.refused("python", "install", "newest", status=2, says="not a version of Python")
        self.refused("python", "install", status=2, says="SPEC")
        self.env["MOAT_PYTHON_MIRROR"] = self.serve() + "/nothing"
        self.refused("python", "install", self.newest, status=3, says="404")
        self.env["MOAT_PYTHON_MIRROR"] = "http://mirror.example/pythons"
        self.refused("python", "install", self.newest, status=1, says="mirror.example")

    def test_a_project_cannot_say_where_pythons_come_from(self):
        self.offer(build(self.newest), archive_of(self.newest))
        del self.env["MOAT_PYTHON_MIRROR"]
        (self.work / "pyproject.toml").write_text(f'[tool.moat]\npython-mirror = "{self.mirror}"\npython-downloads = "auto"\n')
        self.moat("--offline", "create", "env", "-p", self.newest, status=2)
        self.assertIn("a project cannot set it", self.said)
        self.assertEqual(self.installed(), [])


if __name__ == "__main__":
    if not PYTHONS:
        print("needs Pythons of pyenv, to make relocatable ones from")
        sys.exit(77)
    sandbox.main()
