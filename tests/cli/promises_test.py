"""What errors promise: following a hint ends the trouble, and exit statuses are those of docs/cli.md.

    promises_test.py MOAT [TestClass.test_name…]
"""
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402
import transcript_test  # noqa: E402

PROJECT = '[project]\nname = "demo"\nversion = "1"\nrequires-python = "{}"\ndependencies = ["lib"]\n'
MINE = "3.%d" % sys.version_info[1]


def other_python():
    """Another CPython than this one, of pyenv's; "" for none."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))) / "versions"
    found = sorted(p for p in root.glob("3.1[0-9].*/bin/python3") if p.parent.parent.name.rsplit(".", 1)[0] != MINE)
    return str(found[-1]) if found else ""


class Indexed(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        index = loopback_index.Index()
        for line in ("lib 1.0", "lib 2.0", "click 1.0 entry click=click:main", "six 1.0"):
            index.add(line)
        self.index, self.server = index, loopback_index.serve(index)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.env["MOAT_INDEX_URL"] = self.server.url

    def write(self, name, text):
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def shell(self, line):
        done = subprocess.run(["bash", "-c", f'moat() {{ {shlex.quote(sandbox.MOAT)} "$@"; }}\n{line}'], cwd=self.work, env=self.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                              timeout=300)
        return done.returncode, done.stdout


class HintsHelp(Indexed):
    """Each: trouble, and that the first command of its hints (or of the one that is named) ends it."""

    def follow(self, command, status, hint=0, then=None):
        came, said = self.shell(command)
        self.assertEqual(came, status, said)
        hints = [c for line in re.findall(r"^hint: (.*)$", said, re.M) for c in re.findall(r"`(moat [^`]*)`", line) or [line]]
        self.assertGreater(len(hints), hint, said)
        came, told = self.shell(hints[hint])
        self.assertEqual(came, 0, f"{command}\n{said}\n$ {hints[hint]}\n{told}")
        if then is None:
            then = command
        if then:
            came, told = self.shell(then)
            self.assertEqual(came, 0, f"{hints[hint]}, then {then}:\n{told}")

    def test_no_environment(self):
        self.follow("moat install lib", 2)

    def test_an_environment_that_is_not_there(self):
        self.follow("moat install --env ./gone lib", 2)

    def test_a_name_that_is_not_there(self):
        self.follow("moat install --env gone lib", 2)

    def test_a_named_environment_to_remove(self):
        self.follow("moat env remove gone", 2, then="")

    def test_a_folder_or_a_package(self):
        self.follow("moat create six click", 2, hint=0, then="test -e six/lib/python3*/site-packages/click")

    def test_a_folder_or_a_package_the_other_way(self):
        self.follow("moat create six click", 2, hint=1, then="test -e .venv/lib/python3*/site-packages/six")

    def test_an_environment_in_the_way(self):
        self.shell("moat create ./env")
        self.follow("moat create ./env 2>&1 | sed 's/`--replace`/`moat create .\\/env --replace`/'; exit 2", 2, then="")

    def test_no_lock(self):
        self.write("pyproject.toml", PROJECT.format(">=3"))
        self.follow("moat sync --frozen", 2)

    def test_a_broken_lock(self):
        self.write("pyproject.toml", PROJECT.format(">=3"))
        self.write("pylock.toml", "<<<<<<< HEAD\n")
        self.follow("moat lock", 2)

    def test_a_lock_without_hashes(self):
        self.write("r.txt", "lib\n")
        self.shell("moat create ./env")
        self.follow("moat sync --env env r.txt", 2, then="moat sync --env env pylock.toml")

    def test_versions_as_other_tools_spell_them(self):
        self.shell("moat create ./env")
        for words in ("lib=1.0", "lib 1.0", "lib@1.0"):
            status, said = self.shell(f"moat install --env env {words}")
            self.assertEqual(status, 2, said)
            meant = re.search(r"did you mean `([^`]*)`", said)[1]
            status, said = self.shell(f"moat install --env env {meant}")
            self.assertEqual(status, 0, said)

    def test_words_of_other_tools(self):
        for word in ("venv", "update --dry-run", "cache", "info"):
            self.shell("moat create .venv --replace lib")
            status, said = self.shell(f"moat {word}")
            self.assertEqual(status, 2, said)
            command = re.search(r"^hint: `(moat [^`]*)`", said, re.M)[1]
            status, said = self.shell(f"{command} --help")
            self.assertEqual(status, 0, said)

    def test_a_python_that_the_project_excludes(self):
        other = other_python()
        if not other:
            self.skipTest("there is no other Python than this one")
        self.env["PATH"] = f"{self.env['PATH']}:{os.path.dirname(other)}"
        line = ".".join(os.path.basename(os.path.dirname(os.path.dirname(other))).split(".")[:2])
        self.write("pyproject.toml", PROJECT.format(f"=={line}.*"))
        self.shell("moat create -q -p /usr/bin/python3")
        self.follow("moat run python -c pass", 2)
        self.shell("moat create -q -p /usr/bin/python3 --replace; moat lock")
        self.assertIn(f'requires-python = "=={line}.*"', (self.work / "pylock.toml").read_text())
        self.follow("moat sync", 2)

    def test_a_python_that_an_environment_does_not_have(self):
        other = other_python()
        if not other:
            self.skipTest("there is no other Python than this one")
        self.shell("moat create ./env -p /usr/bin/python3")
        self.follow(f"moat install --env env -p {other} lib", 2, then=f"moat install --env ./other -p {other} lib")


class Statuses(Indexed):
    def test_files_that_are_not_there(self):
        self.create()
        for words in (["./x-1.0-py3-none-any.whl"], ["./x-1.0.tar.gz"], ["./x"], ["-e", "./x"], ["-r", "x.txt"], ["lib", "-c", "x.txt"],
                      ["x @ file:///nosuch/x-1.0-py3-none-any.whl"], ["lib", "-f", "./x"], ["lib", "-i", "./x"],
                      ["lib", "--cert", "x.pem"], ["lib", "--client-cert", "x.pem"], ["lib", "--override", "x.txt"],
                      ["lib", "--build-constraint", "x.txt", "--reinstall"], ["lib", "--config", "x.toml"], ["lib", "--project", "x"]):
            self.install(*words, status=2)
            self.assertIn("x", self.said)
        for words in (["sync", "--env", "env", "x.toml"], ["sync", "--env", "env", "x.txt"], ["lock", "-r", "x.txt"]):
            self.moat(*words, status=2)

    def test_a_file_of_a_lock_that_is_not_there(self):
        self.create()
        name, content = loopback_index.wheel("lib", "1.0", "py3-none-any", [], "", [])
        self.write("pylock.toml", 'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "lib"\nversion = "1.0"\n'
                   f'wheels = [{{path = "{name}", hashes = {{sha256 = "{hashlib.sha256(content).hexdigest()}"}}}}]\n')
        self.moat("sync", "--env", "env", status=2)
        self.assertIn(name, self.said)

    def test_what_may_not_be_looked_at_is_not_said_to_be_absent(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to become somebody who is not")
        self.create()
        locked = self.root / "locked"
        (locked / "folder").mkdir(parents=True)
        (locked / "lib-1.0-py3-none-any.whl").write_bytes(b"")
        locked.chmod(0o700)
        for path in (self.root, self.root.parent):
            path.chmod(path.stat().st_mode | 0o055)
        program = self.root / "moat-copy"
        program.write_bytes(pathlib.Path(sandbox.MOAT).read_bytes())
        program.chmod(0o755)
        home = self.root / "nobody"
        home.mkdir()
        os.chown(home, 65534, 65534)
        for words in (["create", f"{locked}/env"], ["list", "--env", f"{locked}/env"], ["install", "--env", "./e", f"{locked}/folder"],
                      ["create", f"{home}/e", f"{locked}/lib-1.0-py3-none-any.whl"], ["create", f"{home}/f", "lib", "-f", str(locked)],
                      ["create", f"{home}/g", "-r", f"{locked}/r.txt"], ["create", f"{home}/h", "lib", "-i", f"{locked}/folder"],
                      ["list", "--project", f"{locked}/folder"]):
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, *words], cwd=home,
                                  env={**self.env, "MOAT_HOME": f"{home}/moat", "HOME": str(home)}, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=300)
            if words[0] == "install":  # there is no environment to begin with
                continue
            self.assertIn("Permission denied", done.stdout, words)
            self.assertEqual(done.returncode, 3, (words, done.stdout))

    # What docs/cli.md says of statuses, as its words are found in messages.
    TABLE = [
        (1, r"no set of versions meets|there is no project|there is no [\w.-]+ [<>=!~]|has the hash sha256|hashes are required|"
            r"expected sha256|no index has it"),
        (2, r"is not a requirement|there is no environment|unknown option|takes no arguments|unexpected argument|missing argument|needs a command|needs a value|"
            r"unknown command `moat|no such file: |cannot be used together|is not empty|no interpreter is|no pyproject.toml here|"
            r"may be a folder or a package|is no lock|must be one of|requires `--"),
        (3, r"the server answered|cannot get|is not in the store, and moat is offline|cannot open|Permission denied"),
    ]

    def test_the_errors_of_the_transcripts(self):
        seen, wrong = 0, []
        for path in sorted((HERE.parent / "transcripts").glob("*.test")):
            for command, lines, status in transcript_test.parse(path.read_text())[2]:
                errors = [line for line in lines if line.startswith("error: ")]
                if not errors or re.search(r"[|;]|&&|moat run|moat pip|\$\(", command):
                    continue
                for want, words in self.TABLE:
                    if re.search(words, errors[0]):
                        seen += 1
                        if status != want:
                            wrong.append(f"{path.name}: {command}: {errors[0]}: exits with {status}, not {want}")
                        break
        self.assertGreater(seen, 40)
        self.assertEqual(wrong, [])


class RequirementsLocks(Indexed):
    def test_pip_takes_them(self):
        """Beside a folder and a commit, which have no hashes, too."""
        files = self.work / "files"
        files.mkdir()
        for name, content in self.index.files.items():
            (files / name).write_bytes(content)
        for path, text in loopback_index.tree("demo", "1.0", ["lib"], "static").items():
            self.write(f"demo/{path}", text)
        for path, text in loopback_index.tree("repo", "1.0", [], "static").items():
            self.write(f"repo/{path}", text)
        self.assertEqual(self.shell("cd repo && git init -q && git add -A && git -c user.name=a -c user.email=a@b commit -qm 1")[0], 0)
        told = self.shell("/usr/bin/python3 -m pip --version")[1].split()
        # A repository on this disk is no requirement to older ones, whatever its spelling beside a name.
        takes_local_git = len(told) > 1 and told[1].split(".")[0].isdigit() and int(told[1].split(".")[0]) >= 25
        repo = [f"six\nrepo @ git+file://{self.work}/repo\n"] * takes_local_git
        for lines in ["-e ./demo\nsix\n", "./demo\nsix\n", "six\nlib\n", *repo]:
            self.write("r.in", lines)
            self.moat("lock", "-r", "r.in", "-o", "r.txt")
            text = (self.work / "r.txt").read_text()
            self.assertIn("--hash=sha256:", text)
            done = subprocess.run(["/usr/bin/python3", "-m", "pip", "install", "--dry-run", "--no-index", "-f", files, "--no-deps",
                                   "--break-system-packages", "--ignore-installed", "-r", "r.txt"], cwd=self.work,
                                  env={**self.env, "PIP_CONFIG_FILE": "/dev/null"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  universal_newlines=True)
            if "No module named pip" in done.stdout:
                self.skipTest("there is no pip")
            self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}")
            self.assertIn("six-1.0", done.stdout)
            # moat holds the hashes all the same.
            self.shell("rm -rf env; moat create ./env")
            self.moat("sync", "--env", "env", "r.txt")
            self.moat("lock", "-r", "r.in", "-o", "r.txt", "--check")
            self.write("r.txt", re.sub(r"(six==1.0.*\n.*sha256:)[0-9a-f]{64}", r"\g<1>" + "0" * 64, text))
            self.shell("rm -rf env; moat create ./env")
            self.moat("sync", "--env", "env", "r.txt", status=1)
            self.assertIn("hash", self.said)


if __name__ == "__main__":
    sandbox.main()
