"""Metadata, requirements, locks, projects and environments that somebody wrote to do harm."""
import os
import shutil
import socket

from attack import Attack
from hostile_archives import evil_wheel
from world import PACKAGES_OF_TEMPLATE

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r"

METADATA = {
    "escapes": f"Summary: {ESCAPES}\nAuthor: {ESCAPES}\n", "not UTF-8": "Summary: \udcff\udcfe\n",
    "50,000 requirements": "".join(f"Requires-Dist: n{i}\n" for i in range(50000)),
    "one requirement of a megabyte": "Requires-Dist: " + "a" * 1000000 + "\n",
    "deep parentheses in a marker": "Requires-Dist: alpha; " + "(" * 20000 + "os_name=='x'" + ")" * 20000 + "\n",
    "a marker of 20,000 clauses": "Requires-Dist: alpha; " + " or ".join("os_name=='x'" for _ in range(20000)) + "\n",
    "a specifier of 20,000 clauses": "Requires-Dist: alpha " + ",".join(f"!={i}" for i in range(20000)) + "\n",
    "a chain of extras": "".join(f"Provides-Extra: e{i}\nRequires-Dist: evil[e{i + 1}]; extra=='e{i}'\n" for i in range(1500)) + "Requires-Dist: evil[e0]\n",
    "extras that double": "".join(f"Provides-Extra: e{i}\n" + f"Requires-Dist: evil[e{i + 1},f{i + 1}]; extra=='e{i}' or extra=='f{i}'\n" * 2
                                  for i in range(60)) + "Requires-Dist: evil[e0]\n",
    "itself": "Requires-Dist: evil\nRequires-Dist: evil==1\nRequires-Dist: evil[x]\nProvides-Extra: x\n",
    "itself in another version": "Requires-Dist: evil==2\n",
    "a file of the machine": "Requires-Dist: x @ file:///etc/passwd\n", "a device": "Requires-Dist: x @ file:///dev/zero\n",
    "a command for git": "Requires-Dist: x @ git+ext::sh -c 'touch evil'\n", "an option for git": "Requires-Dist: x @ git+https://127.0.0.1:1/x@--upload-pack=touch\n",
    "git's file transport": "Requires-Dist: x @ git+file:///--help\n", "a URL of another kind": "Requires-Dist: x @ gopher://127.0.0.1/x\n",
    "a version of 100,000 digits": "Requires-Dist: alpha>" + "9" * 100000 + "\n", "a version of 20,000 parts": "Requires-Dist: alpha>" + "1." * 20000 + "1\n",
    "a marker with a huge version": "Requires-Dist: alpha; python_version > '" + "9" * 100000 + "'\n",
    "Requires-Python of 20,000 clauses": "Requires-Python: " + ",".join(f"!=3.{i}" for i in range(100, 20100)) + "\n",
    "Requires-Python of noise": "Requires-Python: >=\0\n", "a field of ten megabytes": "License: " + "x" * (10 << 20) + "\n",
    "continued for ever": "Description: x\n" + " x\n" * 1000000, "a million colons": ":" * 1000000 + "\n",
    "no end of line": "Requires-Dist", "carriage returns": "Requires-Dist: alpha\rRequires-Dist: x\r\n", "a BOM amid": "\ufeffRequires-Dist: alpha\n",
    "wild ===": "Requires-Dist: alpha===" + "*" * 100000 + "\n", "tilde and star": "Requires-Dist: alpha~=*\nRequires-Dist: alpha>=1.*\n",
}

REQUIREMENTS = {
    "zeros of a device": "-r /dev/zero\n", "randomness": "-r /dev/urandom\n", "a terminal": "-r /dev/tty\n", "a pipe": "-r pipe\n", "a socket": "-r socket\n", "a folder": "-r .\n",
    "the memory of a process": "-r /proc/self/mem\n", "the kernel's log": "-c /proc/kmsg\n", "a pipe as a constraint": "-c pipe\n", "a pipe as an editable": "-e pipe\n",
    "a pipe as a wheel": "./pipe.whl\n", "a device as a wheel": "./device.whl\n",
    "itself": "-r r.txt\n", "itself by many names": "-r ./r.txt\n-r ././r.txt\n-r ../{root}/r.txt\n", "itself through a link": "-r link.txt\n",
    "a file of NULs": "\0" * 1000000, "one line of ten megabytes": "x" * (10 << 20), "a million lines": "alpha\n" * 1000000,
    "a million continuations": "alpha \\\n" * 1000000, "a million comments": "# x\n" * 1000000, "UTF-16": "\ufeffalpha".encode("utf-16"),
    "not UTF-8": b"alpha\xff\xfe", "an open quote": "alpha; os_name == 'x", "escapes": ESCAPES + "\n", "escapes in a name": f"al{ESCAPES}pha==1\n",
    "a git command": "git+ext::sh -c 'touch evil'#egg=x\n", "an editable git command": "-e git+ext::sh%20-c%20touch%20evil#egg=x\n",
    "an option as a URL": "git+https://127.0.0.1:1/--upload-pack=touch%20evil\n", "a branch as an option": "git+file:///tmp@--output=evil\n",
    "hashes without end": "alpha " + "--hash=sha256:" + "a" * 64 + (" --hash=sha256:" + "b" * 64) * 50000 + "\n", "a hash of noise": "alpha --hash=sha256:zz\n",
    "options of pip's own": "--trusted-host *\n--index-url file:///etc\nalpha\n", "a proxy": "--proxy http://127.0.0.1:1\nalpha\n",
    "a build option": "alpha --global-option='--evil' --config-settings=x=y\n", "a variable": "${HOME}${PATH}${NO_SUCH}\n", "python's own": "python\n-e .\n",
    "file URLs": "x @ file:///etc/shadow\n", "file URLs of another host": "x @ file://evil.invalid/etc/passwd\n", "a URL with a password": "x @ http://user:secret@127.0.0.1:1/x.whl\n",
    "braces": "{" * 100000 + "\n", "backslashes": "\\" * 100000, "percent signs": "x @ file:///%00%2e%2e%2f%ff\n",
}

TOML = {
    "deep arrays": "a = " + "[" * 100000 + "]" * 100000, "deep tables": "a = " + "{a=" * 50000 + "1" + "}" * 50000, "deep keys": ".".join("a" * 100000) + " = 1\n",
    "deep headers": "[" + ".".join("a" * 100000) + "]\n", "a number of a megabyte": "a = " + "9" * 1000000, "an open string": 'a = """' + "x" * 1000000,
    "NULs": "\0" * 100000, "not UTF-8": b"a = '\xff'", "a million tables": "[[a]]\n" * 1000000, "a million keys": "".join(f"k{i} = 1\n" for i in range(300000)),
    "a date of noise": "a = 9999-99-99T99:99:99Z\n", "floats": "a = 1e999999999\nb = nan\nc = -inf\n",
}

PROJECTS = {
    "escapes": f'[project]\nname = "app"\nversion = "1"\ndescription = "{ESCAPES.encode("unicode_escape").decode().replace(chr(92) + "x", chr(92) + "u00")}"\n',
    "a name with a path": '[project]\nname = "../evil"\nversion = "1"\n', "a version of noise": '[project]\nname = "app"\nversion = "../1"\n',
    "dependencies that are no list": '[project]\nname = "app"\nversion = "1"\ndependencies = {a = 1}\n',
    "groups in a circle": '[project]\nname = "app"\nversion = "1"\n[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\ndev = [{include-group = "a"}]\n',
    "groups that double": '[project]\nname = "app"\nversion = "1"\n[dependency-groups]\ndev = [{include-group = "g0"}]\n'
                          + "".join(f'g{i} = [{{include-group = "g{i + 1}"}}, {{include-group = "g{i + 1}"}}]\n' for i in range(40)) + 'g40 = ["alpha"]\n',
    "a readme that is a device": '[project]\nname = "app"\nversion = "1"\nreadme = "/dev/zero"\nlicense = {file = "/dev/zero"}\n',
    "a readme that leads out": '[project]\nname = "app"\nversion = "1"\nreadme = "../../../../etc/shadow"\n',
    "a backend of another place": '[build-system]\nrequires = []\nbuild-backend = "os:system"\nbackend-path = ["../.."]\n',
    "a backend that leads out": '[build-system]\nrequires = []\nbuild-backend = "evil"\nbackend-path = ["/tmp"]\n',
    "settings of ours": '[project]\nname = "app"\nversion = "1"\n[tool.moat]\nindex-url = "http://127.0.0.1:1"\nproxy = "http://127.0.0.1:1"\nstore-dir = "/tmp/evil"\n',
}

APP = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.9"\n'
NEEDS_EVIL = APP + 'dependencies = ["evil"]\n'
EVIL = "Metadata-Version: 2.1\nName: evil\nVersion: 1\n"
# What a lock for every platform and Python is made of: metadata of a package, and the project.
LOCKED = {
    "releases and versions of systems": (EVIL + "".join(
        f"Requires-Dist: alpha ; platform_release == '{i}' or platform_version == 'x{i}'\n" for i in range(1500)), NEEDS_EVIL),
    "three unknowns": (EVIL + "".join(
        f"Requires-Dist: alpha ; platform_release == '{i}' and platform_version == 'x{i}' and implementation_version == '3.{i}'\n" for i in range(60)), NEEDS_EVIL),
    "thousands of releases of Python": (EVIL + "".join(
        f"Requires-Dist: alpha ; python_full_version != '3.9.{i}' and python_full_version > '3.8.{i}'\n" for i in range(3000)), NEEDS_EVIL),
    "thousands of lines of one's own": (EVIL, APP + "dependencies = [" + "".join(
        f"\"evil; python_full_version != '3.9.{i}' and python_full_version > '3.8.{i}'\"," for i in range(3000)) + "]\n"),
    "a star of conflicts": (EVIL, APP + "[project.optional-dependencies]\nhub = []\n" + "".join(f"l{i} = []\n" for i in range(40)) + "[tool.moat]\nconflicts = ["
                            + "".join(f'[{{extra = "hub"}}, {{extra = "l{i}"}}],' for i in range(40)) + "]\n"),
    "a ladder of conflicts": (EVIL, APP + "[project.optional-dependencies]\n" + "".join(f"l{i} = []\n" for i in range(60)) + "[tool.moat]\nconflicts = ["
                              + "".join(f'[{{extra = "l{i}"}}, {{extra = "l{i + 1}"}}],' for i in range(59)) + "]\n"),
}

LOCK = ('lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "{name}"\nversion = "{version}"\n'
        '[[packages.wheels]]\nname = "{file}"\n{where}\nhashes = {{sha256 = "{hash}"}}\n')


def locks():
    good = {"name": "evil", "version": "1", "file": "evil-1-py3-none-any.whl", "where": 'path = "wheels/evil-1-py3-none-any.whl"', "hash": "0" * 64}
    for what, change in {"a wrong hash": {}, "a path that leads out": {"where": 'path = "../../../../etc/passwd"'}, "an absolute path": {"where": 'path = "/etc/passwd"'},
                         "a file URL": {"where": 'url = "file:///etc/passwd"'}, "a name with a path": {"name": "../evil"}, "a file with a path": {"file": "../../evil-1-py3-none-any.whl"},
                         "another file": {"file": "alpha-1-py3-none-any.whl"}, "a version with a path": {"version": "../1"}, "a hash with a path": {"hash": "../../" + "0" * 58},
                         "a device": {"where": 'path = "/dev/zero"'}, "a pipe": {"where": 'path = "pipe"'}, "escapes": {"name": "e\\u001b[2J", "version": "1\\u009b"},
                         "a negative size": {"where": 'path = "wheels/evil-1-py3-none-any.whl"\nsize = -1'}, "a huge size": {"where": 'url = "http://127.0.0.1:1/x"\nsize = 9223372036854775807'},
                         "a URL of another kind": {"where": 'url = "javascript:alert(1)"'}}.items():
        yield what, LOCK.format(**{**good, **change})
    yield "a package twice", LOCK.format(**good) + LOCK.format(**good).split("\n", 2)[2]
    yield "version 99", LOCK.format(**good).replace("1.0", "99.0", 1)
    yield "packages that are no list", 'lock-version = "1.0"\ncreated-by = "x"\npackages = "x"\n'
    yield "100,000 packages", 'lock-version = "1.0"\ncreated-by = "x"\n' + "".join(f'[[packages]]\nname = "n{i}"\nversion = "1"\n' for i in range(100000))
    yield "a circle of dependencies", ('lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "a"\nversion = "1"\ndependencies = [{name = "b"}]\n'
                                       '[[packages]]\nname = "b"\nversion = "1"\ndependencies = [{name = "a"}]\n')
    yield "a folder that leads out", 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "a"\ndirectory = {path = "/etc"}\n'
    yield "a git command", ('lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "a"\n'
                            'vcs = {type = "git", url = "ext::sh -c \'touch evil\'", commit-id = "--upload-pack=x"}\n')


def special_files(root):
    os.mkfifo(root / "pipe")
    os.mkfifo(root / "pipe.whl")
    (root / "device.whl").symlink_to("/dev/zero")
    (root / "link.txt").symlink_to("r.txt")
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(root, os.O_RDONLY)  # the world's own name is too long for a socket's
        one.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))


def site(root):
    return next((root / "env/lib").glob("python3*")) / "site-packages"


def tampered():
    """Environments that somebody else had a hand in: (what, how, command)."""
    listed = ["list", "--env", "env"]
    removing = ["uninstall", "--env", "env", "foreign"]

    def foreign(root, record, **files):
        folder = site(root) / "foreign-1.dist-info"
        folder.mkdir()
        write(folder / "METADATA", "Metadata-Version: 2.1\nName: foreign\nVersion: 1\n")
        write(folder / "INSTALLER", "other\n")
        write(folder / "RECORD", record + "foreign-1.dist-info/METADATA,,\nforeign-1.dist-info/RECORD,,\n")
        for name, text in files.items():
            write(folder / name, text)
    yield "RECORD names a file outside", lambda root: foreign(root, "../../../../wheels/alpha-1-py3-none-any.whl,,\n../../../../locked.txt,,\n"), removing
    yield "RECORD names an absolute file", lambda root: foreign(root, f"{root}/locked.txt,,\n"), removing
    yield "RECORD names bin/python", lambda root: foreign(root, "../../../bin/python,,\n../../../pyvenv.cfg,,\n"), removing
    yield "RECORD names the bookkeeping", lambda root: foreign(root, "../../../.moat/manifest,,\n../../../.moat/rt/bin/python3,,\n"), removing
    yield "RECORD names another's files", lambda root: foreign(root, "alpha/__init__.py,,\nalpha-1.dist-info/METADATA,,\n"), removing
    yield "direct_url.json with a password", lambda root: foreign(root, "", **{"direct_url.json": '{"url": "https://u:\x1b[2Jsecret@h/x", "archive_info": {}}'}), ["freeze", "--env", "env"]
    yield "direct_url.json of deep arrays", lambda root: foreign(root, "", **{"direct_url.json": "[" * 100000}), listed
    yield "INSTALLER with escapes", lambda root: foreign(root, "", INSTALLER=ESCAPES), ["show", "--env", "env", "foreign"]
    yield "entry_points.txt of another place", lambda root: foreign(root, "", **{"entry_points.txt": "[console_scripts]\n../../evil = a:b\n"}), removing

    def linked(target):
        def tamper(root):
            folder = site(root) / "alpha-1.dist-info"
            shutil.rmtree(folder)
            folder.symlink_to(target if target.startswith("/") else root / target)
        return tamper
    yield "a dist-info that leads out", linked("wheels"), ["uninstall", "--env", "env", "alpha"]
    yield "a dist-info that is /etc", linked("/etc"), ["install", "--env", "env", "--reinstall", "alpha", *PACKAGES_OF_TEMPLATE]
    yield "a dist-info that is a circle", linked(""), listed
    for place in ("manifest", "facts.json", "bytecode", "lock", "unflushed", "history/1/moves", "journal"):
        for what, text in (("noise", bytes(range(256)) * 40), ("lines", b"x\n" * 1000000)):
            def tamper(root, place=place, text=text):
                (root / "env/.moat" / place).parent.mkdir(exist_ok=True)
                write(root / "env/.moat" / place, text)
            yield f".moat/{place} of {what}", tamper, ["install", "--env", "env", "gamma", *PACKAGES_OF_TEMPLATE]

    def escaping(root):
        folder = site(root) / "e\x1b[2J\u202e-1.dist-info"
        folder.mkdir()
        write(folder / "METADATA", f"Metadata-Version: 2.1\nName: e{ESCAPES}\nVersion: 1\nSummary: {ESCAPES}\n")
    for words in (listed, ["freeze", "--env", "env"], ["doctor", "--env", "env"], ["tree", "--env", "env"]):
        yield f"escapes in `{words[0]}`", escaping, words
    for kind in ("pipe", "device"):
        def special(root, kind=kind):
            path = site(root) / "alpha-1.dist-info/METADATA"
            path.unlink()
            os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
        yield f"METADATA is a {kind}", special, ["show", "--env", "env", "alpha"]
    for place in ("pyvenv.cfg", ".moat/manifest", ".moat/journal", ".moat/facts.json", "RECORD"):
        def piped(root, place=place):
            file = site(root) / "alpha-1.dist-info/RECORD" if place == "RECORD" else root / "env" / place
            file.unlink(missing_ok=True)
            os.mkfifo(file)
        yield f"{place} is a pipe", piped, ["upgrade", "--env", "env", "alpha", *PACKAGES_OF_TEMPLATE]


def attacks():
    for what, metadata in METADATA.items():
        def prepare(root, metadata=metadata):
            data = evil_wheel(metadata=metadata)
            write(root / "wheels/evil-1-py3-none-any.whl", data)
            return ["install", "--env", "env", "evil", *PACKAGES_OF_TEMPLATE]
        yield Attack(f"metadata: {what}", prepare)
    for what, text in REQUIREMENTS.items():
        def prepare(root, text=text):
            special_files(root)
            write(root / "r.txt", text.replace("{root}", root.name) if isinstance(text, str) and "{root}" in text else text)
            return ["install", "--env", "env", "-r", "r.txt", *PACKAGES_OF_TEMPLATE]
        yield Attack(f"requirements: {what}", prepare)
    for name in ("pyproject.toml", "pylock.toml"):
        for what, text in TOML.items():
            def prepare(root, name=name, text=text):
                write(root / name, text)
                return ["sync", "--env", "env", *PACKAGES_OF_TEMPLATE]
            yield Attack(f"{name}: {what}", prepare, refused=True)
    for what, text in PROJECTS.items():
        def prepare(root, text=text):
            write(root / "pyproject.toml", text)
            return ["install", "--env", "env", ".", *PACKAGES_OF_TEMPLATE]
        yield Attack(f"project: {what}", prepare)
    for what, (metadata, project) in LOCKED.items():
        def prepare(root, metadata=metadata, project=project):
            write(root / "wheels/evil-1-py3-none-any.whl", evil_wheel(metadata=metadata))
            write(root / "pyproject.toml", project)
            return ["lock", "--dry-run", "--no-index", "-f", "wheels"]
        yield Attack(f"to be locked: {what}", prepare)
    for what, text in locks():
        def prepare(root, text=text):
            special_files(root)
            write(root / "wheels/evil-1-py3-none-any.whl", evil_wheel())
            write(root / "pylock.toml", text)
            return ["sync", "--env", "env", "pylock.toml"]
        yield Attack(f"lock: {what}", prepare, refused=what != "100,000 packages" and "circle" not in what)
    for what, tamper, words in tampered():
        def prepare(root, tamper=tamper, words=words):
            tamper(root)
            return words
        yield Attack(f"environment: {what}", prepare, tampers=True)
