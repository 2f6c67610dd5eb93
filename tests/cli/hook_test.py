"""`moat hook`: bash, zsh and fish activate the environment of the folder they are in, and leave it again.

    hook_test.py MOAT [Hook.test…]

Each shell reads its hook and runs it before each prompt, as it would for a person; here the prompts are played: `prompt`
stands for one. A shell that is missing is skipped. Debian's names: bash zsh fish.
"""
import functools
import os
import shutil
import subprocess

import sandbox

SHELLS = ("bash", "zsh", "fish")
START = {
    "bash": 'eval "$(moat hook bash)"\nprompt() { eval "$PROMPT_COMMAND"; }\n',
    "zsh": 'eval "$(moat hook zsh)"\nprompt() { for f in $precmd_functions; do $f; done }\n',
    "fish": "moat hook fish | source\nfunction prompt; emit fish_prompt; end\n",
}
SHOW = {shell: 'echo "<${VIRTUAL_ENV-}>"\n' for shell in SHELLS}
SHOW["fish"] = 'echo "<$VIRTUAL_ENV>"\n'
NO_FILES = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}


def in_every_shell(test):
    @functools.wraps(test)
    def run(self):
        for shell in SHELLS:
            with self.subTest(shell=shell):
                if not shutil.which(shell):
                    self.skipTest(f"{shell} is not on this machine")
                test(self, shell)
    return run


class Hook(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        (self.tools / "moat").symlink_to(sandbox.MOAT)
        for name in ("one/sub", "it's two", "none", "between"):
            (self.work / name).mkdir(parents=True)
        self.moat("create", "-q", "one/.venv")
        self.moat("create", "-q", "it's two/.venv")
        self.one, self.two = f"<{self.work}/one/.venv>", f"<{self.work}/it's two/.venv>"

    def play(self, shell, *lines, **variables):
        """→ what each `show` printed"""
        script = self.root / "lines"
        script.write_text(START[shell] + "prompt\n" + "".join(
            SHOW[shell] if line == "show" else line.get(shell, line.get("sh", "")) + "\n" if isinstance(line, dict) else line + "\n"
            for line in lines))
        done = subprocess.run([shell, *NO_FILES[shell], script], cwd=self.work, env={**self.env, **variables}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=120)
        self.assertEqual((done.stderr, done.returncode), ("", 0), done.stdout)
        return done.stdout.splitlines()

    @in_every_shell
    def test_goes_with_the_folder(self, shell):
        path = {"sh": 'echo "${PATH%%:*}"', "fish": "echo $PATH[1]"}
        seen = self.play(shell, "cd one", "prompt", "show", path, "cd sub", "prompt", "show", 'cd "../../it\'s two"', "prompt", "show",
                         "cd ../none", "prompt", "show", path)
        self.assertEqual(seen, [self.one, f"{self.work}/one/.venv/bin", self.one, self.two, "<>", str(self.tools)])

    @in_every_shell
    def test_an_environment_that_comes_or_goes(self, shell):
        seen = self.play(shell, "cd between", "prompt", "show", "moat create -q", "prompt", "show", "moat env remove -q -y ./.venv", "prompt",
                         "show")
        self.assertEqual(seen, ["<>", f"<{self.work}/between/.venv>", "<>"])

    @in_every_shell
    def test_what_was_done_by_hand_stays(self, shell):
        source = {"sh": '. "$PWD/it\'s two/.venv/bin/activate"', "fish": 'source "$PWD/it\'s two/.venv/bin/activate.fish"'}
        seen = self.play(shell, source, "cd one", "prompt", "show", "cd ..", "prompt", "show", "deactivate", "cd one", "prompt", "show")
        self.assertEqual(seen, [self.two, self.two, self.one])
        # What was left by hand is not activated again before another folder was visited.
        seen = self.play(shell, "cd one", "prompt", "deactivate", "cd sub", "prompt", "show", "cd ../../none", "prompt", "cd ../one",
                         "prompt", "show")
        self.assertEqual(seen, ["<>", self.one])

    @in_every_shell
    def test_a_shell_started_inside_leaves_as_well(self, shell):
        inner = self.root / "inner"
        inner.write_text(START[shell] + "cd ../none\nprompt\n" + SHOW[shell])
        start = f"{shell} {' '.join(NO_FILES[shell])} '{inner}'"
        self.assertEqual(self.play(shell, "cd one", "prompt", "show", start, "show"), [self.one, "<>", self.one])

    @in_every_shell
    def test_only_what_moat_made_for_this_user_is_sourced(self, shell):
        strange = self.work / "strange/.venv"
        shutil.rmtree(strange, ignore_errors=True)
        shutil.copytree(self.work / "one/.venv", strange, symlinks=True)
        for script in strange.glob("bin/activate*"):
            script.write_text(f"touch {self.root}/pwned\n")
        self.assertEqual(self.play(shell, "cd strange", "prompt", "show"), ["<>"])
        self.assertFalse((self.root / "pwned").exists())
        if os.getuid() == 0:
            for path in (self.work / "one/.venv", *(self.work / "one/.venv").rglob("*")):
                os.chown(path, 4711, 4711, follow_symlinks=False)
            self.assertEqual(self.play(shell, "cd one", "prompt", "show"), ["<>"])
            for path in (self.work / "one/.venv", *(self.work / "one/.venv").rglob("*")):
                os.chown(path, 0, 0, follow_symlinks=False)

    @in_every_shell
    def test_what_took_the_place_of_one_is_not_sourced(self, shell):
        """As `git clone` and `git checkout` do: the same path, other files."""
        for what in ("folder", "script"):
            shutil.rmtree(self.work / "between/.venv", ignore_errors=True)
            self.moat("create", "-q", "between/.venv")
            self.assertEqual(self.play(shell, "cd between", "prompt", "show"), [f"<{self.work}/between/.venv>"])
            mine = self.work / "between/.venv"
            if what == "folder":
                shutil.copytree(mine, self.work / "theirs", symlinks=True)
                shutil.rmtree(mine)
                (self.work / "theirs").rename(mine)
            else:
                for script in mine.glob("bin/activate*"):
                    script.write_text(f"touch {self.root}/pwned\n")
            self.assertEqual(self.play(shell, "cd between", "prompt", "show"), ["<>"], what)
            self.assertFalse((self.root / "pwned").exists())
        shutil.rmtree(self.work / "between/.venv")

    @in_every_shell
    def test_adopting_makes_it_one_of_mine(self, shell):
        shutil.rmtree(self.work / "strange", ignore_errors=True)
        shutil.copytree(self.work / "one/.venv", self.work / "strange/.venv", symlinks=True)
        self.assertEqual(self.play(shell, "cd strange", "prompt", "show"), ["<>"])
        self.moat("env", "adopt", "strange/.venv")
        self.assertEqual(self.play(shell, "cd strange", "prompt", "show"), [f"<{self.work}/strange/.venv>"])

    @in_every_shell
    def test_a_moved_one_is_still_mine(self, shell):
        (self.work / "one").rename(self.work / "uno")
        seen = self.play(shell, "cd uno", "prompt", "show", "cd ../none", "prompt", "show")
        self.assertEqual(seen, [f"<{self.work}/uno/.venv>", "<>"])
        (self.work / "uno").rename(self.work / "one")
        self.assertEqual(self.play(shell, "cd one", "prompt", "show"), [self.one])

    @in_every_shell
    def test_a_shell_without_the_path_gets_it(self, shell):
        """As a login shell in a new window: the variables are inherited, PATH is reset."""
        which = {"sh": 'command -v python', "fish": "command -v python"}
        seen = self.play(shell, "cd one", "prompt", which, VIRTUAL_ENV=f"{self.work}/one/.venv", MOAT_HOOKED=f"{self.work}/one/.venv")
        self.assertEqual(seen, [f"{self.work}/one/.venv/bin/python"])

    @in_every_shell
    def test_one_that_is_gone_is_left(self, shell):
        path = {"sh": 'echo "$PATH"', "fish": "string join : $PATH"}
        gone = f"{self.work}/gone/.venv"
        seen = self.play(shell, "prompt", "show", path, VIRTUAL_ENV=gone, MOAT_HOOKED=gone, PATH=f"{gone}/bin:{self.env['PATH']}")
        self.assertEqual(seen, ["<>", self.env["PATH"]])

    @in_every_shell
    def test_files_that_are_being_edited_do_not_matter(self, shell):
        (self.work / "one/pyproject.toml").write_text("<<<<<<< HEAD\n")
        (self.root / "moat/config.toml").write_text("link-mode = [")
        self.moat("config", "list", status=2)
        self.assertEqual(self.play(shell, "cd one", "prompt", "show"), [self.one])
        (self.root / "moat/config.toml").unlink()

    def test_bash_keeps_the_status_and_the_other_commands_of_a_prompt(self):
        seen = self.play("bash", START["bash"] + "cd one", "(exit 7)", "prompt", "show", "(exit 8)", "prompt", PROMPT_COMMAND='echo "other $?"')
        self.assertEqual(seen, ["other 0", "other 7", self.one, "other 8"])

    def test_moat_is_asked_only_where_the_folder_is_another_one(self):
        asked = self.root / "asked"
        (self.tools / "moat").unlink()
        (self.tools / "moat").write_text(f'#!/bin/sh\necho "$*" >> "{asked}"\nexec "{sandbox.MOAT}" "$@"\n')
        (self.tools / "moat").chmod(0o755)
        self.play("bash", "prompt", "prompt", "cd one", "prompt", "prompt", "cd ..", "prompt")
        self.assertEqual(asked.read_text().splitlines(),
                         ["hook bash"] + [f"hook bash {folder}" for folder in (self.work, self.work / "one", self.work)])

    def test_bad_words(self):
        self.moat("hook", status=2)
        self.moat("hook", "tcsh", status=2)
        self.assertIn("SHELL must be one of: bash, zsh, fish", self.said)


if __name__ == "__main__":
    sandbox.main()
