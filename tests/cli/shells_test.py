"""Activation in every shell that is on this machine, and `moat shell` on a terminal of its own.

    shells_test.py MOAT [Class.test…]

A shell that is missing is left out; where all are, the test is skipped. Debian's names: bash dash zsh ksh mksh busybox fish
tcsh csh.
"""
import functools
import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import sandbox

SYSTEM_PATH = "/usr/bin:/bin"
NASTY = "it's \"an\" $HOME `env` $(touch pwned) \\ #;&! 100%d"
# What shells make of a prompt: nothing of it may be evaluated.
NASTY_PROMPT = "$(touch pwned) `touch pwned` %x \\u !1 mine"
SHOWN_PROMPT = "_(touch pwned) _touch pwned_ _x _u _1 mine"


class Posix:
    script, old_prompt = "activate", "PS1='old> '\n"

    def __init__(self, name, *options):
        self.name, self.options = name, options

    def quoted(self, text):
        return "'" + text.replace("'", "'\\''") + "'"

    def source(self, root):
        return f". {self.quoted(str(root) + '/bin/' + self.script)} || exit 9\n"

    def show(self, variable):
        return f"printf '%s\\n' \"${{{variable}-}}\"\n"

    def show_prompt(self):
        return self.show("PS1")


class Fish(Posix):
    script, old_prompt = "activate.fish", "function fish_prompt; printf 'old> '; end\n"

    def quoted(self, text):
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def source(self, root):
        return f"source {self.quoted(str(root) + '/bin/' + self.script)}; or exit 9\n"

    def show(self, variable):
        return f"echo (string join : -- ${variable} | string collect)\n"

    def show_prompt(self):
        return "fish_prompt; echo\n"


class Csh(Posix):
    script, old_prompt = "activate.csh", "set prompt = 'old> '\n"

    def quoted(self, text):
        return super().quoted(text).replace("!", "\\!").replace("\n", "\\\n")

    def source(self, root):
        return f"source {self.quoted(str(root) + '/bin/' + self.script)}\nif ($status) exit 9\n"

    def show(self, variable):
        return f"printenv {variable}\nif (! $?{variable}) echo ''\n"

    def show_prompt(self):
        return 'echo "$prompt"\n'


def installed(shells):
    return [shell for shell in shells if shutil.which(shell.name, path=SYSTEM_PATH)]


SHELLS = installed([Posix("bash"), Posix("dash"), Posix("zsh", "-f"), Posix("ksh"), Posix("mksh"), Posix("busybox", "ash"),
                    Fish("fish", "--no-config"), Csh("tcsh", "-f"), Csh("csh", "-f")])


def in_every_shell(test):
    @functools.wraps(test)
    def run(self):
        if not SHELLS:
            self.skipTest("no shell is on this machine")
        for shell in SHELLS:
            with self.subTest(shell=shell.name):
                shutil.rmtree(self.work)
                self.work.mkdir()
                test(self, shell)
    return run


MADE = tempfile.TemporaryDirectory(prefix="shells-env-")


class ActivationTest(sandbox.SandboxTest):
    def make(self, name, *options):
        """An environment's activation scripts, and a tool: the rest of it does not matter here."""
        made = pathlib.Path(MADE.name, "env".join(options) + "-")
        if not made.exists():
            self.moat("create", *options, made)
        root = self.work / name
        (root / "bin").mkdir(parents=True)
        for script in made.glob("bin/activate*"):
            shutil.copy(script, root / "bin")
        shutil.copy(made / "pyvenv.cfg", root)
        self.add_tool(root)
        return root

    def add_tool(self, root):
        (root / "bin/tool").write_text("#!/bin/sh\necho tool of \"${0%/bin/tool}\"\n")
        (root / "bin/tool").chmod(0o755)

    def run_shell(self, shell, lines, **variables):
        """→ what it printed, as lines; its status and complaints are kept"""
        file = self.root / "lines"
        file.write_text(lines)
        env = {"PATH": SYSTEM_PATH, "HOME": str(self.home), "TERM": "dumb", "LANG": "C.UTF-8", **variables}
        done = subprocess.run([shell.name, *shell.options, file], cwd=self.work, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=60)
        self.status, self.complaints = done.returncode, done.stderr
        return done.stdout

    @in_every_shell
    def test_the_environment_is_first_whatever_its_name(self, shell):
        for name in ("plain", NASTY, "line\nend"):
            root = self.make(name)
            if name == "line\nend" and isinstance(shell, Csh):
                continue  # has no way to hold it: refused, below
            out = self.run_shell(shell, shell.source(root) + "tool\n" + shell.show("VIRTUAL_ENV") +
                                 shell.show("VIRTUAL_ENV_PROMPT") + shell.show("PYTHONHOME"), PYTHONHOME="/old home")
            self.assertEqual(out, f"tool of {root}\n{root}\n{name}\n\n", self.complaints)
        self.assertFalse((self.work / "pwned").exists())

    @in_every_shell
    def test_deactivate_puts_everything_back(self, shell):
        root = self.make(NASTY)
        show = "".join(map(shell.show, ("PATH", "PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT"))) + shell.show_prompt()
        out = self.run_shell(shell, shell.old_prompt + show + "echo middle\n" + shell.source(root) + "deactivate\n" + show +
                             "deactivate\necho end\n", PYTHONHOME="/old home")
        before, after = out.split("middle\n")
        self.assertEqual(before, after.replace("end\n", ""), self.complaints)
        self.assertNotEqual(self.complaints, "", "deactivate is still there")

    @in_every_shell
    def test_strict_options(self, shell):
        root = self.make("strict")
        if type(shell) is Posix:
            out = self.run_shell(shell, "unset PS1\nset -eu\n" + shell.source(root) + "tool\ndeactivate\necho fine\n")
            self.assertEqual((out, self.complaints), (f"tool of {root}\nfine\n", ""))

    @in_every_shell
    def test_the_prompt_is_shown_and_never_evaluated(self, shell):
        root = self.make("env", "--prompt", NASTY_PROMPT)
        out = self.run_shell(shell, shell.old_prompt + shell.source(root) + shell.show("VIRTUAL_ENV_PROMPT") + shell.show_prompt())
        shown = NASTY_PROMPT if isinstance(shell, Fish) else SHOWN_PROMPT
        self.assertEqual(out, f"{NASTY_PROMPT}\n({shown}) old> \n", self.complaints)
        out = self.run_shell(shell, shell.old_prompt + shell.source(root) + shell.show_prompt(), VIRTUAL_ENV_DISABLE_PROMPT="1")
        self.assertEqual(out, "old> \n", self.complaints)
        self.assertFalse((self.work / "pwned").exists())

    @in_every_shell
    def test_no_control_character_of_a_folder_reaches_the_prompt(self, shell):
        root = self.make("a\x1b[31mb")
        out = self.run_shell(shell, shell.old_prompt + shell.source(root) + shell.show_prompt())
        self.assertEqual(out, "(a_[31mb) old> \n", self.complaints)

    @in_every_shell
    def test_a_copy_is_itself_and_so_is_what_was_moved(self, shell):
        first = self.make("first")
        copy = self.work / "the copy"
        shutil.copytree(first, copy)
        self.assertEqual(self.run_shell(shell, shell.source(copy) + "tool\n" + shell.show("VIRTUAL_ENV_PROMPT")),
                         f"tool of {copy}\nthe copy\n", self.complaints)
        moved = self.work / "moved"
        first.rename(moved)
        self.make("first")  # another one is there now
        self.assertEqual(self.run_shell(shell, shell.source(moved) + "tool\n"), f"tool of {moved}\n", self.complaints)

    @in_every_shell
    def test_by_a_link_from_its_folder_and_in_a_subshell(self, shell):
        root = self.make("env")
        (self.work / "link").symlink_to("env")
        self.assertEqual(self.run_shell(shell, shell.source("link") + "tool\n"), f"tool of {root}\n", self.complaints)
        link = self.work / "bin" / shell.script
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(root / "bin" / shell.script)
        self.assertEqual(self.run_shell(shell, shell.source(self.work) + "tool\n"), f"tool of {root}\n", self.complaints)
        if type(shell) is Posix:
            self.assertEqual(self.run_shell(shell, f"({shell.source(root)}tool) > out\ncat out\n" + shell.show("VIRTUAL_ENV")),
                             f"tool of {root}\n\n", self.complaints)
            self.assertEqual(self.run_shell(shell, f"f() {{ {shell.source(root).strip()}; }}\nset -f\nf\ntool\n"),
                             f"tool of {root}\n", self.complaints)

    @in_every_shell
    def test_what_cannot_be_activated_is_refused_and_changes_nothing(self, shell):
        root = self.make("env")
        no_env, colon = self.work / "no env", self.work / "a:b"
        shutil.copytree(root, no_env)
        (no_env / "pyvenv.cfg").unlink()
        shutil.copytree(root, colon)
        for bad in [no_env, colon] + ([self.make("line\nend")] if isinstance(shell, Csh) else []):
            out = self.run_shell(shell, shell.source(root).replace(" || exit 9", "") +
                                 shell.source(bad).replace("exit 9", "echo refused") + "tool\n" + shell.show("VIRTUAL_ENV"))
            self.assertEqual(out, f"refused\ntool of {root}\n{root}\n", self.complaints)
            self.assertIn("nothing changed", self.complaints)
            if bad.name == "line\nend":
                shutil.rmtree(bad)

    @in_every_shell
    def test_what_the_environment_says_of_other_shells_is_not_believed(self, shell):
        """Names that shells give themselves, exported by a program in between."""
        if shell.name == "bash":
            return  # believes it itself
        root, other = self.make("env"), self.make("other")
        out = self.run_shell(shell, shell.source(root) + "tool\n", BASH_SOURCE=f"{other}/bin/activate", ZSH_VERSION="5",
                             KSH_VERSION="93", **({} if shell.name == "ksh" else {"BASH_VERSION": "5"}))
        self.assertEqual(out, f"tool of {root}\n", self.complaints)

    @in_every_shell
    def test_one_that_was_removed_since_is_left_for_another(self, shell):
        gone, root = self.make("gone"), self.make("env")
        out = self.run_shell(shell, shell.source(gone) + f"rm -r {gone}\n" + shell.source(root) + "tool\n" + shell.show("PATH"))
        self.assertEqual(out, f"tool of {root}\n{root}/bin:{SYSTEM_PATH}\n", self.complaints)

    def test_a_shell_that_keeps_the_script_to_itself_is_refused(self):
        if not shutil.which("yash", path=SYSTEM_PATH):
            self.skipTest("yash is not installed")
        root = self.make("env")
        self.run_shell(Posix("yash"), Posix("yash").source(root))
        self.assertEqual(self.status, 9)
        self.assertIn("moat shell --env PATH", self.complaints)

    # Of one tool after another.

    def venv(self, name):
        root = self.work / name
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", root], check=True)
        self.add_tool(root)
        (root / "bin/only-here").write_text("#!/bin/sh\n")
        (root / "bin/only-here").chmod(0o755)
        return root

    def check_switch(self, shell, first, second, **variables):
        out = self.run_shell(shell, shell.old_prompt + shell.source(first) + "tool\n" + shell.source(second) + "tool\n" +
                             shell.show("PATH") + "deactivate\n" + shell.show("PATH") + shell.show("VIRTUAL_ENV") +
                             shell.show("PYTHONHOME") + shell.show_prompt(), **variables)
        self.assertEqual(out, f"tool of {first}\ntool of {second}\n{second}/bin:{SYSTEM_PATH}\n{SYSTEM_PATH}\n\n"
                         f"{variables.get('PYTHONHOME', '')}\nold> \n", self.complaints)

    @in_every_shell
    def test_one_after_another(self, shell):
        self.check_switch(shell, self.make("one"), self.make("two"), PYTHONHOME="/old home")

    @in_every_shell
    def test_one_after_itself(self, shell):
        one = self.make("one")
        self.check_switch(shell, one, one)

    @in_every_shell
    def test_one_after_a_venv(self, shell):
        self.check_switch(shell, self.venv("venv"), self.make("one"))

    @in_every_shell
    def test_a_venv_after_one(self, shell):
        self.check_switch(shell, self.make("one"), self.venv("venv"))

    @in_every_shell
    def test_the_deactivate_of_another_tool_is_called(self, shell):
        root = self.make("env")
        define = {Posix: "deactivate() { echo called $1; unset VIRTUAL_ENV; }\n",
                  Fish: "function deactivate; echo called $argv; set -e VIRTUAL_ENV; end\n",
                  Csh: "alias deactivate 'echo called \\!:*; unsetenv VIRTUAL_ENV'\n"}[type(shell)]
        self.assertEqual(self.run_shell(shell, define + shell.source(root) + "tool\n", VIRTUAL_ENV="/elsewhere"),
                         f"called nondestructive\ntool of {root}\n", self.complaints)
        # Not where nothing is active: it may be anything.
        self.assertEqual(self.run_shell(shell, define + shell.source(root) + "tool\n"), f"tool of {root}\n", self.complaints)

    @in_every_shell
    def test_inside_of_a_program_that_was_started_in_another(self, shell):
        venv, root = self.venv("a venv"), self.make("env")
        out = self.run_shell(shell, shell.source(root) + shell.show("PATH") + "deactivate\n" + shell.show("PATH") +
                             shell.show("VIRTUAL_ENV"), VIRTUAL_ENV=str(venv), PATH=f"/first:{venv}/bin:{SYSTEM_PATH}")
        self.assertEqual(out, f"{root}/bin:/first:{SYSTEM_PATH}\n/first:{SYSTEM_PATH}\n\n", self.complaints)


class Terminal:
    """A program on a terminal of its own, typed to line by line."""

    def __init__(self, argv, cwd, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                os.execve(argv[0], argv, env)
            finally:
                os._exit(127)
        self.seen = ""

    def read_until(self, done, seconds=20):
        """`done` is asked again whenever something came, and now and then."""
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"it does not come\n{self.seen}")
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.fd, 4096).decode(errors="replace").replace("\r", "")
                except OSError:
                    raise AssertionError(f"it ended\n{self.seen}") from None

    def type(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


# What each reads when it starts on a terminal, with a line that puts another python in front and one that proves it was read.
RC_FILES = {
    "bash": [(".bashrc", "export PATH={bad}:$PATH\nPS1='mine> '\nexport READ=yes\n")],
    "zsh": [(".zshenv", "READ=y\n"), (".zshrc", "export PATH={bad}:$PATH\nPS1='mine> '\nexport READ=${{READ}}es\n")],
    "dash": [("rc of mine", "export PATH={bad}:$PATH\nPS1='mine> '\nexport READ=yes\n")],
    "ksh": [(".kshrc", "export PATH={bad}:$PATH\nPS1='mine> '\nexport READ=yes\n")],
    "mksh": [(".mkshrc", "export PATH={bad}:$PATH\nPS1='mine> '\nexport READ=yes\n")],
    "fish": [(".config/fish/config.fish", "fish_add_path -gp {bad}\nfunction fish_prompt; echo -n 'mine> '; end\nset -x READ yes\n")],
    "tcsh": [(".tcshrc", "setenv PATH {bad}:\"$PATH\"\nset prompt = 'mine> '\nsetenv READ yes\n")],
    "csh": [(".cshrc", "setenv PATH {bad}:\"$PATH\"\nset prompt = 'mine> '\nsetenv READ yes\n")],
}


class MoatShellTest(sandbox.SandboxTest):
    def start(self, shell, root, rc_files, **variables):
        bad = self.root / "bad"
        bad.mkdir(exist_ok=True)
        (bad / "python").write_text("#!/bin/sh\necho WRONG\n")
        (bad / "python").chmod(0o755)
        for name, text in rc_files:
            file = self.home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.format(bad=bad))
        env = {**self.env, "SHELL": shutil.which(shell, path=SYSTEM_PATH) or shell, "TMPDIR": str(self.tmp), **variables}
        terminal = Terminal([sandbox.MOAT, "shell", "--env", str(root)], self.work, env)
        self.addCleanup(terminal.end)
        return terminal

    def setUp(self):
        super().setUp()
        self.tmp = self.root / "tmp"
        self.tmp.mkdir()
        self.create()

    def environment(self, name):
        root = self.work / name
        if not root.exists():
            (self.work / "env").rename(root)
        return root

    def probe(self, terminal):
        """→ what a program sees that is started in the shell"""
        result, probe = self.root / "result", self.tools / "probe"
        if not probe.exists():
            probe.write_text(f"#!/bin/sh\n{{ command -v python; env; }} > {self.root}/aside\nmv {self.root}/aside {result}\n")
            probe.chmod(0o755)
        terminal.type("probe")
        terminal.read_until(result.exists)
        python, *variables = result.read_text().splitlines()
        result.unlink()
        return {**dict(line.partition("=")[::2] for line in variables), "python": python}

    def check(self, terminal, root, prompt):
        terminal.read_until(lambda: prompt in terminal.seen)
        seen = self.probe(terminal)
        self.assertEqual((seen["python"], seen["VIRTUAL_ENV"], seen["READ"], seen["HOME"]),
                         (f"{root}/bin/python", str(root), "yes", str(self.home)), terminal.seen)
        return seen

    def test_the_users_own_file_is_read_and_the_environment_is_first(self):
        found = [shell for shell in RC_FILES if shutil.which(shell, path=SYSTEM_PATH)]
        if not found:
            self.skipTest("no shell is on this machine")
        for shell in found:
            for name in ("plain", "it's `a` $x"):
                with self.subTest(shell=shell, name=name):
                    root = self.environment("plain")
                    if name != "plain":
                        root = root.rename(self.work / name)
                    try:
                        variables = {"ENV": "$HOME/rc of mine"} if shell == "dash" else {}
                        terminal = self.start(shell, root, RC_FILES[shell], **variables)
                        seen = self.check(terminal, root, "(plain) mine> " if name == "plain" else "`a` $x) mine> " if shell == "fish" else " _a_ _x) mine> ")
                        self.assertEqual(seen.get("ENV"), variables.get("ENV"))
                        self.assertEqual(list(self.tmp.glob("moat*")), [], "left behind")
                        terminal.type("deactivate")
                        self.assertEqual(self.probe(terminal)["PATH"], f"{self.root}/bad:{self.env['PATH']}")
                    finally:
                        root.rename(self.work / "plain")

    def test_zsh_files_elsewhere(self):
        if not shutil.which("zsh", path=SYSTEM_PATH):
            self.skipTest("zsh is not installed")
        root = self.environment("env")
        rc = "export PATH={bad}:$PATH\nexport export READ=yes\n[ \"$ZDOTDIR\" = ~/dots ] || READ=no:$ZDOTDIR\n"
        terminal = self.start("zsh", root, [(".zshenv", "ZDOTDIR=~/dots\n"), ("dots/.zshrc", rc)])
        self.check(terminal, root, "(env)")
        terminal = self.start("zsh", root, [(".zshenv", ""), ("dots/.zshrc", rc)], ZDOTDIR=f"{self.home}/dots")
        self.check(terminal, root, "(env)")

    def test_a_shell_nobody_knows_has_it_on_path(self):
        strange = self.tools / "strange"
        strange.write_text("#!/bin/sh\necho \"args $# $VIRTUAL_ENV\"; command -v python\n")
        strange.chmod(0o755)
        root = self.work / "env"
        self.assertEqual(self.moat("shell", "--env", "env", SHELL=str(strange)), f"args 0 {root}\n{root}/bin/python\n")
        self.assertEqual(self.moat("shell", "--env", "env", SHELL="strange"), f"args 0 {root}\n{root}/bin/python\n")

    def test_a_shell_that_is_not_there(self):
        self.moat("shell", "--env", "env", SHELL="/opt/gone/tcsh", status=2)
        self.assertIn("/opt/gone/tcsh", self.said)
        self.assertIn("hint: SHELL=/bin/sh moat shell", self.said)


if __name__ == "__main__":
    sandbox.main()
