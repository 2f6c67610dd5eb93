"""What `./dev package` makes of a build: a .deb, a relocatable tarball and a wheel, the same bytes each time, each of them used.

    package_test.py REPOSITORY BUILD
"""
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

REPOSITORY, BUILD = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
sys.path.insert(0, str(REPOSITORY / "tests/transcripts"))
import loopback_index  # noqa: E402

OF_GLIBC = ("libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "libresolv.so", "ld-linux", "linux-vdso")


def run(*argv, **variables):
    done = subprocess.run([str(a) for a in argv], env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **variables},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}"
    return done.stdout


def use(moat, folder, url):
    """An environment, a wheel, and an sdist: what needs libcurl, libarchive and all the others."""
    own = {"HOME": str(folder), "MOAT_HOME": str(folder / "home"), "MOAT_INDEX_URL": url}
    version = (REPOSITORY / "VERSION").read_text().strip()
    assert run(moat, "--version", **own) == f"moat {version}\n"
    assert run(moat.parent / "moatx", "--version", **own) == f"moat {version}\n"
    run(moat, "create", folder / "env", "-p", "/usr/bin/python3", "app", "src", **own)
    assert run(moat, "run", "--env", folder / "env", "app", **own) == "app 1.0\n"
    run(moat, "doctor", "--env", folder / "env", **own)


def check_manual(moat, folder):
    """A page for each command, which names every option of its help; man has nothing to say against any."""
    listed = run(moat, "--help", HOME=str(folder)).split("Commands:\n")[1]
    for command in ("install", "env rollback", "deploy status"):
        assert command in listed, listed
        text = gzip.decompress((folder / f"moat-{command.replace(' ', '-')}.1.gz").read_bytes()).decode().replace("\\-", "-")
        for option in re.findall(r"^ .*?(--[a-z-]+)", run(moat, *command.split(), "--help", HOME=str(folder)), re.M):
            assert option in text, f"moat-{command}: {option}"
    if shutil.which("groff"):
        for page in sorted(folder.iterdir()):
            done = subprocess.run(["groff", "-man", "-Kutf8", "-Tutf8", "-ww"], input=gzip.decompress(page.read_bytes()), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE)
            assert not done.stderr, f"{page.name}: {done.stderr.decode()}"


def check_contents(place):
    """Of every library its licence and where it comes from, and of what is compiled in; each text that a licence names."""
    document, licences = json.loads((place / "share/moat.cdx.json").read_text()), place / "share/licences"
    components = {c["name"]: c for c in document["components"]}
    named = {f["name"]: f["hashes"][0]["content"] for c in components.values() for f in c.get("components", [])}
    there = {f"lib/moat/{p.name}": hashlib.sha256(p.read_bytes()).hexdigest() for p in (place / "lib/moat").iterdir()}
    del there["lib/moat/libxml2.so.2"]  # the stand-in
    assert named == there, set(named) ^ set(there)
    assert {"nlohmann-json3-dev", "libcli11-dev", "libexpected-dev"} == {n for n, c in components.items() if "components" not in c}, components
    contents = (licences / "CONTENTS").read_text()
    for name, component in components.items():
        assert f"  {name} {component['version']}  (" in contents, name
        assert component["externalReferences"] == [{"type": "license", "url": f"licences/{name}"}], component
        for common in re.findall(r"/usr/share/common-licenses/([\w.+-]*\w)", (licences / name).read_text(errors="replace")):
            assert (licences / "common" / common).is_file() or not os.path.isfile(f"/usr/share/common-licenses/{common}"), (name, common)
    assert (licences / "moat").read_text() == (REPOSITORY / "LICENSE").read_text()


def check_metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = next(n for n in names if n.endswith("/METADATA")).rsplit("/", 1)[0]
        licences = re.findall("^License-File: (.*)$", archive.read(f"{info}/METADATA").decode(), re.M)
        assert {f"{info}/licenses/{name}" for name in licences} == {n for n in names if n.startswith(f"{info}/licenses/")}, licences
        for component in json.loads(archive.read(f"{info}/sboms/moat.cdx.json"))["components"]:
            assert component["externalReferences"][0]["url"].replace("..", info) in names, component


def main():
    for tool in ("dpkg-deb", "dpkg-shlibdeps", "objdump", "patchelf", "strip", "ninja"):
        if not shutil.which(tool):
            print(f"needs {tool}")
            sys.exit(77)
    index = loopback_index.Index()
    for line in ("app 1.0 requires lib entry app=app:main", "lib 1.0", "src 1.0 sdist static"):
        index.add(line)
    url = loopback_index.serve(index).url
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for out in ("one", "two"):
            run(REPOSITORY / "cmake/package.sh", BUILD, folder / out, SOURCE_DATE_EPOCH="1700000000", HOME=str(folder))
        files = sorted(p.name for p in (folder / "one").iterdir())
        for name in files:
            assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes(), f"{name} differs"
        deb, tarball, wheel = (next((folder / "one").glob(pattern)) for pattern in ("*.deb", "*.tar.gz", "*.whl"))
        assert files == ["SHA256SUMS", wheel.name, tarball.name, deb.name], files

        depends = run("dpkg-deb", "-f", deb, "Depends")
        for package in ("libc6", "libcurl4", "libarchive13", "libsolv1"):
            assert package in depends, depends
        run("dpkg-deb", "-x", deb, folder / "deb")
        said = (folder / "deb/usr/share/doc/moat/copyright").read_text()
        assert said.startswith((REPOSITORY / "LICENSE").read_text()) and "\nCompiled in: nlohmann-json3-dev" in said, said
        assert [c["name"] for c in json.loads((folder / "deb/usr/share/doc/moat/moat.cdx.json").read_text())["components"]] == \
            ["libcli11-dev", "libexpected-dev", "nlohmann-json3-dev"]
        (folder / "by-deb").mkdir()
        use(folder / "deb/usr/bin/moat", folder / "by-deb", url)

        run("tar", "-xzf", tarball, "-C", folder)
        place = folder / "odd place"
        (folder / tarball.name.removesuffix(".tar.gz")).rename(place)
        for file in [place / "bin/moat", *(place / "lib/moat").iterdir()]:
            for line in run("ldd", file).splitlines():
                name = line.split()[0].rsplit("/", 1)[-1]
                assert str(place) in line or name.startswith(OF_GLIBC) or "statically" in line, f"{file}: {line}"
        assert not list((place / "lib/moat").glob("libicu*"))
        check_contents(place)
        check_metadata(wheel)
        (folder / "by-tarball").mkdir()
        use(place / "bin/moat", folder / "by-tarball", url)
        check_manual(place / "bin/moat", place / "share/man/man1")

        # By an installer of somebody else; what is installed then lies below one prefix.
        run("/usr/bin/python3", "-m", "venv", folder / "venv", HOME=str(folder))
        run(folder / "venv/bin/pip", "install", "--no-index", "--no-deps", wheel, HOME=str(folder), PIP_CONFIG_FILE="/dev/null")
        (folder / "by-wheel").mkdir()
        use(folder / "venv/bin/moat", folder / "by-wheel", url)


main()
