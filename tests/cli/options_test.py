"""Every option of every command acts, or is refused: what can be seen with it differs from what is seen without.

    options_test.py MOAT [TestClass.test_name…]

The options are those that --help lists, so that a new one fails here until it is in the table. MOAT_TEST_PART="1/4" takes every
fourth command only.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

# A line of each command; in the work folder there is what World.fresh() puts there.
LINES = {
    "create": "create ./new lib", "install": "install --env env lib", "upgrade": "upgrade --env env", "uninstall": "uninstall --env env lib",
    "list": "list --env env", "freeze": "freeze --env env", "show": "show --env env lib", "tree": "tree --env env", "why": "why --env env lib",
    "which": "which --env env lib", "run": "run --env env python -c pass", "shell": "shell --env env", "tool install": "tool install cmd", "tool run": "tool run cmd", "tool list": "tool list",
    "tool upgrade": "tool upgrade", "tool uninstall": "tool uninstall app", "doctor": "doctor --env env",
    "lock": "lock -r r.in", "sync": "sync --env env pylock.1.toml", "env list": "env list", "env info": "env info --env env",
    "env history": "env history --env env", "env rollback": "env rollback --env env", "env adopt": "env adopt ./foreign",
    "env remove": "env remove ./env", "env rename": "env rename one two",
    "env clone": "env clone ./env ./copy", "env move": "env move ./env ./moved", "env diff": "env diff 1 --env env", "store dir": "store dir", "store size": "store size",
    "store prune": "store prune", "store verify": "store verify", "store repair": "store repair", "store export": "store export wheelhouse", "store jobs": "store jobs", "python list": "python list", "python find": "python find",
    "python pin": "python pin 3.11", "python install": "python install 3.99", "python uninstall": "python uninstall 3.99",
    "env upgrade-python": "env upgrade-python --env env", "completion": "completion bash", "hook": "hook bash", "audit": "audit --env env", "report": "report --env env",
    "config list": "config list", "config get": "config get resolution", "config set": "config set resolution lowest",
    "config import-pip": "config import-pip",
    "bundle": "bundle pylock.1.toml -o x.moat", "bundle show": "bundle show one.moat", "bundle verify": "bundle verify one.moat",
    "push": "push one.moat oci://127.0.0.1:1/shop:1", "pull": "pull oci://127.0.0.1:1/shop:1 -o x.moat", "image": "image one.moat -o x.tar",
    "deploy": "deploy one.moat srv --insecure", "deploy rollback": "deploy rollback srv2", "deploy history": "deploy history srv2",
    "deploy verify": "deploy verify srv2", "deploy status": "deploy status srv2",
    "init": "init new", "add": "add --env env new", "remove": "remove --env env --dev more", "export": "export pylock.1.toml", "build": "build --project src",
    "import": "import lib.in && cat pylock.toml", "cache-key": "cache-key pylock.1.toml",
}
# What is typed for an option: words behind it, or another line altogether, (without, with).
TYPED = {
    "-p": "3.99", "-n": ("create lib", "create -n one2 lib"), "-r": "more.in", "-c": "limits.txt", "-e": "./src", "--group": "dev",
    "--prompt": "here", "--replace": ("create ./env lib", "create ./env lib --replace"), "--share": "", "--pip": "", "-U": "", "-P": "lib",
    "--reinstall": ("install --env env lib==1.0", "install --env env lib==1.0 --reinstall"),
    "--no-deps": ("install --env env needs", "install --env env needs --no-deps"), "--dry-run": "", "--require-hashes": "",
    "--fix": ("install --env env 'lib<2' 'needs>=2'", "install --env env 'lib<2' 'needs>=2' --fix 1"),
    "--env": "nosuch", "--user": "", "--tool": "nosuch", "--from": "nosuch", "--available": "", "--ignore": "GHSA@nonsense", "--advisories": "nosuch", "--pre": "", "--all-releases": "lib", "--only-final": "new", "--resolution": "lowest",
    "--exclude-newer": "2024-02-02", "--window": "nonsense", "--override": "nosuch.txt", "--refresh": "", "--refresh-package": "lib",
    "-i": "$OTHER", "--extra-index-url": "$OTHER", "--index": "x=$OTHER", "-f": "links", "--no-index": "",
    "--index-strategy": "nonsense", "--trusted-host": "", "--cert": "nosuch.pem", "--client-cert": "nosuch.pem",
    "--no-binary": "lib", "--only-binary": "src", "--no-build": "", "--no-build-isolation": "", "-C": "nonsense",
    "--build-constraint": "nosuch.txt", "--link-mode": "nonsense", "--no-compile": "", "--orphans": "", "--outdated": "", "--format": "freeze",
    "--invert": "", "--depth": "0", "--pure": "", "--with": "lib", "-m": "", "--strict": "", "--repair": "", "--force": "", "-o": "other.toml", "--python-version": "3.9",
    "--platform": "win_amd64", "--check": "", "--no-groups": "", "--extra": "nosuch", "--inexact": "", "--limit": "0", "-y": "", "--older-than": "nonsense", "--max-size": "nonsense", "--ci": "",
    "--name": "other", "--with-python": "", "--with-bytecode": "", "--sign": "some.key", "--key": "nosuch.pem", "--check-timeout": "nonsense",
    "--after": "false", "--probe-timeout": "nonsense", "--keep": "0",
    "--name": "other", "--package": "", "--dev": "", "--optional": "fast", "--bounds": "exact", "--raw": "", "--no-sync": "", "--editable": "./src",
    "--fork": "nonsense", "--prove": "",
    "--all-extras": "", "--no-default-groups": "", "--only-group": "nosuch", "--no-project": "", "--no-editable": "", "--locked": "", "--frozen": "",
    "--script": "nosuch.py",
    "--matrix": "3.99", "--sdist": "", "--wheel": "",
    "--build-env": "'no name'", "--allow-bad-record": "'no name'",
    "--project": "nosuch", "--config": "nosuch.toml", "--json": "", "--color": "nonsense",
}
# Where the line above shows nothing of an option: (command, option) or option, and the lines that do.
OTHER_LINES = {
    ("run", "--pure"): ("run --env env printenv PYTHONSAFE", "run --pure --env env printenv PYTHONSAFE"),
    ("run", "-m"): ("run --env env json.tool --help", "run --env env -m json.tool --help"),
    ("run", "--with"): ("run --env env python -c 'import new'", "run --env env --with new python -c 'import new'"),
    **{("install", o.split()[0]): ("install --env env lib -U", f"install --env env lib -U {o}") for o in ("-c limits.txt", "-i $OTHER", "-f links")},
    ("lock", "-f"): ("lock -r lib.in && cat pylock.toml", "lock -r lib.in -f links && cat pylock.toml"),
    ("upgrade", "-f"): ("upgrade --env env lib", "upgrade --env env lib -f links"),
    ("install", "--only-binary"): ("install --env env src", "install --env env src --only-binary src"),
    "--only-binary": ("{0} src", "{0} src --only-binary src"), "--no-build": ("{0} built", "{0} built --no-build"),
    "--no-build-isolation": ("{0} built", "{0} built --no-build-isolation"), "--only-final": ("{0} new --pre", "{0} new --pre --only-final new"),
    "--require-hashes": ("install --env env new", "install --env env new --require-hashes"),
    "--orphans": ("uninstall --env deep needs", "uninstall --env deep needs --orphans"),
    ("lock", "-U"): ("lock -r lib.in -o pylock.1.toml", "lock -r lib.in -o pylock.1.toml -U"),
    ("lock", "-P"): ("lock -r lib.in -o pylock.1.toml", "lock -r lib.in -o pylock.1.toml -P lib"),
    ("lock", "--merge"): ("lock one two three", "lock --merge one two three"),
    ("lock", "--format"): ("lock -r r.in -o x.out", "lock -r r.in -o x.out --format requirements"),
    ("lock", "--no-groups"): ("lock -r r.in -o pylock.grouped.toml", "lock -r r.in -o pylock.grouped.toml --no-groups"),
    ("sync", "--inexact"): ("sync --env env pylock.2.toml", "sync --env env pylock.2.toml --inexact"),
    **{(c, "--package"): (line, f"{c} --env env --package nosuch {more}") for c, line, more in (
        ("sync", "sync --env env", ""), ("run", "run --env env python -c pass", "python -c pass"))},
    ("sync", "--group"): ("sync --env env pylock.1.toml", "sync --env env pylock.1.toml --group nosuch"),
    ("sync", "--no-compile"): ("sync --env bare pylock.1.toml", "sync --env bare pylock.1.toml --no-compile"),
    ("sync", "-f"): ("sync --env bare pylock.away.toml", "sync --env bare pylock.away.toml -f lib1"),
    ("sync", "--no-index"): ("sync --env bare pylock.away.toml", "sync --env bare pylock.away.toml --no-index"),
    ("tree", "--invert"): ("tree --env deep lib", "tree --env deep lib --invert"), ("tree", "--depth"): ("tree --env deep", "tree --env deep --depth 0"),
    ("list", "--outdated"): ("list --env env", "list --env env --outdated"),
    ("config set", "--config"): ("config set pre true", "--config mine.toml config set pre true"),
    ("config import-pip", "--replace"): ("config import-pip", "config import-pip --replace"),
    ("add", "--compile"): ("add --env bare lib --no-compile", "add --env bare lib --compile"),
    ("install", "--compile"): ("install --env bare lib --no-compile", "install --env bare lib --compile"),
    ("sync", "--compile"): ("sync --env bare pylock.1.toml --no-compile", "sync --env bare pylock.1.toml --compile"),
    ("install", "--no-compile"): ("install --env bare lib", "install --env bare lib --no-compile"),
    "--compile": ("{0} --no-compile", "{0} --compile"),
    ("create", "-p"): ("create ./new", "create ./new -p 3.99"), ("create", "--prompt"): ("create ./new", "create ./new --prompt here"),
    ("bundle", "--env"): ("bundle pylock.1.toml -o x.moat", "bundle --env nosuch -o x.moat"),
    ("bundle", "--platform"): ("bundle pylock.1.toml -o x.moat", "bundle pylock.1.toml -o x.moat --platform win_amd64"),
    ("bundle", "--python-version"): ("bundle pylock.1.toml -o x.moat", "bundle pylock.1.toml -o x.moat --python-version three"),
    ("bundle show", "--sbom"): ("bundle show one.moat", "bundle show one.moat --sbom"),
    ("bundle", "--without-bytecode"): ("bundle pylock.1.toml -o x.moat --with-python", "bundle pylock.1.toml -o x.moat --with-python --without-bytecode"),
    ("bundle", "-o"): ("bundle pylock.1.toml -o x.moat", "bundle pylock.1.toml -o y.moat"),
    ("bundle", "-f"): ("bundle pylock.away.toml -o x.moat", "bundle pylock.away.toml -o x.moat -f lib1"),
    ("bundle", "--no-index"): ("bundle pylock.away.toml -o x.moat", "bundle pylock.away.toml -o x.moat --no-index"),
    ("deploy", "--insecure"): ("deploy one.moat srv", "deploy one.moat srv --insecure"),
    ("deploy", "--not-older"): ("deploy one.moat srv2 --insecure", "deploy one.moat srv2 --insecure --not-older"),
    ("deploy", "--check"): ("deploy one.moat srv --insecure", "deploy one.moat srv --insecure --check false"),
    "--probe": ("{0} --probe-timeout 1s", "{0} --probe-timeout 1s --probe false"),
    ("add", "--no-compile"): ("add --env bare lib", "add --env bare lib --no-compile"), ("add", "--dry-run"): ("add --env env lib", "add --env env lib --dry-run"),
    ("add", "--only-final"): ("add --env env new --pre", "add --env env new --pre --only-final new"),
    ("add", "--all-releases"): ("add --env env lib", "add --env env lib --all-releases lib"),
    ("add", "--exclude-newer"): ("add --env env lib", "add --env env lib --exclude-newer 2024-02-02"),
    ("add", "--resolution"): ("add --env env lib", "add --env env lib --resolution lowest"),
    **{("add", o.split()[0]): ("add --env env lib", f"add --env env lib {o}") for o in ("-i $OTHER", "--extra-index-url $OTHER", "--index x=$OTHER", "-f links")},
    ("remove", "--dev"): ("remove --env env more", "remove --env env --dev more"),
    ("remove", "--group"): ("remove --env env more", "remove --env env --group dev more"),
    ("remove", "--optional"): ("remove --env env more", "remove --env env --optional fast more"),
    ("build", "--wheel"): ("build --project src", "build --project src --wheel"),
    ("build", "-o"): ("build --project src --wheel", "build --project src --wheel -o out"),
    ("import", "--only-final"): ("import lib.in --pre && cat pylock.toml", "import lib.in --pre --only-final lib && cat pylock.toml"),
    ("import", "--only-binary"): ("import built.in && cat pylock.toml", "import built.in --only-binary built && cat pylock.toml"),
    ("import", "--no-build"): ("import built.in && cat pylock.toml", "import built.in --no-build && cat pylock.toml"),
    ("import", "--no-build-isolation"): ("import built.in && cat pylock.toml", "import built.in --no-build-isolation && cat pylock.toml"),
    ("lock", "--universal"): ("lock -r lib.in && cat pylock.toml", "lock -r lib.in --universal && cat pylock.toml"),
    **{(c, "--strict-files"): (f"{c} {rest} cmd twin", f"{c} {rest} cmd twin --strict-files")
       for c, rest in (("create", "./new"), ("install", "--env env"), ("add", "--env env"))},
    ("tool install", "--strict-files"): ("tool install cmd --with twin", "tool install cmd --with twin --strict-files"),
    ("create", "--share"): ("create ./new", "create ./new --share"),
}
# Nothing can be seen of these here, and why.
UNSEEN = {
    "--no-input": "asks only at a terminal", "--no-progress": "a live line is for a terminal", "--build-network": "loopback needs none",
    "-q": "test_everywhere", "-v": "test_everywhere", "--offline": "test_everywhere", "--timings": "test_everywhere",
    "--strict-files": "needs two packages with one file: overlapping_files", "--work": "what moat starts, not what is typed",
    "--store-dir": "test_everywhere", "--no-config": "test_everywhere", "-y": "asks only at a terminal",
    "--trusted-host": "hosts that are not this machine; tests of the network", "--refresh-package": "is --refresh of one package",
    ("shell", "--json"): "the output is the program's", ("run", "--json"): "the output is the program's",
    ("store jobs", "--wait"): "background_test",
    "--no-vulnerable": "nothing is known against anything here: audit_test",
    ("report", "--outdated"): "the page has it: report_test",
    **{("report", o): "acts with --outdated: report_test" for o in (
        "-i", "--extra-index-url", "--index", "-f", "--no-index", "--index-strategy", "--trusted-host", "--cert", "--client-cert")},
    **{("tool upgrade", o): "no application is installed here: transcript tools" for o in ("-i", "-f")},
    **{("env upgrade-python", o): "no newer Python of its line is here: pythons_test" for o in ("-i", "-f")},
    **{("audit", o): "what is installed says which index it came from: audit_test" for o in ("-i", "-f")},
    **{(c, "--compile"): "as in install" for c in ("env adopt", "env upgrade-python", "tool install", "tool upgrade")},
    ("bundle", "--no-project"): "deploy_test",
    **{(c, o): "how a registry is spoken to: oci_registry_test" for c in ("push", "pull", "deploy", "bundle show", "bundle verify")
       for o in ("--cert", "--client-cert")},
    ("pull", "--key"): "oci_registry_test", ("pull", "-o"): "oci_registry_test",
    **{("image", o): "image_test" for o in ("-o", "--base", "--place", "--entrypoint", "--cmd", "--env", "--user", "--workdir", "--port", "--label",
                                           "--name", "--format", "--no-project", "--extra", "--group", "-i", "--extra-index-url", "--index", "-f",
                                           "--no-index", "--index-strategy", "--cert", "--client-cert", "-p")},
    ("env list", "--user"): "", ("doctor", "--strict"): "nothing but system libraries is noted here",
    ("env rollback", "--force"): "needs a change that goes neither way: damage_test",
    # What a lock names needs no index: these act where something is built, or for credentials.
    **{(c, o): "a lock names its files" for c in ("sync", "bundle") for o in ("-i", "--extra-index-url", "--index")},
    **{("sync", o): "acts where a project's lock is brought up to date" for o in (
        "--pre", "--all-releases", "--only-final", "--resolution", "--exclude-newer", "--refresh", "--no-binary", "--only-binary", "--no-build",
        "--no-build-isolation")},
    **{("build", o): "acts where the build requires something" for o in ("-i", "--extra-index-url", "--index", "-f", "--no-index", "--no-binary",
                                                                          "--only-binary", "--no-build-isolation")},
    **{(c, "--refresh"): "asks again for what is the same" for c in ("add", "import")},
    **{("upgrade", o): "needs a source among what is installed" for o in ("--no-build", "--no-build-isolation", "--only-binary", "--only-final")},
    **{("env adopt", o): "versions stay" for o in ("--pre", "--all-releases", "--only-final", "--resolution", "--exclude-newer",
                                                    "--extra-index-url", "--index", "-f", "--refresh", "-i", "--no-index")},
    **{("run", o): "refused without --with" for o in ()},
}

# Other tests type these; no line above shows them yet, as what they choose from looks the same with them and without.
UNSHOWN = {
    **{("add", o): "" for o in "--no-binary".split()},
    **{("audit", o): "" for o in "--extra-index-url --index --no-index".split()},
    **{("build", o): "" for o in "--no-build --sdist".split()},
    **{(c, "--json"): "" for c in ("completion", "hook")},
    **{("config import-pip", o): "" for o in "--replace".split()},
    **{("create", o): "" for o in "--refresh".split()},
    **{("env adopt", o): "" for o in "--no-compile --override".split()},
    **{("env upgrade-python", o): "" for o in (
        "--all-releases --build-constraint --exclude-newer --extra-index-url --index --no-binary --no-build --no-build-isolation "
        "--no-compile --no-index --only-binary --only-final --override --pre --refresh --resolution").split()},
    **{("install", o): "" for o in (
        "--all-releases --build-constraint --dry-run --exclude-newer --extra-index-url --index --no-binary --no-build-isolation "
        "--no-index --pre --refresh --resolution").split()},
    **{("lock", o): "" for o in (
        "--all-releases --env --exclude-newer --extra-index-url --format --index --no-binary --no-build --no-build-isolation "
        "--only-binary --only-final --platform --pre --python-version --refresh --resolution").split()},
    **{("sync", o): "" for o in "--dry-run --override".split()},
    **{("tool install", o): "" for o in "--no-build --no-build-isolation --only-binary --only-final".split()},
    **{("tool upgrade", o): "" for o in (
        "--all-releases --build-constraint --dry-run --exclude-newer --extra-index-url --index --no-binary --no-build "
        "--no-build-isolation --no-compile --no-index --only-binary --only-final --override --pre --refresh --resolution").split()},
    **{("upgrade", o): "" for o in "--refresh".split()},
}


def option_of(line):
    """-p of "  -p, --python SPEC   text"; "" for what is no option."""
    match = re.match(r"  (-\w)?(?:, )? {0,4}(--[\w-]+)?", line)
    return (match[1] or match[2] or "") if match and (match[1] or match[2]) else ""


def state_of(path):
    """Differs after any change at or below the path: a file's ctime cannot be set back."""
    if not os.path.lexists(path):
        return None
    state = [(str(path), os.lstat(path).st_ino, os.lstat(path).st_ctime_ns)]
    for folder, folders, names in os.walk(path):
        for name in folders + names:
            entry = os.path.join(folder, name)
            facts = os.lstat(entry)
            state.append((entry, facts.st_ino, facts.st_ctime_ns))
    return hash(tuple(sorted(state)))


class Options(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        self.servers, self.known, self.changed = [], {}, False
        for lines in (["lib 1.0 uploaded 2024-01-01", "lib 2.0 uploaded 2024-03-01", "lib 3.0a1 uploaded 2024-04-01", "new 1.0", "new 2.0a1",
                       "needs 1.0 requires lib", "needs 2.0 requires lib>=2", "src 1.0 sdist static", "built 1.0 sdist dynamic",
                       "pip 1.0", "more 1.0", "cmd 1.0 requires lib entry cmd=cmd:main", "twin 1.0 entry cmd=twin:main"], ["lib 7.0"]):
            index = loopback_index.Index()
            for line in lines:
                index.add(line)
            self.servers.append(loopback_index.serve(index))
            self.addCleanup(self.servers[-1].server_close)
            self.addCleanup(self.servers[-1].shutdown)
        self.env.update(MOAT_INDEX_URL=self.servers[0].url, OTHER=self.servers[1].url, PYTHONSAFE="1", MOAT_RETRIES="0")
        self.template = pathlib.Path(tempfile.mkdtemp(prefix="options-"))
        self.addCleanup(shutil.rmtree, self.template, True)
        self.fill()
        self.states = {}
        for folder, template in self.kept_folders():
            shutil.copytree(folder, template, symlinks=True)
            self.states.update((path, state_of(path)) for path in folder.iterdir())

    def fill(self):
        self.moat("create", "./env", "lib==1.0")
        self.moat("create", "./bare")
        self.moat("create", "./deep", "needs==1.0")
        self.moat("create", "-n", "one")
        for name, text in (("r.in", "new\n"), ("lib.in", "lib\n"), ("more.in", "more\n"), ("limits.txt", "lib<2\nnew<1\n"),
                           ("pyproject.toml", '[project]\nname = "p"\nversion = "1"\n[dependency-groups]\ndev = ["more"]\n')):
            (self.work / name).write_text(text)
        for path, text in loopback_index.tree("src", "1.0", [], "static").items():
            (self.work / "src").mkdir(exist_ok=True)
            (self.work / "src" / path).write_text(text)
        (self.work / "one.in").write_text("lib==1.0\n")
        (self.work / "built.in").write_text("built\n")
        self.moat("lock", "-r", "one.in", "-o", "pylock.1.toml")
        self.moat("lock", "-r", "r.in", "-o", "pylock.2.toml")
        self.moat("lock", "-r", "r.in", "--group", "dev", "-o", "pylock.grouped.toml")
        away = (self.work / "pylock.1.toml").read_text()
        (self.work / "pylock.away.toml").write_text(re.sub(r'url = "[^"]*/', 'url = "http://127.0.0.1:1/', away).replace(
            re.search(r"[0-9a-f]{64}", away)[0], self.other_lib()))
        for folder, version in (("links", "9.0"),):
            (self.work / folder).mkdir()
            name, content = loopback_index.wheel("lib", version, "py3-none-any", [], "", [])
            (self.work / folder / name).write_bytes(content)
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", self.work / "foreign"], check=True)
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.work / "some.key"], check=True)
        self.moat("bundle", "pylock.1.toml", "-o", "one.moat")
        self.moat("bundle", "pylock.2.toml", "-o", "two.moat", SOURCE_DATE_EPOCH="2000000000")
        self.moat("deploy", "one.moat", "srv2", "--insecure")
        self.moat("deploy", "two.moat", "srv2", "--insecure")

    def other_lib(self):
        """lib 1.0 of other bytes, which no store has seen; its hash."""
        import hashlib
        name, content = loopback_index.wheel("lib", "1.0", "py3-none-any", [], "", ["lib=lib:main"])
        (self.work / "lib1").mkdir()
        (self.work / "lib1" / name).write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    def kept_folders(self):
        return ((self.work, self.template / "work"), (self.root / "moat/data", self.template / "data"))

    def fresh(self):
        """Everything as it was at the beginning. Only what changed is copied: that is most of this test's time."""
        for folder, template in self.kept_folders() if self.changed else ():
            for name in sorted({p.name for p in [*folder.iterdir(), *template.iterdir()]}):
                here = folder / name
                if state_of(here) == self.states.get(here):
                    continue
                shutil.rmtree(here) if here.is_dir() and not here.is_symlink() else here.unlink(missing_ok=True)
                if os.path.lexists(template / name):
                    subprocess.run(["cp", "-a", template / name, here], check=True)
                    self.states[here] = state_of(here)
        (self.root / "moat/config.toml").unlink(missing_ok=True)
        self.changed = False

    def files(self):
        """What lies in the work folder but for runtimes, and whether their files have several names."""
        found = []
        for folder, folders, names in os.walk(self.work):
            if folder.endswith("/.moat"):
                folders[:] = []
                found += [(p.name, p.stat().st_nlink) for p in pathlib.Path(folder).glob("rt/bin/python3*") if not p.is_symlink()]
                continue
            found += [(os.path.relpath(os.path.join(folder, name), self.work), 1) for name in names]
        return sorted(found)

    def seen(self, line):
        if line in self.known:
            return self.known[line]
        self.fresh()
        done = subprocess.run(["bash", "-c", f'"{sandbox.MOAT}" {line}'], cwd=self.work, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=300)
        said = re.sub(r"\d+(\.\d+)? ?(ms|s)\b", "", done.stdout)
        said = re.sub(r"(packages? changed|resolve|download|compile|install|build)[^\n]*", r"\1", said)
        self.changed = done.returncode == 0 and line.split()[0] not in ("list", "freeze", "show", "tree", "why", "which", "run", "doctor", "python")
        cfg = sorted((str(p), p.read_text()) for p in self.work.glob("*/pyvenv.cfg"))
        self.known[line] = done.returncode, said, self.files() if self.changed else [], cfg
        return self.known[line]

    def commands(self):
        listed = self.moat("--help").split("Commands:\n")[1]
        names = []
        for line in listed.splitlines():
            words = line.split()
            member = words and (words[0] in ("env", "tool", "store", "python", "config") or words[0] in ("bundle", "deploy") and words[1].islower())
            name = " ".join(words[:2]) if member else (words or [""])[0]
            if line.startswith("  ") and line[2] != " " and name not in ("pip", "eval"):  # pip's options have tests of their own; eval has none
                names.append(name)
        part, parts = map(int, os.environ.get("MOAT_TEST_PART", "1/1").split("/"))
        return names[part - 1::parts]

    maxDiff = None

    def test_every_option_of_every_command(self):
        unknown, idle = [], []
        for command in self.commands():
            if command not in LINES:
                unknown.append(command)
                continue
            for option in filter(None, map(option_of, self.moat(*command.split(), "--help").splitlines())):
                lines = OTHER_LINES.get((command, option)) or OTHER_LINES.get(option)
                if option in ("-h", "--help") or (command, option) in {**UNSEEN, **UNSHOWN} or (option in UNSEEN and (command, option) not in OTHER_LINES):
                    continue
                if lines is None and option in TYPED:
                    typed = TYPED[option]
                    lines = typed if isinstance(typed, tuple) else (LINES[command], LINES[command].replace(
                        command, f"{command} {option} {typed}", 1))
                if lines is None:
                    unknown.append(f"{command} {option}")
                    continue
                without, acting = (line.format(LINES[command]) for line in lines)
                if self.seen(without) == self.seen(acting):
                    idle.append(f"{command} {option}: moat {acting}")
        self.assertEqual(unknown, [], "not in the table")
        self.assertEqual(idle, [], "taken, and nothing came of it")

    def test_everywhere(self):
        line = "install --env env new"
        before = self.seen(line)
        for option in ("-q", "-v", "--timings", "--store-dir elsewhere --offline"):
            with self.subTest(option):
                self.assertNotEqual(self.seen(f"{line} {option}"), before)
        self.fresh()
        (self.root / "moat/config.toml").write_text('index-url = "http://127.0.0.1:1/"\n')
        self.moat("--no-config", "config", "list")
        self.assertNotIn("127.0.0.1:1/", self.said)


if __name__ == "__main__":
    sandbox.main()
