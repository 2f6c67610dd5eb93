"""What `moat deploy` promises: at any moment `current` names a complete release, and what fails leaves what was live.

    deploy_test.py MOAT [TestClass.test_name…]

MOAT_DEPLOY_POINTS=500 breaks it in so many places instead of a few. What needs strace, unshare or root skips itself
without.
"""
import base64
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

POINTS = int(os.environ.get("MOAT_DEPLOY_POINTS", "4"))
CHANGES = ["openat", "write", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "unlink", "unlinkat", "link", "linkat", "symlink",
           "symlinkat", "fsync", "fdatasync", "syncfs", "chmod", "fchmodat", "utimensat", "close", "clone3", "exit_group"]
ERRORS = {"ENOSPC": ["write", "openat", "mkdir", "mkdirat", "rename", "symlink", "fsync", "copy_file_range"],
          "EIO": ["write", "fsync", "syncfs", "rename", "unlink"], "EDQUOT": ["write", "mkdir", "link", "symlink"]}


def may(*words):
    """Is there such a program, and may it do that here?"""
    return shutil.which(words[0]) is not None and subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


CAN_TRACE = may("strace", "-qq", "-o", "/dev/null", "true")
CAN_CUT_OFF = may("unshare", "-n", "true")


class Deploys(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        index = loopback_index.Index()
        for line in ("shop 1.0 requires lib entry shop=shop:main uploaded 2024-03-01", "shop 2.0 requires lib entry shop=shop:main uploaded 2024-05-01",
                     "shop 3.0 requires lib entry shop=shop:main uploaded 2024-06-01", "lib 1.0 uploaded 2024-01-01"):
            index.add(line)
        server = loopback_index.serve(index)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.env["MOAT_INDEX_URL"] = server.url
        for version in "123":
            self.bundle(version)
        self.dest = self.work / "srv"

    def bundle(self, version, *options):
        (self.work / "shop.in").write_text(f"shop=={version}.0\n")
        self.moat("lock", "-r", "shop.in", "-o", f"pylock.shop{version}.toml")
        self.moat("bundle", f"pylock.shop{version}.toml", "-o", f"{version}.moat", "--name", "shop", *options)

    def deploy(self, version, *options, status=0, **variables):
        return self.moat("deploy", f"{version}.moat", self.dest, "--insecure", *options, status=status, **variables)

    def live(self, dest=None):
        """What the program that is live says of itself."""
        program = (dest or self.dest) / "current/bin/shop"
        return subprocess.run([program], stdout=subprocess.PIPE, universal_newlines=True, check=True, env={"PATH": "/usr/bin:/bin"}).stdout.split()[-1]

    def files_of_live(self):
        """What its lists say: path, hash, size, mode."""
        release = (self.dest / "current").resolve()
        return [(release / ".moat" / name).read_text() for name in ("manifest", "bytecode")]

    def status(self):
        return json.loads(self.moat("deploy", "status", self.dest, "--json"))

    # ---- without anything ----

    def test_machine_without_network_home_and_python(self):
        if not CAN_CUT_OFF:
            self.skipTest("needs unshare -n")
        self.bundle("1", "--with-python")
        tools, home, dest = self.root / "bare-tools", self.root / "bare-home", self.root / "bare-srv"
        for folder in (tools, home):
            folder.mkdir()
        for tool in ("sh", "grep"):
            (tools / tool).symlink_to(shutil.which(tool))
        env = {"PATH": str(tools), "HOME": str(home), "LANG": "C.UTF-8"}
        done = subprocess.run([shutil.which("unshare"), "-n", sandbox.MOAT, "deploy", str(self.work / "1.moat"), str(dest), "--insecure",
                               "--check", "shop | grep 1.0"], env=env, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.live(dest), "1.0")
        release = (dest / "current").resolve()
        self.assertFalse((release / "bin/pip").exists(), "a release has no pip")
        doctor = subprocess.run([sandbox.MOAT, "doctor", "--env", str(release)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        self.assertEqual(doctor.returncode, 0, doctor.stdout)
        # The store is a cache: without it the release goes on.
        shutil.rmtree(home, ignore_errors=True)
        self.assertEqual(self.live(dest), "1.0")

    def test_same_bundle_from_another_store(self):
        first = (self.work / "1.moat").read_bytes()
        other = self.root / "other"
        (other / "store").mkdir(parents=True)
        (other / "store/runtimes").symlink_to(sandbox.SHARED)
        elsewhere = self.root / "elsewhere"
        elsewhere.mkdir()
        shutil.copy(self.work / "pylock.shop1.toml", elsewhere)
        self.moat("bundle", elsewhere / "pylock.shop1.toml", "-o", "other.moat", "--name", "shop", MOAT_HOME=str(other))
        self.assertEqual((self.work / "other.moat").read_bytes(), first)

    def test_bytecode_comes_along(self):
        self.bundle("1", "--with-bytecode")
        shown = self.moat("bundle", "show", "1.moat")
        self.assertIn("bytecode  included", shown)
        self.assertTrue(json.loads(self.moat("bundle", "show", "1.moat", "--json"))["targets"][0]["with_bytecode"])
        store = self.root / "fresh"
        (store / "store").mkdir(parents=True)
        (store / "store/runtimes").symlink_to(sandbox.SHARED)
        self.deploy("1", "--timings", MOAT_HOME=str(store))
        self.assertNotIn("compile", self.said, "nothing is compiled where it is deployed")
        self.assertEqual(self.live(), "1.0")
        site = next((self.dest / "current/lib").glob("*/site-packages"))
        names = {path.name.split(".")[0] for path in site.glob("**/__pycache__/*.pyc")}
        self.assertEqual(names, {"__init__"})
        # It is placed straight from the bundle, and by way of the store no other.
        self.assertEqual([*(store / "store").glob("wheels/*"), *(store / "store").glob("pycs/*"), *(store / "store").glob("tmp/*")], [])
        placed = self.files_of_live()
        self.moat("image", "1.moat", "-o", "image.tar", MOAT_HOME=str(store))
        self.deploy("2", MOAT_HOME=str(store))
        self.deploy("1", MOAT_HOME=str(store))
        self.assertEqual(self.files_of_live(), placed)
        # It is nobody else's: the bundle alone vouches for it.
        kept = sorted(path.name for path in (store / "store/pycs").glob("*/*-*-*-*"))
        self.assertTrue(kept)
        for name in kept:
            self.assertRegex(name, r"-[0-9a-f]{8}-[0-9a-f]{16}$")
        without = self.root / "without"
        (without / "store").mkdir(parents=True)
        (without / "store/runtimes").symlink_to(sandbox.SHARED)
        self.bundle("2")
        self.deploy("2", "--timings", MOAT_HOME=str(without))
        self.assertIn("compile", self.said)
        # The same bytes from another store.
        first = (self.work / "1.moat").read_bytes()
        self.moat("bundle", "pylock.shop1.toml", "-o", "again.moat", "--name", "shop", "--with-bytecode", MOAT_HOME=str(store))
        self.assertEqual((self.work / "again.moat").read_bytes(), first)
        # By default with a Python; a bundle for several Pythons brings what is for the one that is here.
        self.bundle("1", "--with-python")
        self.assertIn("bytecode  included", self.moat("bundle", "show", "1.moat"))
        self.bundle("1", "--with-python", "--without-bytecode")
        self.assertNotIn("bytecode", self.moat("bundle", "show", "1.moat"))
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        other = "3.13" if here == "3.14" else "3.14"
        self.moat("lock", "-r", "shop.in", "-o", "pylock.next.toml", "--python-version", here, "--python-version", other)
        self.moat("bundle", "pylock.next.toml", "-o", "x", "--name", "shop", "--python-version", other, "--with-bytecode", status=2)
        self.assertIn(f"`--with-bytecode` requires CPython {other}", self.said)

    def test_python_comes_straight_from_the_bundle(self):
        self.bundle("1", "--with-python")
        home = self.root / "fresh"
        home.mkdir()
        self.deploy("1", MOAT_HOME=str(home))
        self.assertEqual(self.live(), "1.0")
        self.assertEqual([str(p) for part in ("wheels", "pycs", "runtimes", "tmp") for p in (home / "store").glob(part + "/*")], [])
        placed = self.files_of_live()
        self.assertIn("unchanged", self.moat("deploy", "verify", self.dest, MOAT_HOME=str(home)))
        # The same by way of the store.
        self.moat("image", "1.moat", "-o", "image.tar", MOAT_HOME=str(home))
        self.assertEqual(len(list((home / "store/runtimes").iterdir())), 1)
        self.deploy("2", MOAT_HOME=str(home))
        self.deploy("1", MOAT_HOME=str(home))
        self.assertEqual(self.files_of_live(), placed)

    def test_wheel_whose_record_is_wrong(self):
        """Which shows only when its files are read: it goes by way of the store, as such wheels did before."""
        links = self.root / "links"
        links.mkdir()
        info = "odd-1.0.dist-info"
        files = {"odd.py": "whole = 12", f"{info}/METADATA": "Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n",
                 f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
        hashes = {name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=") for name, text in files.items()}
        for version, of_module in (("hash", f"odd.py,sha256={'A' * 43},10\n"), ("row", "")):
            rows = [f"{name},sha256={hashes[name]},{len(text)}\n" for name, text in files.items() if name != "odd.py"]
            with zipfile.ZipFile(links / "odd-1.0-py3-none-any.whl", "w") as wheel:
                for name, text in files.items():
                    wheel.writestr(name, text)
                wheel.writestr(f"{info}/RECORD", "".join([of_module, *rows]) + f"{info}/RECORD,,\n")
            file = links / "odd-1.0-py3-none-any.whl"
            (self.work / "odd.in").write_text(f"odd @ {file.as_uri()}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}\n")
            self.moat("lock", "-r", "odd.in", "-o", "pylock.odd.toml", "--no-index")
            self.moat("bundle", "pylock.odd.toml", "-o", "odd.moat", "--name", "odd", "--with-bytecode", "--no-index")
            home, dest = self.root / f"home-{version}", self.root / f"dest-{version}"
            (home / "store").mkdir(parents=True)
            (home / "store/runtimes").symlink_to(sandbox.SHARED)
            self.moat("deploy", "odd.moat", dest, "--insecure", MOAT_HOME=str(home))
            said = subprocess.run([dest / "current/bin/python", "-c", "import odd; print(odd.whole)"], stdout=subprocess.PIPE, universal_newlines=True, check=True)
            self.assertEqual(said.stdout, "12\n")
            self.assertEqual(len(list((home / "store/wheels").iterdir())), 1)
            self.assertIn("unchanged", self.moat("deploy", "verify", dest))

    def test_several_targets(self):
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        (self.work / "shop.in").write_text("shop==1.0\n")
        where = ["--platform", "linux-x86_64", "--platform", "linux-aarch64", "--python-version", here, "--python-version", "3.14"]
        self.moat("lock", "-r", "shop.in", "-o", "pylock.many.toml", *where)
        self.moat("bundle", "pylock.many.toml", "-o", "many.moat", "--name", "shop", *where)
        self.assertIn("4 targets, 2 wheels", self.said)
        targets = json.loads(self.moat("bundle", "show", "many.moat", "--json"))["targets"]
        self.assertEqual(sorted({t["architecture"] for t in targets}), ["aarch64", "x86_64"])
        self.assertEqual(sorted({t["python"] for t in targets}), sorted({f"CPython {here}", "CPython 3.14"}))
        components = json.loads(self.moat("bundle", "show", "1.moat", "--sbom"))["components"]
        self.assertEqual(sorted(c["name"] for c in components), ["lib", "shop"])
        self.deploy("many")
        self.assertEqual(self.live(), "1.0")
        again = self.root / "again"
        again.mkdir()
        self.moat("bundle", "pylock.many.toml", "-o", again / "many.moat", "--name", "shop", *where, MOAT_HOME=str(again))
        self.assertEqual((again / "many.moat").read_bytes(), (self.work / "many.moat").read_bytes())
        # What cannot go there is said before anything is fetched.
        self.moat("bundle", "pylock.many.toml", "-o", "x", "--platform", "linux-aarch64", "--with-python", status=2)
        self.moat("bundle", "pylock.many.toml", "-o", "x", "--platform", "win_amd64", status=2)
        self.assertIn("is not Linux", self.said)
        self.moat("bundle", "pylock.many.toml", "-o", "foreign", "--name", "shop", "--platform", "linux-aarch64")
        (self.work / "foreign").rename(self.work / "foreign.moat")
        self.deploy("foreign", status=1)
        self.assertIn("is for aarch64", self.said)

    def test_of_an_environment(self):
        self.moat("create", "env")
        self.moat("install", "--env", "env", "shop==1.0")
        self.moat("bundle", "--env", "./env", "-o", "env.moat", "--name", "shop")
        self.deploy("env")
        self.assertEqual(self.live(), "1.0")
        self.moat("bundle", "pylock.shop1.toml", "--env", "./env", "-o", "x", status=2)
        # What was built here nobody vouches for.
        source = self.work / "own"
        source.mkdir()
        for path, text in loopback_index.tree("own", "1.0", [], "static").items():
            (source / path).write_text(text)
        self.moat("install", "--env", "env", "./own")
        self.moat("bundle", "--env", "./env", "-o", "x", status=1)
        self.assertIn("no index has the own 1.0", self.said)

    def test_project_comes_along(self):
        project = self.work / "project"
        project.mkdir()
        for path, text in loopback_index.tree("web", "4.0", ["lib"], "static").items():
            (project / path).write_text(text)
        self.moat("--project", "project", "lock")
        self.moat("--project", "project", "bundle", "-o", "web.moat")
        shown = json.loads(self.moat("bundle", "show", "project/web.moat", "--json"))["targets"][0]
        self.assertEqual(([p["name"] for p in shown["packages"]], shown["name"], shown["version"]), (["lib", "web"], "web", "4.0"))
        self.assertEqual([p["built"] for p in shown["packages"]], [False, True])
        self.moat("deploy", "project/web.moat", self.dest, "--insecure", "--check", "python -c 'import web, lib'")
        self.moat("--project", "project", "bundle", "-o", "bare.moat", "--no-project")
        shown = json.loads(self.moat("bundle", "show", "project/bare.moat", "--json"))["targets"][0]
        self.assertEqual([p["name"] for p in shown["packages"]], ["lib"])

    # ---- hooks ----

    def test_check_that_never_ends(self):
        self.deploy(1)
        self.deploy(2, "--check", "sleep 1000", "--check-timeout", "1s", status=1)
        self.assertIn("timed out after 1 s", self.said)
        self.assertEqual(self.live(), "1.0")

    def test_check_that_floods_its_output(self):
        self.deploy(1, "--check", "head -c 300000000 /dev/zero | tr '\\0' x; echo; echo last words; exit 1", status=1)
        self.assertIn("last words", self.said)
        self.assertLess(len(self.said), 600_000)
        self.assertFalse((self.dest / "current").exists())

    def test_check_that_kills_its_parent(self):
        self.deploy(1)
        self.moat("deploy", "2.moat", self.dest, "--insecure", "--check", "kill -9 $PPID; sleep 1", status=-signal.SIGKILL)
        self.assertEqual(self.live(), "1.0")
        self.deploy(2)
        self.assertEqual(self.live(), "2.0")
        self.assertEqual(len(list((self.dest / "releases").iterdir())), 2)

    def test_after_that_kills_its_parent(self):
        self.deploy(1)
        self.moat("deploy", "2.moat", self.dest, "--insecure", "--after", "kill -9 $PPID; sleep 1", status=-signal.SIGKILL)
        self.assertEqual(self.live(), "2.0")
        self.assertFalse(self.status()["confirmed"])
        # The same bundle again takes up where it was cut off: its hooks decide.
        self.deploy(2, "--probe", "false", "--probe-timeout", "1s", status=1)
        self.assertEqual(self.live(), "1.0")
        self.assertTrue(self.status()["confirmed"])

    def test_interrupted_after_the_switch(self):
        self.deploy(1)
        process = subprocess.Popen([sandbox.MOAT, "deploy", "2.moat", str(self.dest), "--insecure", "--after", "test -e begun && exit; echo > begun; sleep 1000"],
                                   cwd=self.work, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (self.work / "begun").exists() and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.wait()
        self.assertNotEqual(process.returncode, 0)
        self.assertEqual(self.live(), "1.0")

    def test_hooks_know_the_release(self):
        self.deploy(1, "--check", 'test "$MOAT_RELEASE_DIR" = "$VIRTUAL_ENV" && python -c "import lib" && test -z "$PYTHONHOME"', PYTHONHOME="/nowhere")

    # ---- several at once ----

    def test_two_at_once(self):
        both = [subprocess.Popen([sandbox.MOAT, "deploy", f"{version}.moat", str(self.dest), "--insecure"], cwd=self.work, env=self.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True) for version in "12"]
        for process in both:
            said = process.communicate()[0]
            self.assertEqual(process.returncode, 0, said)
        self.assertIn(self.live(), ("1.0", "2.0"))
        self.assertEqual(len(self.status()["releases"]), 2)
        self.moat("deploy", "verify", self.dest)

    def test_old_releases_go_but_for_those_that_run(self):
        self.deploy(1)
        python = (self.dest / "current").resolve() / "bin/python"
        process = subprocess.Popen([python, "-c", "import sys; print(flush=True); sys.stdin.read(); import shop; print(shop.__version__)"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True, env={"PATH": "/usr/bin:/bin"})
        process.stdout.readline()
        self.deploy(2, "--keep", "1")
        self.deploy(3, "--keep", "1")
        self.assertEqual([r[:4] for r in self.status()["releases"]], ["0001", "0002", "0003"])
        self.assertEqual(process.communicate("")[0], "1.0\n")
        self.deploy(1, "--keep", "1")
        self.assertEqual([r[:4] for r in self.status()["releases"]], ["0003", "0004"])

    # ---- places ----

    def test_place_that_is_not_ours(self):
        for name, make in (("current", lambda p: p.mkdir()), ("current", lambda p: p.symlink_to("/etc")), ("current", lambda p: p.symlink_to("releases/../../x"))):
            shutil.rmtree(self.dest, ignore_errors=True)
            (self.dest / "releases").mkdir(parents=True)
            make(self.dest / name)
            self.deploy(1, status=1)
            self.assertIn("was not made by `moat deploy`", self.said)
        shutil.rmtree(self.dest)
        self.dest.mkdir()
        (self.root / "away").mkdir()
        (self.dest / "releases").symlink_to(self.root / "away")
        self.deploy(1, status=1)
        self.assertEqual(list((self.root / "away").iterdir()), [])

    def test_place_behind_a_link(self):
        real = self.root / "real"
        real.mkdir()
        self.dest.symlink_to(real)
        self.deploy(1)
        self.assertEqual(self.live(), "1.0")
        self.assertTrue((real / "current").is_symlink())

    def test_what_the_user_keeps_there_stays(self):
        self.deploy(1)
        (self.dest / ".env").write_text("KEY=1\n")
        (self.dest / "releases/2024-notes").mkdir()
        for left in (".incoming-0123", ".tmp-0123"):
            (self.dest / left).mkdir()
        self.deploy(2)
        self.assertEqual(sorted(p.name for p in self.dest.iterdir()), [".env", "current", "deploy.lock", "history", "releases"])
        self.assertTrue((self.dest / "releases/2024-notes").exists())

    def test_ordinary_user(self):
        if os.geteuid() != 0 or not may("setpriv", "--reuid", "12345", "--clear-groups", "true"):
            self.skipTest("needs root and setpriv")
        place = self.root / "of-user"
        place.mkdir()
        self.root.chmod(0o755)
        self.work.chmod(0o755)
        os.chown(place, 12345, 12345)
        env = {**self.env, "HOME": str(place), "MOAT_HOME": str(place / "moat")}
        as_user = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"]
        if subprocess.run([*as_user, sandbox.MOAT, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("another user may not run this moat")
        done = subprocess.run([*as_user, sandbox.MOAT, "deploy", str(self.work / "1.moat"), str(place / "srv"), "--insecure",
                               "--check", "! touch $MOAT_RELEASE_DIR/bin/x && ! echo >> $MOAT_RELEASE_DIR/pyvenv.cfg"],
                              env=env, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.live(place / "srv"), "1.0")
        # Another user runs it, and everybody may look.
        shop = subprocess.run(["setpriv", "--reuid", "12346", "--clear-groups", str(place / "srv/current/bin/shop")], stdout=subprocess.PIPE, universal_newlines=True)
        self.assertEqual(shop.stdout, "shop 1.0\n")
        # It is removed by its owner, read-only as it is.
        for version in "23":
            subprocess.run([*as_user, sandbox.MOAT, "deploy", str(self.work / f"{version}.moat"), str(place / "srv"), "--insecure", "--keep", "1"],
                           env=env, cwd=place, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(len(list((place / "srv/releases").iterdir())), 2)

    def test_a_release_never_changes(self):
        self.deploy(1)
        for words in (("install", "--env", "srv/current", "lib"), ("uninstall", "--env", "srv/current", "lib"), ("env", "rollback", "--env", "srv/current"),
                      ("create", "./srv/current", "--replace"), ("env", "move", "./srv/current", "./moved"), ("env", "remove", "./srv/current", "-y"),
                      ("sync", "pylock.shop2.toml", "--env", "srv/current")):
            done = subprocess.run([sandbox.MOAT, *words], cwd=self.work, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
            self.assertNotEqual(done.returncode, 0, f"{words}: {done.stdout}")
        self.moat("deploy", "verify", self.dest)
        self.assertEqual(self.live(), "1.0")
        # A copy of it is an environment as any other.
        self.moat("env", "clone", "./srv/current", "./copy")
        self.moat("install", "--env", "./copy", "shop==2.0")
        self.moat("deploy", "verify", self.dest)

    def test_what_was_added_to_a_release_is_found(self):
        self.deploy(1)
        live = (self.dest / "current").resolve()
        subprocess.run(["chmod", "-R", "u+w", live], check=True)
        site = next((live / "lib").glob("python3.*/site-packages"))

        def verify(status):
            return json.loads(self.moat("deploy", "verify", self.dest, "--json", status=status))["sound"]

        self.assertTrue(verify(0))
        for name in (site / "evil.pth", site / "sitecustomize.py", live / "bin/evil", next(site.glob("*.dist-info")).parent / "lib2/x.py"):
            name.parent.mkdir(exist_ok=True)
            name.write_text("import os\n")
            self.assertFalse(verify(1), name)
            name.unlink()
        (site / "lib2").rmdir()
        elsewhere = self.work / "elsewhere"
        site.rename(elsewhere)
        site.symlink_to(elsewhere)
        self.assertFalse(verify(1), "a folder that is a link")
        site.unlink()
        elsewhere.rename(site)
        (live / "release.json").rename(self.work / "release.json")
        self.assertFalse(verify(1), "a release that says no more what it is")
        (self.work / "release.json").rename(live / "release.json")
        self.assertTrue(verify(0))

    # ---- broken anywhere ----

    def places(self, calls):
        """(call, n) at random, among the calls that a deploy makes."""
        log = self.root / "calls"
        shutil.copytree(self.dest, self.root / "saved", symlinks=True)
        subprocess.run(["strace", "-f", "-qq", "-o", log, "-e", "trace=" + ",".join("?" + c for c in calls), sandbox.MOAT, "deploy", "2.moat", self.dest,
                        "--insecure", "--after", "true"], cwd=self.work, env=self.env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        counts = collections.Counter()
        for line in log.read_text(errors="replace").splitlines():
            words = line.split(None, 1)
            if len(words) == 2 and "(" in words[1] and not words[1].startswith(("<", "+", "-")):
                counts[words[0], words[1].split("(")[0]] += 1
        most = collections.Counter()
        for (_, name), count in counts.items():
            most[name] = max(most[name], count)
        self.assertEqual(self.live(), "2.0")
        self.again()
        return most

    def again(self):
        """As it was when 1 was live."""
        subprocess.run(["chmod", "-R", "u+w", self.dest], check=True)
        shutil.rmtree(self.dest)
        subprocess.run(["cp", "-a", self.root / "saved", self.dest], check=True)

    def broken(self, call, inject):
        return subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", f"trace=?{call}", "-e", f"inject=?{call}:{inject}", sandbox.MOAT,
                               "deploy", "2.moat", str(self.dest), "--insecure", "--after", "true"], cwd=self.work, env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, timeout=300)

    def look(self, how):
        """A complete release is live; the next deploy needs no help."""
        self.assertIn(self.live(), ("1.0", "2.0"), how)
        self.assertEqual(self.moat("deploy", "verify", self.dest).count("changed"), self.said.count("unchanged"), how)
        was = self.live()
        self.deploy(2)
        self.assertEqual(self.live(), "2.0", how)
        left = sorted(p.name for p in self.dest.iterdir())
        self.assertEqual(left, ["current", "deploy.lock", "history", "releases"], how)
        self.assertEqual(len(list((self.dest / "releases").iterdir())), len(self.status()["releases"]), how)
        return was

    def test_killed_anywhere(self):
        self.kill_anywhere()

    def test_killed_anywhere_with_python_brought_along(self):
        self.kill_anywhere("--with-python")

    def kill_anywhere(self, *options):
        if not CAN_TRACE:
            self.skipTest("needs strace")
        self.deploy(1)
        self.bundle("2", *options)
        most = self.places(CHANGES)
        dice = random.Random(1)
        for _ in range(POINTS):
            call = dice.choice([c for c in CHANGES if most[c]])
            n = dice.randint(1, most[call])
            self.broken(call, f"signal=KILL:when={n}")
            with self.subTest(f"{call}:signal=KILL:when={n}"):
                self.look(f"{call}:when={n}")
            self.again()

    def test_disk_refuses_anywhere(self):
        self.refuse_anywhere()

    def test_disk_refuses_anywhere_with_python_brought_along(self):
        self.refuse_anywhere("--with-python")

    def refuse_anywhere(self, *options):
        if not CAN_TRACE:
            self.skipTest("needs strace")
        self.deploy(1)
        self.bundle("2", *options)
        most = self.places(sorted({c for calls in ERRORS.values() for c in calls}))
        dice = random.Random(2)
        for _ in range(POINTS):
            error = dice.choice(sorted(ERRORS))
            call = dice.choice([c for c in ERRORS[error] if most[c]])
            n = dice.randint(1, most[call])
            how = f"error={error}:when={n}" + dice.choice(["", "+"])
            done = self.broken(call, how)
            with self.subTest(f"{call}:{how}"):
                self.assertGreaterEqual(done.returncode, 0, done.stdout)
                if done.returncode == 0:
                    self.assertEqual(self.live(), "2.0", done.stdout)
                elif "+" not in how and "was carried out" not in done.stdout:
                    self.assertEqual(self.live(), "1.0", done.stdout)
                self.look(f"{call}:{how}")
            self.again()


if __name__ == "__main__":
    sandbox.main()
