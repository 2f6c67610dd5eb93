"""Holds the layering rule: a file includes its own room and rooms to its left, and each C library has one home.

    layering_test.py REPOSITORY
"""
import pathlib
import re
import sys

ORDER = ["resolver/base", "resolver/pep", "resolver", "fetch", "envs", "cli"]
HOMES = {"solv/": "resolver/solv/", "curl/": r"fetch/(http\.|curl_library\.h)",
         "archive": r"fetch/archive(\.|_writer\.|_library\.h)", "openssl/": r"fetch/(hasher|signature)\.",
         "CLI/": r"cli/args[./]", "toml++": r"resolver/toml\.",
         "simdjson": r"fetch/simple_api\.", "zlib": r"fetch/(inflate|gzip)\.",
         "libdeflate": r"fetch/inflate\."}


def room(path):
    return max((r for r in ORDER if path.startswith(r + "/")), key=len, default=None)


root, bad = pathlib.Path(sys.argv[1]), []
for file in sorted(p for r in {o.split("/")[0] for o in ORDER} for p in (root / r).rglob("*.[hc]*")):
    here = file.relative_to(root).as_posix()
    for kind, target in re.findall(r'^#include ([<"])([^>"]+)', file.read_text(), re.M):
        if kind == '"' and room(target) and ORDER.index(room(target)) > ORDER.index(room(here)):
            bad.append(f"{here}: includes {target}, which is above it")
        if kind == "<" and target == "nlohmann/json.hpp" and here.endswith(".h"):
            bad.append(f"{here}: <nlohmann/json.hpp> belongs in .cpp files")
        for prefix, home in HOMES.items():
            if kind == "<" and target.startswith(prefix) and not re.match(home, here):
                bad.append(f"{here}: <{target}> belongs in {home}")
print("\n".join(bad))
sys.exit(bool(bad))
