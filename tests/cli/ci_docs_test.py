"""The commands of docs/ci.md, in the order of the page, in a project like the one it has in mind.

    ci_docs_test.py MOAT
"""
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

PAGE = HERE.parent.parent / "docs" / "ci.md"
# A line of a shell, of a step, of a pipeline, of an image.
WRAPPED = re.compile(r"^\s*(?:-\s+(?:run:\s+)?|RUN\s+|sh\s+')?((?:moat|echo) .*?)'?$")


def commands():
    inside = False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside and (match := WRAPPED.match(line)):
            yield match[1].split("  #")[0].rstrip()


class Page(sandbox.SandboxTest):
    def test_commands_work_as_they_stand(self):
        index = loopback_index.Index()
        for line in ("pytest 8.0 entry pytest=pytest:main", "flit_core 3.12.0", "lib 1.0"):
            index.add(line)
        server = loopback_index.serve(index)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.env["MOAT_INDEX_URL"] = server.url
        self.env["PATH"] = f"{self.tools}:/usr/bin:/bin"
        self.env["GITHUB_OUTPUT"] = str(self.root / "output")
        os.symlink(sandbox.MOAT, self.tools / "moat")
        (self.work / "backend.py").write_text(BACKEND)
        (self.work / "app.py").write_text("def main():\n    print('app')\n")
        self.moat("init", "--name", "app", "-p", ">=3.6")
        with open(self.work / "pyproject.toml", "a", encoding="utf-8") as file:
            file.write('[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
        self.moat("add", "lib")
        self.moat("add", "--dev", "pytest")
        python = subprocess.run([self.work / ".venv/bin/python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                                stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout.strip()
        seen = list(commands())
        self.assertGreater(len(seen), 14)
        for line in seen:
            with self.subTest(line):
                line = line.replace("--matrix 3.11", f"--matrix {python}")
                done = subprocess.run(["bash", "-c", line], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=300)
                self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}")
        self.assertRegex((self.root / "output").read_text(), r"^key=moat-\w+-[\d.]+-linux-\w+-[0-9a-f]{16}\n$")
        # A lock that is not up to date fails the job.
        text = (self.work / "pyproject.toml").read_text()
        (self.work / "pyproject.toml").write_text(text.replace('"lib', '"nosuch", "lib'))
        self.moat("sync", "--locked", status=1)
        # The image's environment holds the project itself.
        self.assertEqual(subprocess.run([self.work / ".venv/bin/python", "-c", "import app; app.main()"], cwd="/", check=True,
                                        stdout=subprocess.PIPE).stdout, b"app\n")


BACKEND = '''
import base64, hashlib, os, zipfile

def wheel(folder, files):
    name = "app-0.1.0-py3-none-any.whl"
    info = "app-0.1.0.dist-info/"
    files = dict(files)
    files[info + "METADATA"] = "Metadata-Version: 2.1\\nName: app\\nVersion: 0.1.0\\n"
    files[info + "WHEEL"] = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        rows = ["%s,sha256=%s,%d\\n" % (path, base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode(),
                                       len(text.encode())) for path, text in files.items()]
        archive.writestr(info + "RECORD", "".join(rows) + info + "RECORD,,\\n")
    return name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    return wheel(folder, {"app.py": open("app.py").read()})

def build_editable(folder, config_settings=None, metadata_directory=None):
    return wheel(folder, {"app.pth": os.getcwd() + "\\n"})
'''

if __name__ == "__main__":
    sandbox.main()
