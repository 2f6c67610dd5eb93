"""The packages of `./dev package`, installed and used in minimal roots of Debian 12 and 13, by root and by a user.

    packages_in_roots_test.py REPOSITORY BUILD [PACKAGES]

PACKAGES: a folder of packages that are made already; without it they are made of BUILD.

Each root has what mmdebstrap puts into its smallest variants, and no more than the package of moat asks for. apt alone sees a
network; moat is used in a network namespace that has a loopback, with an index on it. The .deb of the other release is the one
that `./dev package SUITE` left in build/package/SUITE; without it that part is left out.

Roots are kept as archives in BUILD/roots, and what apt downloads beside them: the second run is quick, and needs no mirror.

Exit status 77 without root, without mmdebstrap, where the mirror cannot be reached, or with MOAT_SKIP_HEAVY (`./dev test`
without `all`).
"""
import contextlib
import ctypes
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import traceback

REPOSITORY, BUILD = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
sys.path.insert(0, str(REPOSITORY / "tests/transcripts"))
import loopback_index  # noqa: E402

VERSION = (REPOSITORY / "VERSION").read_text().strip()
SUITES = ("bookworm", "trixie")
# What a root of each kind has: a variant of mmdebstrap, and packages.
KINDS = {"apt": ("apt",), "python": ("essential", "python3"), "pip": ("essential", "python3-pip", "python3-venv")}
UNREACHABLE = r"Could not resolve|Could not connect|Failed to fetch|Temporary failure|Unable to connect|Cannot initiate the connection"
USER = 1000
INDEX = ("app 1.0 requires lib entry app=app:main", "lib 1.0", "src 1.0 sdist static")
PROJECT = """[project]
name = "shop"
version = "1"
requires-python = ">=3.9"
dependencies = ["app", "src"]
[tool.moat]
package = false
"""
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID, MS_BIND, MS_REC, MNT_DETACH = 0x20000, 0x40000000, 0x20000000, 0x1000, 0x4000, 2
PIVOT_ROOT = {"x86_64": 155}.get(os.uname().machine, 41)


def skip(why):
    print(why)
    sys.exit(77)


def run(*argv, status=0, env=None, cwd=None, user=None):
    """→ what it said, on both streams"""
    as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
    done = subprocess.run([str(a) for a in argv], env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **(env or {})}, cwd=cwd,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, **as_user)
    assert done.returncode == status, f"{' '.join(map(str, argv))}: {done.returncode}\n{done.stdout}"
    return done.stdout


def check_call(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(source, target, kind=None, flags=0):
    check_call(LIBC.mount(source.encode(), str(target).encode(), kind and kind.encode(), ctypes.c_ulong(flags), None))


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh22x", b"lo", 0x1))  # SIOCSIFFLAGS, IFF_UP


def serve():
    """→ the URL of an index that a process of its own serves, which ends with this one"""
    index = loopback_index.Index()
    for line in INDEX:
        index.add(line)
    reading, writing = os.pipe()
    if os.fork() == 0:
        LIBC.prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
        os.write(writing, loopback_index.serve(index).url.encode())
        os.close(writing)
        signal.pause()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        return said.read()


def within(root, work, *arguments, archives=None):
    """Calls work(*arguments) in a process whose file system is this root. Where apt is to find what it downloaded, in archives,
    there is a network; elsewhere there is none, and the first argument is the URL of an index. What it leaves behind is ended
    with it. That it is the root of a mount namespace, and no mere chroot, lets moat make user namespaces of its own."""
    child = os.fork()
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, f"{root.name}: {work.__name__} failed"
        return
    try:
        if not archives:
            check_call(LIBC.unshare(CLONE_NEWNET))
            loopback_up()
            arguments = (serve(), *arguments)
        check_call(LIBC.unshare(CLONE_NEWNS | CLONE_NEWPID))
        if first := os.fork():
            os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]))
        mount(str(root), root, flags=MS_BIND | MS_REC)
        mount("/dev", root / "dev", flags=MS_BIND | MS_REC)
        mount("proc", root / "proc", "proc")
        if archives:
            mount(str(archives), root / "var/cache/apt/archives", flags=MS_BIND)
        os.chdir(root)
        check_call(LIBC.syscall(PIVOT_ROOT, b".", b"."))
        check_call(LIBC.umount2(b".", MNT_DETACH))
        os.chdir("/")
        work(*arguments)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)


@contextlib.contextmanager
def root_of(suite, kind):
    """A root that is thrown away, from the archive of its suite and kind, which is made first where it is missing."""
    archive = BUILD / f"roots/{suite}-{kind}.tar"
    if not archive.exists():
        archive.parent.mkdir(exist_ok=True)
        variant, *packages = KINDS[kind]
        made = archive.with_suffix(".part.tar")
        lists = ["--skip=cleanup/apt/lists"] if kind == "apt" else []
        mirror = list(filter(None, [os.environ.get("MOAT_DEBIAN_MIRROR")]))
        done = subprocess.run(["mmdebstrap", f"--variant={variant}", *[f"--include={p}" for p in packages], *lists, suite, str(made), *mirror],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        if done.returncode and re.search(UNREACHABLE, done.stdout):
            skip(f"needs a mirror of Debian: {done.stdout[-500:]}")
        assert done.returncode == 0, done.stdout
        made.rename(archive)
    with tempfile.TemporaryDirectory(prefix=f"{suite}-{kind}-") as folder:
        root = pathlib.Path(folder) / f"{suite}-{kind}"
        root.mkdir()
        run("tar", "-xpf", archive, "--numeric-owner", "-C", root)
        for file, line in (("passwd", f"somebody:x:{USER}:{USER}::/home/somebody:/bin/sh\n"), ("group", f"somebody:x:{USER}:\n")):
            with open(root / "etc" / file, "a") as out:
                out.write(line)
        (root / "home/somebody").mkdir(parents=True)
        os.chown(root / "home/somebody", USER, USER)
        yield root


def everything_below(root):
    """But what apt and dpkg write about themselves, and what people have at home."""
    out = set()
    for folder, folders, files in os.walk(root):
        place = pathlib.Path(folder)
        if place == root:
            folders[:] = [f for f in folders if f not in ("proc", "dev", "sys", "root", "home", "tmp", "run")]
        if place == root / "var":
            folders[:] = [f for f in folders if f not in ("log", "cache")]
        out |= {str((place / name).relative_to(root)) for name in folders + files}
    return {p for p in out if not p.startswith(("var/lib/apt/", "var/lib/dpkg/"))}


def same_as_before(root, before):
    now = everything_below(root)
    assert now == before, f"left: {sorted(now - before)[:20]}; missing: {sorted(before - now)[:20]}"


# What moat is used for.

def use(url, moat, user):
    home = "/home/somebody" if user else "/root"
    work = pathlib.Path(tempfile.mkdtemp(dir=home))
    os.chown(work, user, user)
    moat, moatx = pathlib.Path(moat), pathlib.Path(moat).parent / "moatx"

    def call(*argv, **more):
        return run(*argv, env={"HOME": home, "MOAT_INDEX_URL": url}, cwd=work, user=user, **more)
    assert call(moat, "--version") == f"moat {VERSION}\n"
    assert call(moatx, "--version") == f"moat {VERSION}\n"
    call(moat, "create", "./env", "app", "src")
    assert call(moat, "run", "--env", "./env", "app") == "app 1.0\n"
    assert call(moat, "run", "--env", "./env", "python", "-c", "import src; src.main()") == "src 1.0\n"
    call(moat, "doctor", "--env", "./env")
    assert call(moatx, "--quiet", "app").endswith("app 1.0\n")
    (work / "pyproject.toml").write_text(PROJECT)
    call(moat, "lock")
    locked = re.findall(r'^name = "(.*)"', (work / "pylock.toml").read_text(), re.M)
    assert sorted(locked) == ["app", "lib", "src"], locked
    for name in ("deploy.key", "deploy.pub"):
        shutil.copy(f"/{name}", work)
        os.chown(work / name, user, user)
        os.chmod(work / name, 0o600)
    call(moat, "bundle", "-o", "shop.moat", "--sign", "deploy.key")
    call(moat, "deploy", "shop.moat", work / "srv", "--key", "deploy.pub", "--check", "app")
    assert call(work / "srv/current/bin/app") == "app 1.0\n"
    call(moat, "doctor", "--env", work / "srv/current")
    return work


def use_by_both(url, moat):
    use(url, moat, 0)
    use(url, moat, USER)


# The .deb

def apt(*words):
    env = {"DEBIAN_FRONTEND": "noninteractive", **{k: v for k, v in os.environ.items() if k.lower() in ("http_proxy", "https_proxy", "no_proxy")}}
    return run("apt-get", "-y", "-q", *words, env=env)


def remove():
    """moat, and whatever came for it, though something else recommends it: libc6 does so with libidn2-0."""
    apt("-o", "APT::AutoRemove::RecommendsImportant=false", "-o", "APT::AutoRemove::SuggestsImportant=false", "purge", "--autoremove", "moat")


def without_python(url):
    """It starts, finds no Python, and says so."""
    run("/usr/bin/moat", "--version")
    said = run("ldd", "/usr/bin/moat")
    assert "not found" not in said, said
    said = run("/usr/bin/moat", "create", "/srv/env", "app", status=2, env={"HOME": "/root", "MOAT_INDEX_URL": url})
    assert "error: Python 3 not found" in said and "hint: moat python install 3 " in said, said


def needed_packages(root):
    """The packages of the libraries that the program is linked with, or opens by name."""
    said = run("objdump", "-p", root / "usr/bin/moat")
    names = re.findall(r"NEEDED +(\S+)", said)
    names += re.findall(r"^lib(?:curl|archive)\.so\.\d+$", run("strings", "-a", root / "usr/bin/moat"), re.M)
    lists = {path.name[:-5].split(":")[0]: path.read_text().splitlines() for path in (root / "var/lib/dpkg/info").glob("*.list")}
    out = set()
    for name in names:
        owners = {package for package, files in lists.items() if any(f.rsplit("/", 1)[-1] == name for f in files)}
        assert len(owners) == 1, (name, owners)
        out |= owners
    return out


def try_deb(root, deb, archives):
    archives.mkdir(parents=True, exist_ok=True)
    (archives / "partial").mkdir(exist_ok=True)
    shutil.copy(deb, root / "tmp/moat.deb")
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    before = everything_below(root)

    within(root, lambda: apt("install", "--no-install-recommends", "/tmp/moat.deb"), archives=archives)
    depends = {d.split()[0] for d in run("dpkg-deb", "-f", deb, "Depends").split(", ")}
    assert depends == needed_packages(root), f"{sorted(depends)} are named, {sorted(needed_packages(root))} are needed"
    within(root, without_python)
    within(root, remove, archives=archives)
    same_as_before(root, before)

    # What is recommended brings a Python.
    within(root, lambda: apt("install", "/tmp/moat.deb"), archives=archives)
    before = everything_below(root)
    within(root, use_by_both, "/usr/bin/moat")
    same_as_before(root, before)
    within(root, lambda: apt("purge", "moat"), archives=archives)
    gone = before - everything_below(root)
    listed = [line.split(None, 5)[5].split(" -> ")[0].removeprefix("./") for line in run("dpkg-deb", "-c", deb).splitlines()]
    files, folders = {p for p in listed if p and not p.endswith("/")}, {p.rstrip("/") for p in listed if p.endswith("/")}
    assert files <= gone <= files | folders, f"left: {sorted(files - gone)[:20]}; gone too: {sorted(gone - files - folders)[:20]}"


# The tarball

def unpack_and_move(url, name):
    run("tar", "-xzf", "/tmp/moat.tar.gz", "-C", "/opt")
    work = use(url, f"/opt/{name}/bin/moat", 0)
    os.makedirs("/srv/another place")
    os.rename(f"/opt/{name}", "/srv/another place/moat")
    # What was made before goes on.
    assert run(work / "env/bin/app") == run(work / "srv/current/bin/app") == "app 1.0\n"
    run("/srv/another place/moat/bin/moat", "doctor", "--env", work / "env", env={"HOME": "/root"})
    use(url, "/srv/another place/moat/bin/moat", USER)
    # As people have it on PATH.
    os.symlink("/srv/another place/moat/bin/moat", "/usr/local/bin/moat")
    assert run("/usr/local/bin/moat", "--version") == f"moat {VERSION}\n"


def try_tarball(root, tarball):
    before = everything_below(root)
    shutil.copy(tarball, root / "tmp/moat.tar.gz")
    within(root, unpack_and_move, tarball.name[:-len(".tar.gz")])
    shutil.rmtree(root / "srv/another place")
    (root / "usr/local/bin/moat").unlink()
    same_as_before(root, before)


# The wheel

def in_a_venv(url, wheel):
    own = {"env": {"HOME": "/home/somebody", "PYTHONDONTWRITEBYTECODE": "1"}, "user": USER, "cwd": "/home/somebody"}
    run("python3", "-m", "venv", "venv", **own)
    run("venv/bin/pip", "install", "--no-index", wheel, **own)
    use(url, "/home/somebody/venv/bin/moat", USER)


def by_pip(url, wheel):
    own = {"env": {"HOME": "/root", "PYTHONDONTWRITEBYTECODE": "1", "PIP_ROOT_USER_ACTION": "ignore"}}
    run("python3", "-m", "pip", "install", "--no-index", "--no-compile", "--break-system-packages", wheel, **own)
    use(url, "/usr/local/bin/moat", 0)
    run("python3", "-m", "pip", "uninstall", "--yes", "--break-system-packages", "moat", **own)


def try_wheel(root, wheel):
    shutil.copy(wheel, root / "tmp")
    within(root, in_a_venv, f"/tmp/{wheel.name}")
    before = everything_below(root)
    within(root, by_pip, f"/tmp/{wheel.name}")
    # Folders of the prefix that pip made stay; every file goes.
    left = {p for p in everything_below(root) - before if not (root / p).is_dir()}
    assert not left, sorted(left)


def deb_of(suite, here):
    if f"VERSION_CODENAME={suite}\n" in pathlib.Path("/etc/os-release").read_text():
        return here
    return next((REPOSITORY / "build/package" / suite).glob(f"moat_{VERSION}~*.deb"), None)


def main():
    skipped = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        packages = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else folder / "packages"
        if len(sys.argv) <= 3:
            run(REPOSITORY / "cmake/package.sh", BUILD, packages, env={"HOME": str(folder)})
        deb, tarball, wheel = (next(packages.glob(pattern)) for pattern in ("*.deb", "*.tar.gz", "*.whl"))
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", folder / "deploy.key")
        run("openssl", "pkey", "-in", folder / "deploy.key", "-pubout", "-out", folder / "deploy.pub")
        for suite in SUITES:
            of_suite = deb_of(suite, deb)
            if not of_suite:
                print(f"skipped: no .deb for {suite}: ./dev package {suite}")
                skipped += 1
            tried = [("python", try_tarball, tarball), ("pip", try_wheel, wheel)]
            for kind, attempt, *arguments in tried + [("apt", try_deb, of_suite, BUILD / f"roots/{suite}-archives")] * bool(of_suite):
                with root_of(suite, kind) as root:
                    for name in ("deploy.key", "deploy.pub"):
                        shutil.copy(folder / name, root / name)
                    attempt(root, *arguments)
                    print(f"ok: {arguments[0].name} on {suite}", flush=True)
    print(f"OK (skipped={skipped})" if skipped else "OK")


if os.environ.get("MOAT_SKIP_HEAVY"):
    skip("runs with ./dev test all")
for tool in ("mmdebstrap", "dpkg-deb", "dpkg-shlibdeps", "objdump", "patchelf", "strip", "openssl", "ninja"):
    if not shutil.which(tool):
        skip(f"needs {tool}")
if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "--net", "--pid", "true"], stderr=subprocess.DEVNULL).returncode:
    skip("needs root, and namespaces")
if not os.environ.get("MOAT_ROOTS_NAMESPACE"):
    # Whatever is mounted goes with this process.
    os.environ["MOAT_ROOTS_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
main()
