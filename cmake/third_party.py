"""Lists the third-party code in a package of moat: licences, and a CycloneDX document.

    third_party.py deb BUILD VERSION TREE PACKAGE…    TREE/usr/share/doc/moat: copyright, moat.cdx.json
    third_party.py tree BUILD VERSION TREE INSIDE     TREE/share: licences/, moat.cdx.json; INSIDE has a line `FILE PACKAGE` for
                                                      each library of TREE/lib/moat

Libraries are named by their Debian package, and so are header-only ones, which are compiled in. The headers are those that
ninja recorded for the finished BUILD. The same build gives the same bytes.
"""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

LICENCE = pathlib.Path(__file__).resolve().parent.parent / "LICENSE"
COMMON = pathlib.Path("/usr/share/common-licenses")


def ask(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True).stdout


class Package:
    def __init__(self, name):
        self.name = name
        answer = ask("dpkg-query", "-W", "-f", "${Version}\t${source:Package}\t${source:Version}\t${Architecture}\n", name)
        if not answer:
            sys.exit(f"third_party.py: no package {name} is installed")
        # One line per architecture.
        self.version, self.source, self.source_version, self.arch = answer.splitlines()[0].split("\t")
        self.copyright = pathlib.Path(f"/usr/share/doc/{name}/copyright").read_text(errors="replace")

    def purl(self):
        release = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)"?$', pathlib.Path("/etc/os-release").read_text(), re.M))
        distro = f"{release['ID']}-{release['VERSION_ID']}" if "VERSION_ID" in release else release["ID"]
        return f"pkg:deb/{release['ID']}/{self.name}@{urllib.parse.quote(self.version, safe='')}?arch={self.arch}&distro={distro}"


def headers_alone(build, linked):
    """The packages whose headers were compiled in and that have no library to link with."""
    files, is_ours = set(), False
    for line in ask("ninja", "-C", str(build), "-t", "deps").splitlines():
        if not line.startswith(" "):
            is_ours = not line.startswith("tests/")
        elif is_ours and re.match(r" +/usr/(?:local/)?include/", line):
            files.add(line.strip())
    files = sorted(files)
    if not files:
        sys.exit(f"third_party.py: ninja has no dependencies for {build}: build it first")
    names = {name for line in ask("dpkg-query", "-S", *files).splitlines() for name in line.rsplit(": ", 1)[0].split(", ")}
    # Headers of the kernel and of glibc only declare numbers, structures and functions.
    without = {package.source for package in linked} | {"linux", "glibc"}
    found = (Package(name.split(":")[0]) for name in sorted(names))
    return [package for package in found if package.source not in without]


def component(package, licence, files=(), tree=None):
    """The licence is given as a file: Debian's copyright texts often cover several licences for several parts."""
    out = {"type": "library", "bom-ref": package.purl(), "name": package.name, "version": package.version, "purl": package.purl(),
           "externalReferences": [{"type": "license", "url": licence}]}
    if files:
        out["components"] = [{"type": "file", "name": file, "hashes": [{"alg": "SHA-256", "content": digest(tree / file)}]} for file in files]
    return out


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def document(version, components):
    own = f"moat@{version}"
    return json.dumps({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "0")))),
                     "component": {"type": "application", "bom-ref": own, "name": "moat", "version": version,
                                   "licenses": [{"license": {"id": "MIT"}}]}},
        "components": components,
        "dependencies": [{"ref": own, "dependsOn": [c["bom-ref"] for c in components]}],
    }, indent=1) + "\n"


def of_deb(build, version, tree, *names):
    """All licences in one file: `copyright` is kept even on systems that exclude documentation."""
    folder = tree / "usr/share/doc/moat"
    folder.mkdir(parents=True)
    inside = headers_alone(build, [Package(name) for name in names])
    with open(folder / "copyright", "w") as out:
        out.write(LICENCE.read_text())
        for package in inside:
            out.write(f"\n\n{'-' * 79}\nCompiled in: {package.name} {package.version}\n\n{package.copyright}")
    (folder / "moat.cdx.json").write_text(document(version, [component(package, "copyright") for package in inside]))


def of_tree(build, version, tree, inside):
    files = {}
    for line in pathlib.Path(inside).read_text().splitlines():
        file, name = line.split()
        files.setdefault(name, []).append(file)
    linked = [Package(name) for name in sorted(files)]
    headers = headers_alone(build, linked)
    folder = tree / "share/licences"
    (folder / "common").mkdir(parents=True)
    (folder / "moat").write_text(LICENCE.read_text())
    # Debian's texts refer to common licences by a path that other systems do not have.
    common = set()
    for package in linked + headers:
        (folder / package.name).write_text(package.copyright)
        common |= {name.rstrip(".-") for name in re.findall(rf"{COMMON}/([\w.+-]+)", package.copyright)}
    for name in sorted(common):
        if (COMMON / name).is_file():
            (folder / "common" / name).write_bytes((COMMON / name).read_bytes())
    lines = ["Debian packages whose libraries are in lib/moat, with the source packages that these are made from:", ""]
    lines += [f"  {p.name} {p.version}  ({p.source} {p.source_version})" for p in linked]
    lines += ["", "Debian packages of headers, compiled in:", ""]
    lines += [f"  {p.name} {p.version}  ({p.source} {p.source_version})" for p in headers]
    lines += ["", f"Where a file here names {COMMON}, the text is in common/.", ""]
    (folder / "CONTENTS").write_text("\n".join(lines))
    components = [component(p, f"licences/{p.name}", sorted(files.get(p.name, [])), tree) for p in linked + headers]
    (tree / "share/moat.cdx.json").write_text(document(version, components))


def main():
    what, build, version, tree, *rest = sys.argv[1:]
    {"deb": of_deb, "tree": of_tree}[what](pathlib.Path(build), version, pathlib.Path(tree), *rest)


if __name__ == "__main__":
    main()
