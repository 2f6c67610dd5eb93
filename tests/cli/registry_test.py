"""A registry as people really run one: Apache, serving folders of wheels as it lists them, with passwords, TLS and client
certificates.

    registry_test.py MOAT          skipped (77) where Debian's apache2-bin or openssl is not installed

Nothing is made for moat: pages are mod_autoindex's, ranges and redirects are Apache's own.
"""
import os
import pathlib
import pty
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

APACHE, MODULES = pathlib.Path("/usr/sbin/apache2"), pathlib.Path("/usr/lib/apache2/modules")
SECRET = "corr@ct horse:1"
SECRET_IN_URL = "corr%40ct%20horse%3A1"

CONFIG = """
ServerRoot {root}
ServerName localhost
PidFile {root}/pid
ErrorLog {root}/error.log
DefaultRuntimeDir {root}
{modules}
TypesConfig /dev/null
LogFormat "%U%q %>s %{{User-Agent}}i" short
CustomLog {root}/access.log short
DocumentRoot {root}/www
Listen 127.0.0.1:{http}
Listen 127.0.0.1:{https}
Listen 127.0.0.1:{mutual}
{ipv6}
<Directory {root}/www>
  Options +Indexes
  Require all granted
</Directory>
<Location /closed>
  AuthType Basic
  AuthName packages
  AuthUserFile {root}/passwords
  Require valid-user
</Location>
Redirect /moved http://localhost:{http}/simple
<VirtualHost 127.0.0.1:{https}>
  SSLEngine on
  SSLCertificateFile {root}/tls/server.pem
  SSLCACertificateFile {root}/tls/ca.crt
</VirtualHost>
<VirtualHost 127.0.0.1:{mutual}>
  SSLEngine on
  SSLCertificateFile {root}/tls/server.pem
  SSLCACertificateFile {root}/tls/ca.crt
  SSLVerifyClient require
</VirtualHost>
"""


def run(*command, **more):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more).stdout


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for one in sockets:
        one.close()
    return ports


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


def make_certificates(folder):
    folder.mkdir()
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Test Authority", "-days", "2", "-keyout", folder / "ca.key",
        "-out", folder / "ca.crt")
    for name, extension in (("server", "subjectAltName=DNS:localhost,IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out",
            folder / f"{name}.csr")
        (folder / "extensions").write_text(extension)
        run("openssl", "x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", folder / "extensions", "-out", folder / f"{name}.crt")
        (folder / f"{name}.pem").write_text((folder / f"{name}.crt").read_text() + (folder / f"{name}.key").read_text())
    hashed = folder / "hashed"
    hashed.mkdir()
    shutil.copy(folder / "ca.crt", hashed / (run("openssl", "x509", "-hash", "-noout", "-in", folder / "ca.crt").decode().strip() + ".0"))


class Apache:
    """One server for all tests: /simple for everybody, /closed with a password, odd/… with a name that needs quoting."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="registry-"))
        www = self.root / "www"
        for place in ("simple", "closed", "odd name+50%#1"):
            for name, version, requires in (("app", "1.0", ["lib>=1"]), ("lib", "1.0", []), ("lib", "1.1", [])):
                filename, content = loopback_index.wheel(name, version, "py3-none-any", requires, "", [f"{name}={name}:main"])
                (www / place / name).mkdir(parents=True, exist_ok=True)
                (www / place / name / filename).write_bytes(content)
                (www / place / name / "README.html").write_text("no package")
        make_certificates(self.root / "tls")
        (self.root / "passwords").write_bytes(b"alice:" + run("openssl", "passwd", "-apr1", SECRET))
        for path in [self.root, *self.root.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.http, self.https, self.mutual = free_ports(3)
        self.ipv6 = has_ipv6()
        names = ("mpm_event authn_core authn_file authz_core authz_user auth_basic autoindex alias dir mime ssl socache_shmcb").split()
        config = self.root / "apache.conf"
        user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
        config.write_text(user + CONFIG.format(
            root=self.root, http=self.http, https=self.https, mutual=self.mutual,
            ipv6=f"Listen [::1]:{self.http}" if self.ipv6 else "",
            modules="\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in names)))
        self.process = subprocess.Popen([APACHE, "-X", "-f", config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for port in (self.http, self.https, self.mutual):
            self.wait_for(port)

    def wait_for(self, port):
        for _ in range(200):
            try:
                return socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError("Apache does not start: " + self.process.stdout.read().decode() + (self.root / "error.log").read_text())

    def asked(self):
        return (self.root / "access.log").read_text()

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.root, ignore_errors=True)


class RegistryTest(sandbox.SandboxTest):
    @classmethod
    def setUpClass(cls):
        cls.apache = Apache()

    @classmethod
    def tearDownClass(cls):
        cls.apache.close()

    def setUp(self):
        super().setUp()
        self.create()

    def install(self, *words, package="app", **more):
        return super().install(*words, package, **more)

    def again(self):
        """Forget what was installed and stored, so that the next install asks for everything."""
        self.moat("uninstall", "--env", "env", "app", "lib")
        for name in ("wheels", "index", "metadata"):
            shutil.rmtree(self.root / "moat/store" / name, ignore_errors=True)

    def http(self, path="/simple", user=""):
        return f"http://{user and user + '@'}127.0.0.1:{self.apache.http}{path}"

    def https(self, path="/simple"):
        return f"https://localhost:{self.apache.https}{path}"

    def assert_is_secret(self, secret=SECRET):
        """The password is nowhere: not in what was said, nor in any file of the user's, the environment's or the store's."""
        spellings = {secret, SECRET_IN_URL, secret.split(":")[0]}
        for word in spellings:
            self.assertNotIn(word, self.ever_said)
        for path in self.root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.name not in (".netrc", "keyring", "config.toml"):
                content = path.read_bytes()
                for word in spellings:
                    self.assertNotIn(word.encode(), content, path)

    # ---- pages

    def test_folders_as_the_server_lists_them_are_an_index(self):
        self.install("-i", self.http())
        self.assertIn("+ lib 1.1", self.said)
        self.assertIn(" 206 ", self.apache.asked())  # metadata was read by ranges
        self.assertIn("app 1.0", self.moat("run", "--env", "env", "app"))

    def test_one_folder_is_a_page_of_links(self):
        self.install("--no-index", "-f", self.http("/simple/app/"), "-f", self.http("/simple/lib/"))
        self.assertIn("+ lib 1.1", self.said)

    def test_names_that_need_quoting(self):
        self.install("-i", self.http("/odd%20name+50%25%231"))
        self.assertIn("+ app 1.0", self.said)

    def test_a_folder_on_disk_that_needs_quoting(self):
        folder = self.apache.root / "www/odd name+50%#1"
        self.install("--no-index", "-f", folder / "app", "-f", folder / "lib")
        self.assertIn("+ lib 1.1", self.said)

    def test_an_address_of_ipv6(self):
        if not self.apache.ipv6:
            self.skipTest("no ::1 here")
        self.install("-i", f"http://[::1]:{self.apache.http}/simple")

    def test_redirects_are_followed(self):
        self.install("-i", self.http("/moved"))

    def test_a_project_may_be_pinned_to_an_index(self):
        (self.work / "config.toml").write_text(f'index = ["inner={self.http("/closed", "alice:" + SECRET_IN_URL)}"]\n'
                                               f'index-url = "{self.http()}"\n[pins]\nlib = "inner"\n')
        self.install("--config", "config.toml", "--index", f"other={self.http()}", status=2)  # the flag replaces the list
        self.assertIn("`inner`", self.said)
        self.install("--config", "config.toml")
        self.assert_is_secret()

    # ---- passwords

    def test_without_a_password_the_run_fails_and_says_what_to_do(self):
        self.install("-i", self.http("/closed"), status=3)
        self.assertIn("answered 401", self.said)
        self.assertIn("credentials", self.said)

    def test_a_password_in_the_url(self):
        self.install("-i", self.http("/closed", "alice:" + SECRET_IN_URL))
        self.moat("env", "history", "--env", "env")
        self.moat("env", "history", "--env", "env", "--json")
        self.moat("install", "--json", "--env", "env", "--reinstall", "-v", "-i", self.http("/closed", "alice:" + SECRET_IN_URL), "app")
        self.moat("install", "--env", "env", f"app @ {self.http('/closed/app/app-1.0-py3-none-any.whl', 'alice:' + SECRET_IN_URL)}",
                  "-i", self.http("/closed", "alice:" + SECRET_IN_URL))
        self.moat("freeze", "--env", "env")
        self.moat("install", "--env", "env", "nothing-like-that", "-i", self.http("/closed", "alice:" + SECRET_IN_URL), status=1)
        self.moat("install", "--env", "env", "app<0", "-i", self.http("/closed", "alice:" + SECRET_IN_URL), status=1)
        self.assert_is_secret()

    def test_a_wrong_password_is_not_shown_either(self):
        self.install("-i", self.http("/closed", "alice:wrong-" + SECRET_IN_URL), status=3)
        self.assert_is_secret()

    def test_a_variable_and_a_settings_file(self):
        self.install(MOAT_INDEX_URL=self.http("/closed", "alice:" + SECRET_IN_URL))
        self.assert_is_secret()

    def test_netrc(self):
        netrc = self.home / ".netrc"
        netrc.write_text(f'machine 127.0.0.1\nlogin alice\npassword "{SECRET}"\n')
        netrc.chmod(0o600)
        self.install("-i", self.http("/closed"))
        self.again()
        netrc.rename(self.home / "elsewhere.netrc")
        self.install("-i", self.http("/closed"), status=3)
        self.install("-i", self.http("/closed"), NETRC=str(self.home / "elsewhere.netrc"))
        (self.home / "elsewhere.netrc").unlink()
        self.assert_is_secret()

    def test_keyring(self):
        keyring = self.tools / "keyring"
        keyring.write_text("#!/bin/sh\necho \"$@\" >> \"$HOME/asked\"\n"
                           f"printf '{{\"username\": \"alice\", \"password\": \"{SECRET}\"}}\\n'\n")
        keyring.chmod(0o755)
        self.install("-i", self.http("/closed"))
        self.assertEqual((self.home / "asked").read_text(), f"--mode=creds --output=json get {self.http('/closed')}\n")  # once
        self.assert_is_secret()

    def at_a_terminal(self, *words, answers):
        """Runs moat at a terminal of its own; answers: (what is asked, what is typed)."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.work)
            os.execve(sandbox.MOAT, [sandbox.MOAT, *map(str, words)], self.env)
        shown, left = b"", list(answers)
        while True:
            ready, _, _ = select.select([terminal], [], [], 120)
            try:
                piece = os.read(terminal, 4096) if ready else b""
            except OSError:  # the other side is closed
                piece = b""
            if not piece:
                break
            shown += piece
            if left and left[0][0].encode() in shown:
                os.write(terminal, left.pop(0)[1].encode() + b"\n")
        os.close(terminal)
        self.said = shown.decode(errors="replace")
        self.ever_said += self.said
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def test_a_person_is_asked_at_a_terminal(self):
        status = self.at_a_terminal("install", "--env", "env", "-i", self.http("/closed"), "app",
                                    answers=[("User for http://127.0.0.1", "alice"), ("Password of alice", SECRET)])
        self.assertEqual(status, 0, self.said)
        self.assertIn("+ app 1.0", self.said)
        self.assertEqual(self.said.count("Password"), 1)
        self.assert_is_secret()

    def test_a_person_is_asked_for_the_password_alone_where_the_user_is_known(self):
        status = self.at_a_terminal("install", "--env", "env", "-i", self.http("/closed", "alice"), "app",
                                    answers=[("Password of alice", SECRET)])
        self.assertEqual(status, 0, self.said)
        self.assertNotIn("User for", self.said)

    def test_nobody_is_asked_with_no_input(self):
        self.assertEqual(self.at_a_terminal("install", "--env", "env", "--no-input", "-i", self.http("/closed"), "app", answers=[]), 3)
        self.assertNotIn("Password", self.said)

    # ---- TLS

    def test_an_authority_of_ones_own(self):
        tls = self.apache.root / "tls"
        self.install("-i", self.https(), status=3)
        self.assertIn("SSL_CERT_FILE", self.said)
        self.install("-i", self.https(), "--cert", tls / "ca.crt")
        for variables in ({"SSL_CERT_FILE": tls / "ca.crt"}, {"SSL_CERT_DIR": tls / "hashed"}, {"REQUESTS_CA_BUNDLE": tls / "ca.crt"},
                          {"CURL_CA_BUNDLE": tls / "ca.crt"}, {"MOAT_CERT": tls / "ca.crt"}):
            with self.subTest(next(iter(variables))):
                self.again()
                self.install("-i", self.https(), **{k: str(v) for k, v in variables.items()})

    def test_trusted_hosts(self):
        self.install("-i", self.https(), "--trusted-host", "otherhost", status=3)
        self.install("-i", self.https(), "--trusted-host", f"localhost:{self.apache.https}")
        self.again()
        (self.work / "in.txt").write_text(f"--index-url {self.https()}\n--trusted-host localhost\napp\n")
        self.moat("install", "--env", "env", "-r", "in.txt", status=3)
        self.moat("install", "--env", "env", "-r", "in.txt", MOAT_TRUSTED_HOST="localhost")

    def test_client_certificates(self):
        tls, url = self.apache.root / "tls", f"https://localhost:{self.apache.mutual}/simple"
        self.install("-i", url, "--cert", tls / "ca.crt", status=3)
        self.install("-i", url, "--cert", tls / "ca.crt", "--client-cert", tls / "client.pem")
        self.again()
        (self.work / "config.toml").write_text(f'cert = "{tls}/ca.crt"\nclient-cert = "{tls}/client.pem"\nindex-url = "{url}"\n')
        self.install("--config", "config.toml")
        self.again()
        self.install("-i", url, MOAT_CERT=str(tls / "ca.crt"), MOAT_CLIENT_CERT=str(tls / "client.pem"))

    def test_the_client_certificate_is_shown_to_indexes_of_the_user_alone(self):
        tls, url = self.apache.root / "tls", f"https://localhost:{self.apache.mutual}/simple"
        own = {"MOAT_CERT": str(tls / "ca.crt"), "MOAT_CLIENT_CERT": str(tls / "client.pem"), "MOAT_RETRIES": "0"}
        (self.work / "pyproject.toml").write_text(f'[tool.moat]\nindex-url = "{url}"\n')
        self.install(status=3, **own)  # a checkout's server would learn who reads it
        (self.work / "pyproject.toml").unlink()
        (self.work / "in.txt").write_text(f"--index-url {url}\n")
        self.install("-r", "in.txt", status=3, **own)
        self.install("-r", "in.txt", MOAT_EXTRA_INDEX_URL=url, **own)
        self.again()
        self.moat("pip", "install", "--env", "env", "--cert", tls / "ca.crt", "-r", "in.txt", "app", **own)  # as pip does

    def test_plain_http_elsewhere_is_refused(self):
        self.install("-i", "http://index.example/simple", status=1)
        self.assertIn("--trusted-host index.example", self.said)
        self.install("--no-index", "-f", "http://index.example/links.html", status=1)


if __name__ == "__main__":
    if not APACHE.exists() or not shutil.which("openssl"):
        sys.exit(77)
    sandbox.main()
