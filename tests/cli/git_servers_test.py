"""Git as it is really served: over ssh by OpenSSH's sshd, over https by Apache and git's own git-http-backend, whose certificate is
of an authority of the test's own, with and without passwords.

    git_servers_test.py MOAT [TestClass.test_name…]      tests of a server that is not installed here are skipped

Debian: openssh-server, apache2-bin, openssl.
"""
import base64
import getpass
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import registry_test  # noqa: E402  (which also knows where loopback_index is)
import loopback_index  # noqa: E402

SSHD, BACKEND = pathlib.Path("/usr/sbin/sshd"), pathlib.Path("/usr/lib/git-core/git-http-backend")
SECRET, SECRET_IN_URL = registry_test.SECRET, registry_test.SECRET_IN_URL
MOAT = SHARED = REPOSITORIES = None

CONFIG = """
ServerRoot {root}
ServerName localhost
PidFile {root}/pid
ErrorLog {root}/error.log
DefaultRuntimeDir {root}
{modules}
TypesConfig /dev/null
KeepAlive Off
DocumentRoot {root}
Listen 127.0.0.1:{port}
SSLEngine on
SSLCertificateFile {root}/tls/server.pem
SetEnv GIT_PROJECT_ROOT {repositories}
SetEnv GIT_HTTP_EXPORT_ALL
SetEnv GIT_CONFIG_GLOBAL {root}/gitconfig
ScriptAlias /open {backend}
ScriptAlias /closed {backend}
<Location /open>
  Require all granted
</Location>
<Location /closed>
  AuthType Basic
  AuthName repositories
  AuthUserFile {root}/passwords
  Require valid-user
</Location>
"""

SSHD_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {root}/host
AuthorizedKeysFile {root}/authorized
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
"""


def git(*words, cwd=None):
    return registry_test.run("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always", *words, cwd=cwd).decode().strip()


def make_repositories(root):
    """tool.git, a package; whole.git, one that has tool.git as a submodule, by a relative URL."""
    for name, more in (("tool", None), ("whole", "../tool.git")):
        work = root / "work" / name
        work.mkdir(parents=True)
        for path, text in loopback_index.tree(name, "1.0", [], "static").items():
            (work / path).write_text(text)
        git("init", "-q", "-b", "main", cwd=work)
        git("add", "-A", cwd=work)
        git("commit", "-qm", "1", cwd=work)
        if more:
            git("submodule", "--quiet", "add", "--", str(root / "tool.git"), "part", cwd=work)
            git("config", "-f", ".gitmodules", "submodule.part.url", more, cwd=work)
            (work / f"{name}.py").write_text("import pathlib\n")
            (work / "backend.py").write_text(loopback_index.BACKEND.replace(
                "text = file.read()", "text = file.read() + 'part = ' + repr(open('part/tool.py').read())"))
            git("commit", "-qam", "2", cwd=work)
        git("tag", "v1", cwd=work)
        git("clone", "-q", "--bare", str(work), str(root / f"{name}.git"))


class Server:
    def __init__(self, prefix):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.port = registry_test.free_ports(1)[0]

    def start(self, *command):
        # In a session of its own: Apache's last signal goes to its whole process group.
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        for _ in range(200):
            try:
                return registry_test.socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError(f"{command[0]} does not start: {self.process.stdout.read().decode()}")

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.root, ignore_errors=True)


class Apache(Server):
    def __init__(self):
        super().__init__("git-https-")
        registry_test.make_certificates(self.root / "tls")
        (self.root / "passwords").write_bytes(b"alice:" + registry_test.run("openssl", "passwd", "-apr1", SECRET))
        (self.root / "gitconfig").write_text("[safe]\n\tdirectory = *\n")  # Apache may be another user than the repositories'
        for path in [self.root, *self.root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        names = "mpm_prefork authn_core authn_file authz_core authz_user auth_basic alias cgi env mime ssl socache_shmcb".split()
        user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
        (self.root / "apache.conf").write_text(user + CONFIG.format(
            root=self.root, port=self.port, backend=BACKEND, repositories=REPOSITORIES,
            modules="\n".join(f"LoadModule {name}_module {registry_test.MODULES}/mod_{name}.so" for name in names)))
        self.start(registry_test.APACHE, "-D", "FOREGROUND", "-f", self.root / "apache.conf")


class Sshd(Server):
    def __init__(self):
        super().__init__("git-ssh-")
        for name in ("host", "user", "stranger"):
            registry_test.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.root / name)
        shutil.copy(self.root / "user.pub", self.root / "authorized")
        host = " ".join((self.root / "host.pub").read_text().split()[:2])
        (self.root / "known").write_text(f"[127.0.0.1]:{self.port} {host}\n")
        (self.root / "nobody-known").write_text("")
        (self.root / "sshd.conf").write_text(SSHD_CONFIG.format(root=self.root, port=self.port))
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # where it insists on going as root
        self.start(SSHD, "-D", "-e", "-f", self.root / "sshd.conf")

    def command(self, key="user", known="known"):
        return f"ssh -F none -i {self.root / key} -oIdentitiesOnly=yes -oUserKnownHostsFile={self.root / known} -oBatchMode=yes"


class GitTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="git-servers-"))
        self.addCleanup(shutil.rmtree, self.root, True)
        self.work, self.home = self.root / "work", self.root / "home"
        for folder in (self.work, self.home, self.root / "moat/store"):
            folder.mkdir(parents=True)
        (self.root / "moat/store/runtimes").symlink_to(SHARED)
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "MOAT_HOME": str(self.root / "moat"), "MOAT_COMPILE": "now", "LANG": "C.UTF-8",
                    "TERM": "dumb", "MOAT_NO_INDEX": "1", "GIT_TRACE2_EVENT": str(self.root / "trace")}
        self.env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
        self.said = ""
        template = REPOSITORIES / "env"  # an environment is as good as new where it is copied to
        if not template.exists():
            self.moat("create", template)
        shutil.copytree(template, self.work / "env", symlinks=True)

    def moat(self, *words, status=0, **variables):
        done = subprocess.run([MOAT, *map(str, words)], cwd=self.work, env={**self.env, **variables}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=300)
        self.said += done.stdout
        self.assertEqual(done.returncode, status, f"moat {' '.join(map(str, words))}\n{done.stdout}")
        return done.stdout

    def install(self, *words, status=0, **variables):
        return self.moat("install", "--env", "env", *words, status=status, **variables)

    def direct_url(self, name):
        return next((self.work / "env").glob(f"lib/python*/site-packages/{name}-1.0.dist-info/direct_url.json")).read_text()

    def assert_is_secret(self):
        """The password is nowhere: not in what was said, in no file, and in no argument that git was given (those are in the trace)."""
        pair = base64.b64encode(f"alice:{SECRET}".encode()).decode()
        spellings = (SECRET, SECRET_IN_URL, pair)
        for word in spellings:
            self.assertNotIn(word, self.said)
        for path in self.root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.name not in (".netrc", "credentials"):
                content = path.read_bytes()
                for word in spellings:
                    self.assertNotIn(word.encode(), content, path)


@unittest.skipUnless(registry_test.APACHE.exists() and BACKEND.exists() and shutil.which("openssl"), "needs apache2-bin, git and openssl")
class Https(GitTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Apache()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        super().setUp()
        self.authority = str(self.server.root / "tls/ca.crt")

    def url(self, repository="tool.git", place="open", user=""):
        return f"git+https://{user and user + '@'}localhost:{self.server.port}/{place}/{repository}"

    def test_the_certificate_counts(self):
        out = self.install(self.url(), status=3)
        self.assertIn("certificate", out)
        self.install(self.url(), "--cert", self.authority)
        self.assertIn("+ tool 1.0", self.said)
        self.assertIn(f'"url":"{self.url()[4:]}"', self.direct_url("tool"))

    def test_gits_own_settings_count(self):
        self.install(self.url() + "@v1", GIT_SSL_CAINFO=self.authority)
        git("config", "-f", str(self.home / ".gitconfig"), "http.sslCAInfo", self.authority)
        self.install("--reinstall", self.url())

    def test_a_whole_commit_that_is_stored_needs_no_server(self):
        commit = git("rev-parse", "main", cwd=REPOSITORIES / "work/tool")
        self.install(f"{self.url()}@{commit}", "--cert", self.authority)
        self.install("--reinstall", "--offline", f"{self.url()}@{commit}")

    def test_a_password_in_the_url_is_used_and_never_told(self):
        secret = self.url(place="closed", user="alice:" + SECRET_IN_URL)
        self.install(secret + "@v1", "--cert", self.authority)
        self.assertNotIn("alice", self.direct_url("tool"))
        self.moat("freeze", "--env", "env")
        self.moat("show", "--env", "env", "tool")
        self.moat("show", "--env", "env", "--json", "tool")
        self.moat("env", "history", "--env", "env")
        (self.home / "credentials").write_text(f"tool @ {secret}\n")
        self.moat("lock", "-v", "-r", self.home / "credentials", "--cert", self.authority)
        self.moat("sync", "--env", "env", "--offline")
        self.moat("lock", "-r", self.home / "credentials", "-o", "lock.txt", "--cert", self.authority)
        self.install("--offline", "-r", "lock.txt")
        self.install(secret + "@nothing", "--cert", self.authority, status=1)
        self.install("-e", secret, "--cert", self.authority)
        self.assert_is_secret()

    def test_a_wrong_password_or_none_fails_and_asks_nobody(self):
        out = self.install(self.url(place="closed", user="alice:wrong-" + SECRET_IN_URL), "--cert", self.authority, status=3)
        self.assertIn("cannot read the git repository", out)
        self.assertIn("****@localhost", out)
        out = self.install(self.url(place="closed"), "--cert", self.authority, status=3)
        self.assertIn("hint: `git ls-remote`", out)
        self.assert_is_secret()

    def test_gits_credential_helpers_and_netrc_are_asked(self):
        (self.home / "credentials").write_text(f"https://alice:{SECRET_IN_URL}@localhost:{self.server.port}\n")
        git("config", "-f", str(self.home / ".gitconfig"), "credential.helper", f"store --file={self.home}/credentials")
        self.install(self.url(place="closed"), "--cert", self.authority)
        (self.home / ".gitconfig").unlink()
        (self.home / ".netrc").write_text(f'machine localhost login alice password "{SECRET}"\n')
        (self.home / ".netrc").chmod(0o600)
        self.install("--reinstall", self.url(place="closed"), "--cert", self.authority)
        self.assert_is_secret()

    def test_submodules_come_along_and_stay_for_offline(self):
        secret = self.url("whole.git", "closed", "alice:" + SECRET_IN_URL)
        self.install(secret, "--cert", self.authority)
        self.assertIn("'tool', __version__", self.moat("run", "--env", "env", "python", "-c", "import whole; print(whole.part)"))
        commit = git("rev-parse", "main", cwd=REPOSITORIES / "work/whole")
        for built in ("wheels", "links"):
            shutil.rmtree(self.root / "moat/store" / built)
        self.install("--reinstall", "--offline", f"{self.url('whole.git', 'closed')}@{commit}")
        self.assert_is_secret()
        (kept,) = (self.root / "moat/store/git").glob("*.modules")
        shutil.rmtree(kept)
        shutil.rmtree(self.root / "moat/store/wheels")
        out = self.install("--reinstall", "--offline", f"{self.url('whole.git', 'closed')}@{commit}", status=3)
        self.assertIn("the submodules of", out)


@unittest.skipUnless(SSHD.exists() and shutil.which("ssh"), "needs openssh-server")
class Ssh(GitTest):
    @classmethod
    def setUpClass(cls):
        cls.server = Sshd()
        cls.addClassCleanup(cls.server.close)

    def url(self, repository="tool.git", user=getpass.getuser()):
        return f"git+ssh://{user}@127.0.0.1:{self.server.port}{REPOSITORIES}/{repository}"

    def test_a_key_opens_and_the_user_is_not_recorded(self):
        self.install(self.url() + "@v1", GIT_SSH_COMMAND=self.server.command())
        self.assertIn("+ tool 1.0", self.said)
        self.assertIn(f'"url":"ssh://127.0.0.1:{self.server.port}/', self.direct_url("tool"))
        frozen = self.moat("freeze", "--env", "env")
        self.assertRegex(frozen, rf"tool @ git\+ssh://127.0.0.1:{self.server.port}/.*@[0-9a-f]{{40}}")

    def test_the_command_of_gits_settings_counts(self):
        git("config", "-f", str(self.home / ".gitconfig"), "core.sshCommand", self.server.command())
        self.install(self.url())

    def test_submodules_come_along_and_stay_for_offline(self):
        self.install(self.url("whole.git"), GIT_SSH_COMMAND=self.server.command())
        commit = git("rev-parse", "main", cwd=REPOSITORIES / "work/whole")
        shutil.rmtree(self.root / "moat/store/wheels")
        self.install("--reinstall", "--offline", f"{self.url('whole.git')}@{commit}", GIT_SSH_COMMAND="false")

    def test_an_unknown_host_is_refused(self):
        out = self.install(self.url(), status=3, GIT_SSH_COMMAND=self.server.command(known="nobody-known") + " -oStrictHostKeyChecking=yes")
        self.assertIn("Host key verification failed", out)

    def test_another_key_is_refused_without_a_question(self):
        out = self.install(self.url(), status=3, GIT_SSH_COMMAND=self.server.command(key="stranger"))
        self.assertIn("Permission denied", out)
        self.assertIn("cannot read the git repository", out)

    def test_what_is_no_repository_is_named(self):
        out = self.install(self.url("nothing.git"), status=3, GIT_SSH_COMMAND=self.server.command())
        self.assertIn("does not appear to be a git repository", out)


def main():
    global MOAT, SHARED, REPOSITORIES
    MOAT = os.path.abspath(sys.argv.pop(1))
    SHARED = pathlib.Path(MOAT).parent / "transcript-runtimes"
    SHARED.mkdir(exist_ok=True)
    if not SSHD.exists() and not registry_test.APACHE.exists():
        sys.exit(77)
    REPOSITORIES = pathlib.Path(tempfile.mkdtemp(prefix="git-repositories-"))
    try:
        make_repositories(REPOSITORIES)
        REPOSITORIES.chmod(0o755)
        sys.exit(not unittest.main(exit=False).result.wasSuccessful())
    finally:
        shutil.rmtree(REPOSITORIES, ignore_errors=True)


if __name__ == "__main__":
    main()
