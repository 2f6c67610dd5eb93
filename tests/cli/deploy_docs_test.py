"""The shell lines of docs/deploy.md, in the order of the page, for a program like the one it has in mind.

    deploy_docs_test.py MOAT

/srv/shop and /etc/moat/keys are folders of the test, registry.example a registry in memory; ssh, scp, systemctl and curl are scripts that write down what they
were told. The units of systemd are looked at by systemd-analyze where that is there.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "transcripts"))
import fake_registry  # noqa: E402
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

PAGE = HERE.parent.parent / "docs" / "deploy.md"
# A line of a shell, of a playbook, of an image, of a crontab.
WRAPPED = re.compile(r"^\s*(?:\$ |- command: |RUN |(?:[*/\d]+ ){5}\w+ )?((?:\(umask|moat|openssl|install|rm|scp|/srv/shop/current/bin/shop).*)$")
IN_TABLE = re.compile(r"`((?:moat deploy rollback|ln -sfn) [^`]*)`")

BACKEND = '''
import base64, hashlib, os, zipfile

def row(path, text):
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return "%s,sha256=%s,%d\\n" % (path, digest, len(text.encode()))

def wheel(folder, files):
    name, info = "shop-2.1-py3-none-any.whl", "shop-2.1.dist-info/"
    files = {**files, info + "METADATA": "Metadata-Version: 2.1\\nName: shop\\nVersion: 2.1\\nRequires-Dist: lib\\nRequires-Dist: gunicorn\\n",
             info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
             info + "entry_points.txt": "[console_scripts]\\nshop = shop:main\\n"}
    rows = "".join(row(path, text) for path, text in files.items()) + info + "RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in {**files, info + "RECORD": rows}.items():
            archive.writestr(path, text)
    return name

def build_wheel(folder, settings=None, metadata=None):
    return wheel(folder, {"shop.py": open("shop.py").read()})
'''
PROJECT = """[project]
name = "shop"
version = "2.1"
requires-python = ">=3.6"
dependencies = ["lib", "gunicorn"]
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def commands():
    """(line number, command) of everything that a shell would be given."""
    inside, held = False, ""
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            inside = not inside
            continue
        if not inside:
            yield from ((number, found) for found in IN_TABLE.findall(line))
            continue
        text = held + line.strip() if held else line
        if text.endswith("\\"):
            held = text[:-1]
            continue
        held = ""
        if match := WRAPPED.match(text):
            yield number, re.split(r"\s{2,}# |\s+# (?=\d\.|later)", match[1])[0].strip()


class Page(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        index = loopback_index.Index()
        index.add("lib 1.0")
        index.add("gunicorn 20.0 entry gunicorn=gunicorn:main")
        server = loopback_index.serve(index)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.env["MOAT_INDEX_URL"] = server.url
        self.registry = fake_registry.FakeRegistry()
        self.registry.start()
        self.addCleanup(self.registry.stop)
        self.srv, self.keys = self.root / "srv/shop", self.root / "keys"
        self.srv.parent.mkdir()
        self.keys.mkdir()
        os.symlink(sandbox.MOAT, self.tools / "moat")
        for name in ("scp", "ssh", "systemctl", "curl", "sudo"):
            (self.tools / name).write_text(f"#!/bin/sh\necho {name} \"$@\" >> {self.root}/told\n")
            (self.tools / name).chmod(0o755)
        (self.work / "backend.py").write_text(BACKEND)
        (self.work / "shop.py").write_text("def main():\n    print('shop')\n")
        (self.work / "pyproject.toml").write_text(PROJECT)

    def here(self, line):
        releases = sorted(p.name for p in (self.srv / "releases").glob("*-*")) if self.srv.exists() else []
        places = {"registry.example": self.registry.url, "/srv/shop": str(self.srv), "/etc/moat/keys": str(self.keys), "/var/tmp/": f"{self.work}/", "/tmp/store": f"{self.root}/store",
                  "/tmp/": f"{self.work}/", "releases/0006-…": f"releases/{releases[0]}" if releases else ""}
        return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], line)

    def test_shell_lines_work_as_they_stand(self):
        seen = list(commands())
        self.assertGreater(len(seen), 20, seen)
        for number, command in seen:
            with self.subTest(f"{number}: {command}"):
                if "/etc/moat/keys" in command and not list(self.keys.iterdir()):
                    for key in self.work.glob("*.pub"):
                        shutil.copy(key, self.keys)
                if "/tmp/deploy.pub" in command:  # the image's copy of the key that is in use
                    shutil.copy(self.work / "deploy-2027.pub", self.work / "deploy.pub")
                if ":live" in command and "push" not in command:
                    self.moat("push", "shop.moat", f"oci://{self.registry.url}/team/shop:live")
                if "rollback" in command and len(list((self.srv / "releases").glob("*-*"))) < 2:
                    (self.work / "shop.py").write_text("def main():\n    print('shop, again')\n")
                    self.moat("bundle", "-o", "next.moat")
                    self.moat("deploy", "next.moat", self.srv, "--insecure")
                done = subprocess.run(["bash", "-c", self.here(command)], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, universal_newlines=True, timeout=300)
                self.assertEqual(done.returncode, 0, f"line {number}: {command}\n{done.stdout}")
        told = (self.root / "told").read_text()
        for words in ("scp shop.moat deploy.pub server:", "systemctl restart shop", "curl -fsS http://127.0.0.1:8000/health"):
            self.assertIn(words, told)
        # At the end: switched by hand.
        self.assertEqual(subprocess.run([self.srv / "current/bin/shop"], stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout.split(",")[0].strip(), "shop")

    def test_units(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("needs systemd-analyze")
        text = PAGE.read_text(encoding="utf-8")
        service = text.split("```\n[Unit]\n")[1].split("```")[0]
        (self.root / "shop.service").write_text("[Unit]\n" + service.replace("/srv/shop/current/bin/gunicorn", "/bin/true").replace("User=shop", "User=root"))
        done = subprocess.run(["systemd-analyze", "verify", self.root / "shop.service"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        self.assertNotIn("shop.service", done.stdout)


if __name__ == "__main__":
    sandbox.main()
