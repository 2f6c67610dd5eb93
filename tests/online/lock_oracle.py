"""What a lock has to hold for each of its targets, found without moat: selected, evaluated and ranked by PyPI's `packaging`, from
the pages of the index and the METADATA inside the files.

    oracle = Oracle(folder)              # folder: keeps pages and metadata for the next lock
    oracle.check_files(lock)             # every file is on its project's page, with this URL, hash and size
    oracle.check_target(lock, target, roots) → {name: version}

Whatever does not hold is an AssertionError. REQUIRES: `packaging` 26.4 can be imported.
"""
import concurrent.futures
import dataclasses
import email.parser
import functools
import hashlib
import io
import json
import pathlib
import tarfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

from packaging import tags
from packaging.markers import Marker
from packaging.pylock import Pylock, PylockSelectError
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

BLOCK = 1 << 16  # what is asked of a wheel at a time; its directory and METADATA are at its end
GLIBC = 28
MACOS = (13, 0)


# ---- targets

@dataclasses.dataclass(frozen=True)
class Target:
    """A platform with a Python, as `packaging` sees it: "linux-aarch64", "3.11.0"."""
    platform: str
    python: str

    def __str__(self):
        return f"{self.platform} with Python {self.python}"

    @property
    def minor(self):
        return tuple(map(int, self.python.split(".")[:2]))

    def environment(self):
        os_name, sys_platform, machine, system = PLATFORMS[self.platform][:4]
        implementation = "PyPy" if self.platform.endswith("pypy") else "CPython"
        return {"implementation_name": implementation.lower(), "os_name": os_name, "platform_machine": machine,
                "implementation_version": self.python if implementation == "CPython" else "7.3.20",
                "platform_release": "", "platform_system": system, "platform_version": "",
                "python_full_version": self.python, "platform_python_implementation": implementation,
                "python_version": "{}.{}".format(*self.minor), "sys_platform": sys_platform}

    @functools.cache
    def tags(self):
        platforms = list(PLATFORMS[self.platform][4]())
        interpreter = "cp{}{}".format(*self.minor)
        return (*tags.cpython_tags(self.minor, platforms=platforms), *tags.compatible_tags(self.minor, interpreter, platforms))


def manylinux(machine):
    oldest, named = (5, {17: "2014", 12: "2010", 5: "1"}) if machine == "x86_64" else (17, {17: "2014"})
    for minor in range(GLIBC, oldest - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in named:
            yield f"manylinux{named[minor]}_{machine}"
    yield f"linux_{machine}"


def musl(machine):
    return [f"musllinux_1_{minor}_{machine}" for minor in (2, 1, 0)] + [f"linux_{machine}"]


# os_name, sys_platform, platform_machine, platform_system, its tags
PLATFORMS = {
    "linux-x86_64": ("posix", "linux", "x86_64", "Linux", lambda: manylinux("x86_64")),
    "linux-aarch64": ("posix", "linux", "aarch64", "Linux", lambda: manylinux("aarch64")),
    "macos-arm64": ("posix", "darwin", "arm64", "Darwin", lambda: tags.mac_platforms(MACOS, "arm64")),
    "windows-x86_64": ("nt", "win32", "AMD64", "Windows", lambda: ["win_amd64"]),
    # Not named as targets; a universal lock covers them: what is selected there must be whole, but may have no file.
    "linux-musl-x86_64": ("posix", "linux", "x86_64", "Linux", lambda: musl("x86_64")),
    "macos-x86_64": ("posix", "darwin", "x86_64", "Darwin", lambda: tags.mac_platforms(MACOS, "x86_64")),
    "windows-arm64": ("nt", "win32", "ARM64", "Windows", lambda: ["win_arm64"]),
    "linux-s390x": ("posix", "linux", "s390x", "Linux", lambda: manylinux("s390x")),
    "linux-x86_64-pypy": ("posix", "linux", "x86_64", "Linux", lambda: manylinux("x86_64")),
    "freebsd": ("posix", "freebsd14", "amd64", "FreeBSD", lambda: ["freebsd_14_0_release_amd64"]),
}
USUAL = ("linux-x86_64", "linux-aarch64", "macos-arm64", "windows-x86_64")
RARE = tuple(platform for platform in PLATFORMS if platform not in USUAL)


# ---- the index

def fetch(url, headers=()):
    """→ the answer's bytes. Asked again where the line fails."""
    for attempt in range(4):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers)), timeout=60) as answer:
                return answer.read()
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            if attempt == 3 or getattr(error, "code", 500) == 404:
                raise
            time.sleep(1 << attempt)


class RemoteFile(io.RawIOBase):
    """A file of the index of which only the asked blocks are fetched."""

    def __init__(self, url, size):
        self.url, self.size, self.place, self.blocks = url, size, 0, {}

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        self.place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size}[whence]
        return self.place

    def tell(self):
        return self.place

    def readinto(self, buffer):
        number, begin = divmod(self.place, BLOCK)
        if number not in self.blocks:
            first, last = number * BLOCK, min((number + 1) * BLOCK, self.size) - 1
            data = fetch(self.url, {"Range": f"bytes={first}-{last}"}) if first <= last else b""
            if len(data) > last - first + 1:  # this server knows no ranges
                data = data[first:last + 1]
            self.blocks[number] = data
        piece = self.blocks[number][begin:begin + len(buffer)]
        buffer[:len(piece)] = piece
        self.place += len(piece)
        return len(piece)


def metadata_of_wheel(file):
    with zipfile.ZipFile(io.BufferedReader(RemoteFile(file["url"], file["size"]), BLOCK)) as archive:
        name = next(n for n in archive.namelist() if n.count("/") == 1 and n.endswith(".dist-info/METADATA"))
        return archive.read(name)


def metadata_of_sdist(file):
    """PKG-INFO. Where its dependencies may be others once built, those of requires.txt that setuptools leaves beside it."""
    data = fetch(file["url"])
    assert hashlib.sha256(data).hexdigest() == file["hashes"]["sha256"], f"{file['name']} has other bytes than its lock says"
    if file["name"].endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist() if name.endswith(("/PKG-INFO", "/requires.txt"))}
    else:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = {m.name: archive.extractfile(m).read() for m in archive if m.name.endswith(("/PKG-INFO", "/requires.txt"))}
    info = min((name for name in members if name.endswith("/PKG-INFO")), key=lambda name: (name.count("/"), name))
    text = members[info]
    header = email.parser.BytesParser().parsebytes(text)
    if "Requires-Dist" not in header and (Version(header["Metadata-Version"]) < Version("2.2") or "Requires-Dist" in header.get_all("Dynamic", [])):
        requires = next((m for name, m in members.items() if name.endswith(".egg-info/requires.txt")), b"")
        lines = list(requires_dist(requires.decode()))
        text = b"".join(f"Requires-Dist: {line}\n".encode() for line in lines) + text
    return text


def requires_dist(text):
    """The lines of a requires.txt, its sections (`[extra:marker]`) as markers."""
    marker = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            extra, _, condition = line.strip("[]").partition(":")
            marker = " and ".join(filter(None, [condition and f"({condition})", extra and f'extra == "{extra}"']))
        else:
            yield f"{line} ; {marker}" if marker else line


@dataclasses.dataclass
class Metadata:
    name: str
    version: Version
    requires_python: SpecifierSet
    requires: list

    @classmethod
    def parse(cls, text):
        header = email.parser.BytesParser().parsebytes(text)
        return cls(canonicalize_name(header["Name"]), Version(header["Version"]), SpecifierSet(header.get("Requires-Python", "")),
                   [Requirement(line) for line in header.get_all("Requires-Dist", [])])


# ---- the oracle

class Oracle:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pages = {}
        self.known = {}  # by hash
        self.workers = concurrent.futures.ThreadPoolExecutor(8)

    def page(self, index, name):
        """→ {file name: file} of a project."""
        if (index, name) not in self.pages:
            url = f"{index.rstrip('/')}/{name}/"
            page = json.loads(fetch(url, {"Accept": "application/vnd.pypi.simple.v1+json"}))
            for file in page["files"]:
                file["url"] = urllib.parse.urljoin(url, file["url"])
            self.pages[index, name] = {file["filename"]: file for file in page["files"]}
        return self.pages[index, name]

    def metadata(self, file):
        """That of a file of a lock. It is read from the URL that the lock has, so that the file is there."""
        digest = file["hashes"]["sha256"]
        if digest not in self.known:
            kept = self.folder / digest
            if not kept.exists():
                text = metadata_of_wheel(file) if file["name"].endswith(".whl") else metadata_of_sdist(file)
                kept.with_suffix(".new").write_bytes(text)
                kept.with_suffix(".new").rename(kept)
            self.known[digest] = Metadata.parse(kept.read_bytes())
        return self.known[digest]

    def check_files(self, lock):
        """→ how many files. Each is on the page of its project in the index that the lock names."""
        packages = [package for package in lock["packages"] if "index" in package]
        pages = dict(zip([package["name"] for package in packages],
                         self.workers.map(lambda package: self.page(package["index"], package["name"]), packages)))
        count = 0
        for package in packages:
            for file in files_of(package):
                there = pages[package["name"]].get(file["name"])
                assert there, f"{file['name']} is locked, and not on the page of {package['name']}"
                assert there["url"] == file["url"], f"{file['name']}: {file['url']} is locked, the page has {there['url']}"
                assert there["hashes"]["sha256"] == file["hashes"]["sha256"], f"{file['name']} has another hash on its page"
                assert there.get("size") in (None, file["size"]), f"{file['name']} has another size on its page"
                assert not there.get("yanked"), f"{file['name']} is locked, and yanked"
                count += 1
        return count

    def select(self, lock, target, groups):
        """→ {name: (package of the lock, the file that an installer takes)}."""
        by_place = {id(package): raw for package, raw in zip(lock.parsed.packages, lock["packages"])}
        try:
            chosen = list(lock.parsed.select(environment=target.environment(), tags=target.tags(), dependency_groups=groups))
        except PylockSelectError as error:
            raise AssertionError(f"{target}: {error}") from None
        out = {}
        for package, file in chosen:
            raw = by_place[id(package)]
            out[package.name] = raw, next(one for one in files_of(raw) if one["name"] == file.filename)
        return out

    def select_anything(self, lock, target, groups):
        """The same where no target was named: any file will do, as its METADATA is all that is asked."""
        environment = {**target.environment(), "extras": frozenset(), "dependency_groups": frozenset(groups)}
        accepted, out = set(target.tags()), {}
        for package in lock["packages"]:
            if "marker" in package and not Marker(package["marker"]).evaluate(environment, context="lock_file"):
                continue
            assert package["name"] not in out, f"{target}: two versions of {package['name']}"
            fitting = [file for file in package.get("wheels", ()) if accepted & tags_of(file["name"])]
            out[package["name"]] = package, (fitting or [*package.get("wheels", ()), *filter(None, [package.get("sdist")])])[0]
        return out

    def check_target(self, lock, target, roots, groups=(), has_files=True):
        """→ {name: version} of what is installed there. It is all that is needed, and nothing else."""
        selected = (self.select if has_files else self.select_anything)(lock, target, groups)
        read = dict(zip(selected, self.workers.map(lambda one: self.metadata(one[1]), selected.values())))
        for name, (package, _) in selected.items():
            assert (read[name].name, read[name].version) == (name, Version(package["version"])), \
                f"{target}: the file of {name} {package['version']} is one of {read[name].name} {read[name].version}"
            assert read[name].requires_python.contains(target.python), \
                f"{target}: {name} {package['version']} requires Python {read[name].requires_python}"
        needed = closure(roots, read, target)
        assert needed == set(selected), f"{target}: nothing needs {sorted(set(selected) - needed)}"
        return {name: package["version"] for name, (package, _) in selected.items()}


class Lock(dict):
    """A parsed pylock.toml, and what `packaging` makes of it, which is held to the standard."""

    def __init__(self, table):
        super().__init__(table)
        self.parsed = Pylock.from_dict(table)


@functools.cache
def tags_of(wheel):
    return parse_wheel_filename(wheel)[3]


def files_of(package):
    return [*filter(None, [package.get("sdist")]), *package.get("wheels", ())]


def closure(roots, read, target):
    """→ the names that the requirements reach, each met by what was read."""
    environment = target.environment()
    waiting = [(Requirement(root), "the project", "") for root in roots]
    reached = set()
    while waiting:
        requirement, of, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({**environment, "extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        assert name in read, f"{target}: {of} requires {requirement}, which is not locked"
        assert requirement.specifier.contains(read[name].version, prereleases=True), \
            f"{target}: {of} requires {requirement}, and {name} {read[name].version} is locked"
        for wanted in ["", *map(canonicalize_name, requirement.extras)]:
            if (name, wanted) not in reached:
                reached.add((name, wanted))
                waiting += [(one, f"{name} {read[name].version}", wanted) for one in read[name].requires]
    return {name for name, _ in reached}
