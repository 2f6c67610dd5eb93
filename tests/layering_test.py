"""Holds the layering rule: a file includes its own room and rooms to its left, and each C library has one home.

    layering_test.py REPOSITORY

A room is a folder. All of them stand in one order, so no two folders include each other. Besides, each source is listed
with its folder's target, and that links no room to its right.
"""
import pathlib
import re
import sys

ORDER = """
    resolver/base resolver/pep resolver/files resolver/solv resolver/solve resolver/lock
    fetch/os fetch/bytes fetch/http fetch/archive fetch/store fetch/download fetch/sources fetch/index fetch/oci
    envs/launcher envs/journal envs/python envs/environment envs/place envs/build envs/project envs/install envs/deploy
    cli/output cli/args cli/settings cli/session cli/commands cli/pip cli
""".split()
HOMES = {"solv/": "resolver/solv/", "curl/": r"fetch/http/curl_library\.h",
         "archive": r"fetch/archive/archive_library\.h", "yaml": r"resolver/files/conda_environment\.", "openssl/": r"fetch/bytes/(hasher|signature)\.",
         "CLI/": r"cli/args/", "toml++": r"resolver/files/toml\.",
         "simdjson": r"fetch/index/simple_api\.", "zlib": r"fetch/bytes/(inflate|gzip)\.",
         "libdeflate": r"fetch/bytes/inflate\."}


def room(path):
    return path.rpartition("/")[0] if path.startswith(("resolver/", "fetch/", "envs/", "cli/")) else None


def wrong_includes(root, here, text):
    for kind, target in re.findall(r'^#include ([<"])([^>"]+)', text, re.M):
        if kind == '"' and room(target):
            if not (root / target).is_file():
                yield f"includes {target}, which is not there"
            elif ORDER.index(room(target)) > ORDER.index(room(here)):
                yield f"includes {target}, which is above it"
        if kind == "<" and target == "nlohmann/json.hpp" and here.endswith(".h"):
            yield "<nlohmann/json.hpp> belongs in .cpp files"
        for prefix, home in HOMES.items():
            if kind == "<" and target.startswith(prefix) and not re.match(home, here):
                yield f"<{target}> belongs in {home}"


def wrong_targets(root, top):
    """What CMakeLists.txt of a top folder lists and links, against the order."""
    for folder, links, sources in re.findall(r"moat_room\((\S+)\n(.*?)  SOURCES\n(.*?)\)\n", (root / top / "CMakeLists.txt").read_text(), re.S):
        for source in sources.split():
            if room(f"{top}/{source}") != folder:
                yield f"{top}/CMakeLists.txt: {source} is listed in {folder}"
        for link in re.findall(r"moat::(\w+)", links):
            linked = link.replace("_", "/", 1)
            last = max((i for i, r in enumerate(ORDER) if r == linked or r.startswith(linked + "/")), default=None)
            if last is None or last >= ORDER.index(folder):
                yield f"{top}/CMakeLists.txt: {folder} links {link}, which is not below it"


root, bad = pathlib.Path(sys.argv[1]), []
for top in dict.fromkeys(r.split("/")[0] for r in ORDER):
    listed = (root / top / "CMakeLists.txt").read_text()
    bad += wrong_targets(root, top)
    for file in sorted((root / top).rglob("*.[hc]*")):
        here = file.relative_to(root).as_posix()
        if room(here) not in ORDER:
            bad.append(f"{here}: its folder is no room; the order of rooms stands in {pathlib.Path(__file__).name}")
            continue
        if file.suffix != ".h" and not re.search(rf"(?<![\w/]){re.escape(here[len(top) + 1:])}\b", listed):
            bad.append(f"{here}: is not listed in {top}/CMakeLists.txt")
        bad += [f"{here}: {wrong}" for wrong in wrong_includes(root, here, file.read_text())]
print("\n".join(bad))
sys.exit(bool(bad))
