"""The commands that the torture breaks, and what each changes."""


class Command:
    """`words`: what is typed. `watch`: the paths that it changes, below the world; `envs`: the environments among them;
    `loose`: those of which only counts whether they are there. `again`: it may be repeated when it changed nothing. `cold`:
    begins without wheels in the store, and where `runtimes` is false without a runtime. `checks`: commands that have to
    work afterwards where the first path of `watch` is there. `steps`: it is several changes one after the other, each
    whole: when it is cut short, those of the first of `watch` may be made and the others not yet. `needs`: the parts of the
    template that it is about."""

    def __init__(self, name, words, watch=("env",), envs=None, loose=(), again=True, cold=False, runtimes=True, checks=(),
                 steps=False, needs=("env",)):
        self.name, self.words, self.watch, self.loose = name, words, watch, loose
        self.envs = watch if envs is None else envs
        self.again, self.cold, self.runtimes, self.checks, self.steps = again, cold, runtimes, checks, steps
        self.needs = needs


PACKAGES = ["--no-index", "-f", "wheels"]
PROJECT = ["--project", "project", "--no-index", "-f", "../wheels"]
NAMED = "home/moat/data/envs"


def commands(template):
    python = ["-p", str(template.python)]
    return [
        Command("create", ["create", "./new", "beta", *python, *PACKAGES], watch=("new",), cold=True, needs=()),
        Command("snapshot", ["create", "./new", *python], watch=("new",), cold=True, runtimes=False, needs=()),
        Command("install", ["install", "--env", "env", "gamma", *PACKAGES], cold=True),
        Command("upgrade", ["install", "--env", "env", "-U", "alpha", *PACKAGES]),
        Command("uninstall", ["uninstall", "--env", "env", "beta"]),
        Command("sync", ["sync", "--env", "env", "locked.txt", *PACKAGES]),
        Command("rollback", ["env", "rollback", "--env", "env"], again=False),
        Command("rename", ["env", "rename", "one", "two"], watch=(NAMED + "/one", NAMED + "/two"), needs=("one",)),
        Command("remove an environment", ["env", "remove", "env"]),
        Command("prune", ["store", "prune", "--older-than", "0d"], runtimes=False),
        Command("build", ["install", "--env", "env", "./source"], cold=True, needs=("env", "source")),
        Command("add", ["add", "gamma", *PROJECT], watch=("project/pyproject.toml", "project/pylock.toml", "project/.venv"),
                envs=("project/.venv",), steps=True, needs=("project",)),
        Command("remove", ["remove", "beta", "--project", "project"],
                watch=("project/pyproject.toml", "project/pylock.toml", "project/.venv"), envs=("project/.venv",), steps=True, needs=("project",)),
        Command("lock", ["lock", "-U", *PROJECT, "-o", "pylock.other.toml"], watch=("project/pylock.other.toml",), envs=(), needs=("project",)),
        Command("tool install", ["tool", "install", "beta", *python, *PACKAGES],
                watch=("home/moat/data/tools/beta", "home/.local/bin"), envs=("home/moat/data/tools/beta",), needs=()),
        Command("bundle", ["bundle", "-o", "out.pyz", "--no-project", *PROJECT], watch=("project/out.pyz",), envs=(),
                loose=("project/out.pyz",), needs=("project",), checks=(["bundle", "verify", "project/out.pyz"],)),
        Command("python install", ["python", "install", template.version], watch=("home/moat/data/pythons",), envs=(),
                needs=("mirror",)),
    ]
