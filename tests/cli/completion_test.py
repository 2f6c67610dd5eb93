"""What is completed in bash, zsh and fish: the shells themselves are asked, as a person at a keyboard would.

    completion_test.py MOAT [Completion.test_name…]
"""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "transcripts")]
import loopback_index  # noqa: E402
import sandbox  # noqa: E402


class Completion(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        for name in ("moat", "moatx"):
            (self.tools / name).symlink_to(sandbox.MOAT)
        self.env["ZDOTDIR"] = str(self.home)

    def fill(self):
        """Environments, packages, an application, a project."""
        index = loopback_index.Index()
        for line in ("alpha 1.0 entry alpha-cmd=alpha:main", "beta 1.0"):
            index.add(line)
        server = loopback_index.serve(index)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.env["MOAT_INDEX_URL"] = server.url
        self.moat("create", "-n", "lab", "alpha")
        self.moat("create", ".venv", "beta")
        self.moat("tool", "install", "-q", "alpha")
        (self.work / "pyproject.toml").write_text('[project]\nname = "p"\nversion = "1"\n[project.optional-dependencies]\nfast = []\n'
                                                  '[dependency-groups]\ndev = []\ndocs = []\n')
        (self.work / "a file.txt").write_text("")
        (self.work / "folder").mkdir()

    # ---- each shell, asked for what may stand at the end of a line

    def bash(self, line):
        # As readline calls it: words taken apart at COMP_WORDBREAKS.
        script = r'''
eval "$(moat completion bash)"
COMP_LINE=$1; COMP_POINT=${#COMP_LINE}
mapfile -t COMP_WORDS < <(python3 -c '
import re, sys
line = sys.argv[1]
words = re.findall(r"[=:]+|(?:\\.|[^\s=:])+", line)
if line[-1:].isspace(): words.append("")
print("\n".join(words))' "$1")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_moat
printf '%s\n' "${COMPREPLY[@]}"'''
        return self.shell("bash", "-c", script, "bash", line)

    def fish(self, line):
        (self.home / "one.fish").write_text(self.moat("completion", "fish"))
        said = self.shell("fish", "--no-config", "-c", "source ~/one.fish; complete -C $argv[1]", line)
        return [word.split("\t")[0] for word in said]

    def zsh(self, line):
        """The line is typed at a terminal, then TAB; zsh lists or inserts."""
        (self.home / ".zshrc").write_text("PS1='READY> '\nautoload -Uz compinit; compinit -u -D\nunsetopt beep\nsetopt no_list_beep\n"
                                          "zstyle ':completion:*' list-prompt ''\nLISTMAX=10000\nzstyle ':completion:*' verbose no\n"
                                          "eval \"$(moat completion zsh)\"\n")
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.work)
            os.execvpe("zsh", ["zsh", "-i"], {**self.env, "TERM": "xterm", "COLUMNS": "200", "LINES": "200"})
        shown = self.read_until(terminal, "READY> ")
        os.write(terminal, line.encode() + b"\t\x04")  # TAB, and ctrl-D lists what is left
        shown = self.read_until(terminal, None)
        os.close(terminal)
        os.waitpid(child, 0)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\x00\x07]", "", shown)
        return text.split()

    def read_until(self, terminal, mark):
        shown, quiet = "", 0
        while quiet < 15 and (mark is None or mark not in shown):
            ready, _, _ = select.select([terminal], [], [], 0.2)
            quiet = 0 if ready else quiet + 1
            if ready:
                try:
                    shown += os.read(terminal, 65536).decode(errors="replace")
                except OSError:
                    break
            elif mark is not None and quiet > 10:
                quiet = 0 if len(shown) == 0 else quiet
                time.sleep(0.1)
        return shown

    def shell(self, *argv):
        done = subprocess.run(argv, cwd=self.work, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=60)
        self.assertEqual(done.stderr, "", argv)
        return done.stdout.splitlines()

    # ---- what every shell must offer

    CASES = [
        ("moat inst", {"install"}),
        ("moat env r", {"remove", "rename", "rollback"}),
        ("moat install --rein", {"--reinstall"}),
        ("moat list --format ", {"columns", "freeze"}),
        ("moat list --env l", {"lab"}),
        ("moat uninstall --env lab a", {"alpha"}),
        ("moat uninstall b", {"beta"}),
        ("moat tool uninstall ", {"alpha"}),
        ("moatx --fro", {"--from"}),
        ("moat run --env lab alp", {"alpha-cmd"}),
        ("moat install --group d", {"dev", "docs"}),
        ("moat sync --extra f", {"fast"}),
        ("moat config get resol", {"resolution"}),
        ("moat --project . env rem", {"remove"}),
        ("moat completion ", {"bash", "zsh", "fish"}),
    ]

    def every_case(self, shell, name):
        if not shutil.which(name):
            self.skipTest(f"no {name} here")
        self.fill()
        for line, wanted in self.CASES:
            with self.subTest(line):
                came = set(shell(line))
                # Where one word is left zsh types the rest of it.
                whole = {w for w in wanted if w in came or any(c.startswith(w) or c.endswith(w) for c in came)}
                self.assertEqual(whole, wanted, f"{line!r}: {sorted(came)}")

    def test_bash(self):
        self.every_case(self.bash, "bash")
        self.assertEqual(self.bash("moat list --env=l"), ["lab"])
        self.assertEqual(self.bash("moat nonsense "), [""])
        self.assertEqual(set(self.bash("moat install -r a")), {"a file.txt"})

    def test_fish(self):
        self.every_case(self.fish, "fish")
        self.assertIn("--env=lab", self.fish("moat list --env=l"))

    def test_zsh(self):
        self.every_case(self.zsh, "zsh")

    # ---- what moat says to them

    def offered(self, *words):
        return [line.split("\t")[0] for line in self.moat("completion", "bash", "--", *words).splitlines()]

    def test_every_command_and_option_of_help_is_offered(self):
        commands = [line[2:32].split("  ")[0] for line in self.moat("--help").split("Commands:\n")[1].split("\n\n")[0].splitlines()]
        first = self.offered("")
        for command in commands:
            words = [w for w in command.split() if re.fullmatch(r"[a-z][a-z-]*", w)][:2]
            self.assertIn(words[0], first)
            listed = self.moat(*words, "--help")
            if words[0] == "pip":
                continue
            for option in re.findall(r"^  (?:-\w, |    )(--[\w-]+)", listed, re.M):
                self.assertIn(option, self.offered(*words, "--"), f"{words} {option}")

    def test_nothing_is_offered_for_nonsense(self):
        for words in (["nonsense", ""], ["env", "nonsense", ""], ["install", "--nonsense="], ["list", "--format", "x"]):
            self.assertEqual(self.offered(*words), [], words)
        self.moat("completion", "tcsh", status=2)
        self.assertIn("bash, zsh, fish", self.said)
        self.moat("completion", status=2)

    def test_looking_changes_nothing_and_needs_nothing(self):
        self.assertEqual(self.offered("list", "--env", ""), [":folders"])
        self.assertEqual(self.offered("uninstall", ""), [])
        self.assertEqual(self.offered("run", "--env", "nowhere", ""), [":files"])
        self.assertFalse((self.root / "moat/data").exists())


if __name__ == "__main__":
    sandbox.main()
