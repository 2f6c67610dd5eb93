"""Wheels and source distributions that want out, that lie, or that grow."""
import io
import stat
import struct
import tarfile
import warnings
import zipfile

from attack import Attack
from world import BACKEND, PACKAGES_OF_TEMPLATE, record_hash

NAMES = ["../evil", "../../evil", "/tmp/moat-torture-evil", "evil/../../../evil", "..\\evil", "C:\\evil", "C:evil", "\\\\host\\evil",
         "evil/..", "./../evil", "evil//../../evil", "evil/./../../evil", "evil\x00.py", "evil\n.py", "evil/\x1b[2J.py", "evil\u202egpj.py",
         "evil/" + "a" * 300, "a/" * 2000 + "evil", "evil" * 1500, "con", "evil:stream", "evil/ ", "evil/...", "~/evil", "$HOME/evil", "-rf",
         "evil/%2e%2e/evil", "\u2025/evil", "evil\r", "evil/\x7f", "evil/\x9b31m", "pip/__init__.py", "alpha/__init__.py", "sitecustomize.py"]
# Through the folders of a wheel that are spread over the environment.
DATA = ["scripts/../../evil", "data/../evil", "data/../../evil", "purelib/../../../../evil", "platlib/../evil", "headers/../../../evil",
        "evil/x", "scripts/python", "scripts/python3", "scripts/pip", "scripts/activate", "data/bin/python", "data/pyvenv.cfg",
        "data/.moat/manifest", "data/.moat/lock", "data/.moat/journal", "data/.moat/rt/bin/python3", "data/lib64/evil.py",
        "data/lib/python3.11/site-packages/alpha/__init__.py", "scripts/sub/evil", "data//tmp/moat-torture-evil"]
ENTRY_POINTS = ["../evil = evil:main", "/tmp/moat-torture-evil = evil:main", "a b = evil:main", "python = evil:main", "python3 = evil:main",
                "pip = evil:main", "activate = evil:main", "evil = evil:main\nx\x00y = evil:main", "evil = os:system('touch evil')",
                "evil = evil:main; import os", "evil = evil\"\"\":x", "e\x1b[2J = evil:main", "evil =", "= evil:main", ".. = evil:main",
                "evil = " + "a." * 100000 + "b:c", "[console_scripts]\n" * 10000, "alpha = evil:main"]


def evil_wheel(files=None, info=None, record=None, raw=None, name="evil", metadata="", wheel=None):
    """→ the bytes of a wheel; `raw(archive)` adds what no writer would; `record` replaces RECORD."""
    folder = "evil-1.dist-info"
    contents = {"evil/__init__.py": b"", f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{metadata}".encode(errors="surrogateescape"),
                f"{folder}/WHEEL": (wheel or "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n").encode()}
    contents.update({key: value if isinstance(value, bytes) else value.encode() for key, value in (files or {}).items()})
    contents.update({f"{folder}/{key}": value if isinstance(value, bytes) else value.encode() for key, value in (info or {}).items()})
    rows = "".join(f"{path if ',' not in path else repr(path)},{record_hash(data)},{len(data)}\n" for path, data in contents.items())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in contents.items():
            entry = zipfile.ZipInfo("x", (2024, 1, 1, 0, 0, 0))
            entry.filename = entry.orig_filename = path
            entry.external_attr, entry.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
        if raw:
            raw(archive)
        if record != "":
            archive.writestr(f"{folder}/RECORD", (rows + f"{folder}/RECORD,,\n").encode(errors="surrogateescape") if record is None else record)
    return out.getvalue()


def special(path, mode, data=b""):
    def add(archive):
        entry = zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0))
        entry.external_attr, entry.create_system = mode << 16, 3
        archive.writestr(entry, data)
    return add


def of_wheels():
    yield from ((f"wheel: member {name[:40]!r}", evil_wheel({name: "x"})) for name in NAMES)
    yield from ((f"wheel: .data/{name}", evil_wheel({f"evil-1.data/{name}": "#!python\nx"})) for name in DATA)
    yield from ((f"wheel: entry point {text[:30]!r}", evil_wheel(info={"entry_points.txt": "[console_scripts]\n" + text + "\n"}))
                for text in ENTRY_POINTS)
    for path, mode, data in (("evil/link", stat.S_IFLNK | 0o777, b"/etc/passwd"), ("evil/up", stat.S_IFLNK | 0o777, b"../../../.."),
                             ("evil/dev", stat.S_IFCHR | 0o666, b""), ("evil/pipe", stat.S_IFIFO | 0o666, b""),
                             ("evil/suid", stat.S_IFREG | 0o6755, b"x"), ("evil/none", stat.S_IFREG, b"x"), ("evil/socket", stat.S_IFSOCK | 0o777, b""),
                             ("evil/folder", stat.S_IFDIR | 0o777, b"not a folder"), ("evil/", stat.S_IFDIR | 0o1777, b"")):
        yield f"wheel: {path} of type {mode:o}", evil_wheel(raw=special(path, mode, data))

    def through_link(archive):
        special("evil/out", stat.S_IFLNK | 0o777, b"/tmp")(archive)
        special("evil/out/moat-torture-evil", 0o100644, b"x")(archive)
    yield "wheel: a file through a link", evil_wheel(raw=through_link)

    def twice(archive):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            special("evil/__init__.py", 0o100644, b"other")(archive)
    yield "wheel: a member twice", evil_wheel(raw=twice)
    yield "wheel: a file below a file", evil_wheel(raw=special("evil/__init__.py/x.py", 0o100644, b"x"))
    yield "wheel: two dist-infos", evil_wheel({"other-2.dist-info/METADATA": "Metadata-Version: 2.1\nName: other\nVersion: 2\n"})
    yield "wheel: no RECORD", evil_wheel(record="")
    yield "wheel: RECORD without rows", evil_wheel(record=b"\n")
    yield "wheel: RECORD that leads out", evil_wheel(record=b"../../../../evil,,\n/etc/passwd,,\nevil-1.dist-info/RECORD,,\n")
    yield "wheel: RECORD of a million rows", evil_wheel(record=b"evil/x.py,sha256=AAAA,1\n" * 1000000)
    yield "wheel: RECORD of one quote", evil_wheel(record=b'"' + b"a" * 1000000)
    yield "wheel: RECORD with wrong hashes", evil_wheel(record=b"evil/__init__.py,sha256=AAAA,0\nevil-1.dist-info/RECORD,,\n")
    yield "wheel: RECORD with md5", evil_wheel(record=b"evil/__init__.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,0\nevil-1.dist-info/RECORD,,\n")
    yield "wheel: RECORD with NUL", evil_wheel(record=b"evil/\0__init__.py,,\n")
    yield "wheel: another name", evil_wheel(name="alpha")
    yield "wheel: a name with a path", evil_wheel(name="../../evil")
    yield "wheel: WHEEL of version 9", evil_wheel(wheel="Wheel-Version: 9.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    yield "wheel: WHEEL without version", evil_wheel(wheel="Tag: py3-none-any\n")
    yield "wheel: WHEEL of noise", evil_wheel(wheel="\x00" * 1000)
    yield "wheel: purelib that is none", evil_wheel(wheel="Wheel-Version: 1.0\nRoot-Is-Purelib: ../../..\nTag: py3-none-any\n")
    yield "wheel: zeros by the hundred megabytes", evil_wheel({"evil/zeros": b"\0" * (200 << 20)})
    yield "wheel: 30,000 members", evil_wheel({f"evil/{i}.py": "" for i in range(30000)})
    yield "wheel: a .pth that runs", evil_wheel({"evil.pth": "import os; open(os.path.expanduser('~/../evil'), 'w')\n"})

    whole = evil_wheel({"evil/data": "x" * 1000})
    yield "zip: cut in half", whole[:len(whole) // 2]
    yield "zip: cut by one byte", whole[:-1]
    yield "zip: without its beginning", whole[100:]
    yield "zip: noise before", b"\x7fELF" + b"x" * 5000 + whole
    yield "zip: noise behind", whole + b"x" * 70000
    yield "zip: a wrong CRC", whole.replace(struct.pack("<I", zipfile.ZipFile(io.BytesIO(whole)).getinfo("evil/data").CRC), b"\1\2\3\4")
    yield "zip: method 99", whole.replace(b"PK\x01\x02\x14\x03\x14\0\0\0\x08\0", b"PK\x01\x02\x14\x03\x14\0\0\0\x63\0")
    yield "zip: encrypted", whole.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0")
    yield "zip: other names in the local headers", whole.replace(b"evil/data", b"../a/data", 1)
    yield "zip: sizes that lie", whole.replace(struct.pack("<I", 1000), struct.pack("<I", 0xfffffff0))
    yield "zip: more entries than there are", whole[:-14] + b"\xff\xff\xff\xff" + whole[-10:]
    yield "zip: a directory beyond the end", whole[:-10] + b"\xff\xff\xff\x7f\xff\xff\xff\x7f\0\0"
    yield "zip: empty", b"PK\x05\x06" + b"\0" * 18
    yield "zip: nothing at all", b""
    yield "zip: all zeros", b"\0" * 100000
    entries = b"".join(b"PK\x01\x02" + b"\0" * 24 + struct.pack("<HHHHHII", 4, 0, 0, 0, 0, 0, 0) + b"evil" for _ in range(60000))
    yield "zip: entries on top of each other", entries + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 60000, 60000, len(entries), 0, 0)


def tar_of(*members, top="evil-1", backend=BACKEND, mode="w:gz", format=tarfile.PAX_FORMAT):
    """A source distribution that builds, and members (name, type, data or link) that nobody should make."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=format, **({"compresslevel": 1} if mode == "w:gz" else {})) as tar:
        def add(name, kind=tarfile.REGTYPE, data=b"", link="", mode=0o644, pax=None):
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode, member.size = kind, link, mode, len(data)
            member.pax_headers = pax or {}
            tar.addfile(member, io.BytesIO(data))
        add(f"{top}/PKG-INFO", data=b"Metadata-Version: 2.1\nName: evil\nVersion: 1\n")
        add(f"{top}/pyproject.toml", data=b'[build-system]\nrequires = []\nbuild-backend = "be"\nbackend-path = ["."]\n')
        add(f"{top}/be.py", data=backend.replace("built", "evil").encode())
        for member in members:
            add(**member)
    return out.getvalue()


def of_sdists():
    for name in ("../evil", "/tmp/moat-torture-evil", "evil-1/../../evil", "evil-1/../../../evil", "other/x", "evil-1/a\x1b[2Jb", "./evil-1/./x",
                 "evil-1/" + "d/" * 3000 + "x", "evil-1/" + "n" * 300, "..", ".", "evil-1/x/../../../evil"):
        yield f"sdist: member {name[:30]!r}", tar_of({"name": name, "data": b"x"})
    for name, kind, link in (("evil-1/l", tarfile.SYMTYPE, "/etc"), ("evil-1/l", tarfile.SYMTYPE, "../.."), ("evil-1/h", tarfile.LNKTYPE, "/etc/passwd"),
                             ("evil-1/h", tarfile.LNKTYPE, "evil-1/../../wheels"), ("evil-1/c", tarfile.CHRTYPE, ""), ("evil-1/b", tarfile.BLKTYPE, ""),
                             ("evil-1/p", tarfile.FIFOTYPE, ""), ("evil-1/self", tarfile.SYMTYPE, "self"), ("evil-1", tarfile.SYMTYPE, "/tmp"),
                             ("evil-1/pyproject.toml", tarfile.SYMTYPE, "/etc/passwd"), ("evil-1/PKG-INFO", tarfile.LNKTYPE, "/etc/shadow")):
        yield f"sdist: {name} is {kind.decode()} to {link!r}", tar_of({"name": name, "kind": kind, "link": link})
    yield "sdist: a file through a link", tar_of({"name": "evil-1/l", "kind": tarfile.SYMTYPE, "link": "/tmp"},
                                                 {"name": "evil-1/l/moat-torture-evil", "data": b"x"})
    yield "sdist: a folder that becomes a link", tar_of({"name": "evil-1/d", "kind": tarfile.DIRTYPE},
                                                        {"name": "evil-1/d", "kind": tarfile.SYMTYPE, "link": "../.."},
                                                        {"name": "evil-1/d/evil", "data": b"x"})
    yield "sdist: a path in an extended header", tar_of({"name": "evil-1/ok", "data": b"x", "pax": {"path": "../../evil"}})
    yield "sdist: a link in an extended header", tar_of({"name": "evil-1/ok", "kind": tarfile.SYMTYPE, "link": "x", "pax": {"linkpath": "/etc/passwd"}})
    yield "sdist: a size in an extended header", tar_of({"name": "evil-1/ok", "data": b"x", "pax": {"size": "99999999999"}})
    yield "sdist: setuid", tar_of({"name": "evil-1/suid", "data": b"x", "mode": 0o6777})
    yield "sdist: zeros by the hundred megabytes", tar_of({"name": "evil-1/zeros", "data": b"\0" * (300 << 20)})
    yield "sdist: GNU headers of long names", tar_of({"name": "evil-1/" + "g" * 5000, "data": b"x"}, format=tarfile.GNU_FORMAT)
    yield "sdist: two tops", tar_of({"name": "evil-2/PKG-INFO", "data": b"Metadata-Version: 2.1\nName: evil\nVersion: 2\n"})
    whole = tar_of()
    yield "sdist: cut in half", whole[:len(whole) // 2]
    yield "sdist: noise", bytes(range(256)) * 100
    yield "sdist: not packed", tar_of(mode="w")
    yield "sdist: xz", tar_of(mode="w:xz")
    for what, backend in (("that does not end by itself", "import os\ndef build_wheel(*a, **k):\n    os._exit(9)\n"),
                          ("that names a wheel outside", "def build_wheel(*a, **k):\n    return '../../../evil-1-py3-none-any.whl'\n"),
                          ("that returns no text", "def build_wheel(*a, **k):\n    return 7\n"),
                          ("that writes escapes", "def build_wheel(*a, **k):\n    print('\\x1b]0;x\\x07\\x1b[2J')\n    raise SystemExit('\\x9b31m\\u202e')\n"),
                          ("that writes much", "def build_wheel(*a, **k):\n    for _ in range(300000): print('x' * 100)\n    raise ValueError()\n"),
                          ("that removes its folder", "import os, shutil\ndef build_wheel(*a, **k):\n    shutil.rmtree(os.getcwd())\n"),
                          ("that makes a link of its wheel", "import os\ndef build_wheel(d, *a, **k):\n    os.symlink('/etc/passwd', d + "
                           "'/evil-1-py3-none-any.whl')\n    return 'evil-1-py3-none-any.whl'\n"),
                          ("that leaves a process", BACKEND + "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)\n"),
                          ("that closes its streams", "import os\nos.closerange(0, 99)\ndef build_wheel(*a, **k):\n    return ''\n"),
                          ("that kills its group", "import os, signal\ndef build_wheel(*a, **k):\n    os.killpg(0, signal.SIGKILL)\n")):
        yield f"sdist: a backend {what}", tar_of(backend=backend)


def attacks():
    def writing(file, data):
        def prepare(root):
            (root / "wheels" / file).write_bytes(data)
            return ["install", "--env", "env", f"wheels/{file}", *PACKAGES_OF_TEMPLATE]
        return prepare
    for name, data in of_wheels():
        yield Attack(name, writing("evil-1-py3-none-any.whl", data))
    for name, data in of_sdists():
        yield Attack(name, writing("evil-1.tar.gz", data))
