"""The wheel of moat, from the tree that the relocatable tarball is made of: `pip install` gives the program.

    make_wheel.py TREE VERSION PLATFORM FOLDER

Its scripts and data go where an installer puts them: bin/ and lib/ of one prefix, which is how the tree finds its libraries.
The same tree gives the same bytes.
"""
import base64
import hashlib
import os
import pathlib
import sys
import time
import zipfile

METADATA = """Metadata-Version: 2.4
Name: moat
Version: {version}
Summary: Sealed Python environments
License-Expression: MIT AND LicenseRef-Libraries
{licences}
Requires-Python: >=3.6
Classifier: Environment :: Console
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: C++
Classifier: Topic :: System :: Software Distribution
"""
WHEEL = """Wheel-Version: 1.0
Generator: moat
Root-Is-Purelib: false
Tag: py3-none-{platform}
"""
# The program by its other name; a wheel holds no links.
MOATX = """#!/bin/bash
exec -a moatx "$(dirname "$(readlink -f "$0")")/moat" "$@"
"""


def main():
    tree, version, platform, folder = pathlib.Path(sys.argv[1]), *sys.argv[2:4], pathlib.Path(sys.argv[4])
    dist_info, data = f"moat-{version}.dist-info", f"moat-{version}.data"
    members = {f"{data}/scripts/moat": ((tree / "bin/moat").read_bytes(), 0o755), f"{data}/scripts/moatx": (MOATX.encode(), 0o755)}
    for top in ("lib/moat", "share/man"):
        for path in sorted((tree / top).rglob("*")):
            if path.is_file():
                members[f"{data}/data/{path.relative_to(tree)}"] = (path.read_bytes(), 0o644)
    licences = []
    for path in sorted((tree / "share/licences").rglob("*")):
        if path.is_file():
            licences.append(str(path.relative_to(tree / "share/licences")))
            members[f"{dist_info}/licenses/{licences[-1]}"] = (path.read_bytes(), 0o644)
    contents = (tree / "share/moat.cdx.json").read_text().replace('"licences/', '"../licenses/')
    members[f"{dist_info}/sboms/moat.cdx.json"] = (contents.encode(), 0o644)
    lines = "\n".join(f"License-File: {name}" for name in licences)
    members[f"{dist_info}/METADATA"] = (METADATA.format(version=version, licences=lines).encode(), 0o644)
    members[f"{dist_info}/WHEEL"] = (WHEEL.format(platform=platform).encode(), 0o644)
    record = [f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},{len(content)}"
              for name, (content, _) in members.items()]
    members[f"{dist_info}/RECORD"] = ("\n".join([*record, f"{dist_info}/RECORD,,", ""]).encode(), 0o644)
    date = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), 315532800))[:6]  # zip begins in 1980
    with zipfile.ZipFile(folder / f"moat-{version}-py3-none-{platform}.whl", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (content, mode) in members.items():
            entry = zipfile.ZipInfo(name, date)
            entry.external_attr = (0o100000 | mode) << 16
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


if __name__ == "__main__":
    main()
