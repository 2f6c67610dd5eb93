"""`moat push`, `moat pull` and `moat deploy oci://…`: against Debian's docker-registry and skopeo, and against a registry
that misbehaves.

    oci_registry_test.py MOAT [TestClass.test_name…]
"""
import base64
import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "transcripts"))
import fake_registry  # noqa: E402
import loopback_index  # noqa: E402
import sandbox  # noqa: E402


def free_port():
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


class CountingProxy:
    """Passes a connection on and counts what goes up and down."""

    def __init__(self, port):
        self.up = self.down = 0
        self.target = port
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            for source, to, way in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self.pump, args=(source, to, way), daemon=True).start()

    def pump(self, source, to, way):
        try:
            while data := source.recv(65536):
                setattr(self, way, getattr(self, way) + len(data))
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.socket.close()


class Bundles(sandbox.SandboxTest):
    BIG = 3 << 20

    def setUp(self):
        super().setUp()
        self.index = loopback_index.Index()
        for line in ("shop 1.0 requires lib & big entry shop=shop:main uploaded 2024-03-01", "lib 1.0 uploaded 2024-01-01",
                     "shop 2.0 requires lib & big entry shop=shop:main uploaded 2024-05-01", "big 1.0 uploaded 2024-01-02"):
            self.index.add(line)
        self.enlarge(self.BIG)
        server = loopback_index.serve(self.index)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.env["MOAT_INDEX_URL"] = server.url
        subprocess.run("openssl genpkey -algorithm ed25519 -out deploy.key && openssl pkey -in deploy.key -pubout -out deploy.pub", shell=True,
                       cwd=self.work, check=True)
        for version in "12":
            (self.work / "shop.in").write_text(f"shop=={version}.0\n")
            self.moat("lock", "-r", "shop.in", "-o", f"pylock.shop{version}.toml")
            self.moat("bundle", f"pylock.shop{version}.toml", "-o", f"{version}.moat", "--name", "shop", "--sign", "deploy.key")
        self.dest = self.work / "srv"

    def enlarge(self, size):
        """The wheel of `big`, with so many bytes that do not pack."""
        name, content = loopback_index.wheel("big", "1.0", more={"big/data.txt": base64.b64encode(os.urandom(size)).decode()})
        self.index.files[name] = content
        self.index.projects["big"][0].update(size=len(content), hashes={"sha256": hashlib.sha256(content).hexdigest()})

    def live(self):
        return subprocess.run([self.dest / "current/bin/shop"], stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout.split()[-1]

    def digest(self, version):
        return json.loads(self.moat("bundle", "show", f"{version}.moat", "--json"))["digest"]

    def fresh_store(self):
        """As another machine has it, which made nothing of all this."""
        other = self.root / f"store{time.monotonic_ns()}"
        other.mkdir()
        (other / "runtimes").symlink_to(sandbox.SHARED)
        return {"MOAT_STORE_DIR": str(other)}

    def log_in(self, host, user="me", password="secret", **more):
        (self.home / ".docker").mkdir(exist_ok=True)
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        (self.home / ".docker/config.json").write_text(json.dumps({"auths": {host: {"auth": auth, **more}}}))


@unittest.skipUnless(shutil.which("docker-registry") and shutil.which("htpasswd"), "needs docker-registry and htpasswd")
class RealRegistry(Bundles):
    """docker-registry, with TLS and basic auth."""

    def setUp(self):
        super().setUp()
        place = self.root / "registry"
        place.mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tls.key", "-out", "tls.pem", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], cwd=place, check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["htpasswd", "-Bbc", "users", "me", "secret"], cwd=place, check=True, stderr=subprocess.DEVNULL)
        self.tls = place / "tls.pem"
        self.env["SSL_CERT_FILE"] = str(self.tls)
        self.host = f"localhost:{self.serve(place, 'tls', tls=True)}"
        self.env["NO_PROXY"] = "*"

    def serve(self, place, name, tls):
        port = free_port()
        config = {"version": "0.1", "log": {"level": "warn"}, "storage": {"filesystem": {"rootdirectory": str(place / f"data-{name}")}},
                  "http": {"addr": f"127.0.0.1:{port}"}}
        if tls:
            config["http"]["tls"] = {"certificate": str(place / "tls.pem"), "key": str(place / "tls.key")}
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(place / "users")}}
        (place / f"{name}.yml").write_text(json.dumps(config))
        process = subprocess.Popen(["docker-registry", "serve", place / f"{name}.yml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return port
            except OSError:
                time.sleep(0.05)
        self.fail("docker-registry does not start")

    def skopeo(self, *words):
        done = subprocess.run(["skopeo", *map(str, words)], cwd=self.work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                              env={**self.env, "SSL_CERT_FILE": str(self.tls)})
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_round_trip(self):
        reference = f"oci://{self.host}/team/shop:1"
        self.moat("push", "1.moat", reference, status=3)
        self.assertIn("wants credentials", self.said)
        self.assertIn(f"docker login {self.host}", self.said)
        self.log_in(self.host, password="wrong")
        self.moat("push", "1.moat", reference, status=3)
        self.assertIn("does not accept the credentials", self.said)
        self.assertNotIn("wrong", self.said)
        self.log_in(self.host)
        pushed = json.loads(self.moat("push", "1.moat", reference, "--json"))
        self.assertEqual((pushed["blobs"]["there"], pushed["digest"]), (0, self.digest(1)))
        again = json.loads(self.moat("push", "1.moat", reference, "--json"))
        self.assertEqual((again["blobs"]["sent"], again["bytes"]), (0, 0))
        elsewhere = self.fresh_store()
        self.moat("pull", reference, "-o", "pulled.moat", "--key", "deploy.pub", **elsewhere)
        self.assertEqual((self.work / "pulled.moat").read_bytes(), (self.work / "1.moat").read_bytes())
        self.moat("pull", f"oci://{self.host}/team/shop@{self.digest(1)}", "-o", "pulled.moat", **self.fresh_store())
        self.moat("bundle", "verify", reference, "--key", "deploy.pub", **elsewhere)
        self.assertIn(self.digest(1), self.moat("bundle", "show", reference))
        self.moat("deploy", reference, self.dest, "--key", "deploy.pub", **self.fresh_store())
        self.assertEqual(self.live(), "1.0")
        history = json.loads(self.moat("deploy", "history", self.dest, "--json"))["attempts"]
        self.assertEqual((history[0]["source"], history[0]["digest"]), (reference, self.digest(1)))
        self.moat("deploy", f"oci://{self.host}/team/nothing:1", self.dest, "--key", "deploy.pub", status=1)
        self.assertIn("has no `1` of `team/nothing`", self.said)
        self.assertEqual(self.live(), "1.0")
        # Certificates are checked, unless this host is trusted.
        self.moat("deploy", reference, self.dest, "--key", "deploy.pub", status=3, SSL_CERT_FILE="/etc/ssl/certs/ca-certificates.crt")
        self.moat("pull", reference, "-o", "x.moat", "--trusted-host", self.host, SSL_CERT_FILE="/etc/ssl/certs/ca-certificates.crt")

    @unittest.skipUnless(shutil.which("skopeo"), "needs skopeo")
    def test_skopeo_copies_it_and_what_it_copied_deploys(self):
        self.log_in(self.host)
        reference = f"oci://{self.host}/team/shop:1"
        self.moat("push", "1.moat", reference)
        raw = json.loads(self.skopeo("inspect", "--raw", f"docker://{self.host}/team/shop:1"))
        self.assertEqual(raw["mediaType"], "application/vnd.oci.image.index.v1+json")
        self.skopeo("copy", "--all", f"docker://{self.host}/team/shop:1", f"docker://{self.host}/other/shop:copied")
        self.moat("deploy", f"oci://{self.host}/other/shop:copied", self.dest, "--key", "deploy.pub", **self.fresh_store())
        self.assertEqual(self.live(), "1.0")
        # Into a file, and from a file that moat wrote into the registry.
        self.skopeo("copy", "--all", f"docker://{self.host}/team/shop:1", "oci-archive:archive.tar")
        self.moat("bundle", "verify", "archive.tar", "--key", "deploy.pub")
        self.skopeo("copy", "--all", "oci-archive:2.moat", f"docker://{self.host}/third/shop:2")
        self.moat("deploy", f"oci://{self.host}/third/shop:2", self.dest, "--key", "deploy.pub", **self.fresh_store())
        self.assertEqual(self.live(), "2.0")

    def test_second_release_moves_only_what_changed(self):
        proxy = CountingProxy(self.serve(self.root / "registry", "plain", tls=False))
        self.addCleanup(proxy.close)
        reference = f"oci://127.0.0.1:{proxy.port}/shop"
        self.moat("push", "1.moat", reference + ":1")
        first = proxy.up
        self.assertGreater(first, self.BIG)
        machine = self.fresh_store()
        proxy.down = 0
        self.moat("deploy", reference + ":1", self.dest, "--key", "deploy.pub", **machine)
        self.assertGreater(proxy.down, self.BIG)
        proxy.up = proxy.down = 0
        pushed = json.loads(self.moat("push", "2.moat", reference + ":2", "--json"))
        new = next(p["size"] for p in json.loads(self.moat("bundle", "show", "2.moat", "--json"))["targets"][0]["packages"] if p["name"] == "shop")
        # The wheel, and the texts that tell of it.
        self.assertGreaterEqual(pushed["bytes"], new)
        self.assertLess(pushed["bytes"], new + 20_000)
        self.assertLess(proxy.up, new + 50_000, "with the headers of all requests")
        proxy.down = 0
        self.moat("deploy", reference + ":2", self.dest, "--key", "deploy.pub", **machine)
        self.assertEqual(self.live(), "2.0")
        self.assertLess(proxy.down, new + 50_000)

    def test_credentials_of_other_tools(self):
        reference = f"oci://{self.host}/team/shop:1"
        helper = self.tools / "docker-credential-test"
        helper.write_text(f"#!/bin/sh\nread host; test \"$1 $host\" = 'get {self.host}' || exit 1\n"
                          f"echo '{{\"ServerURL\": \"{self.host}\", \"Username\": \"me\", \"Secret\": \"secret\"}}'\n")
        helper.chmod(0o755)
        (self.home / ".docker").mkdir()
        (self.home / ".docker/config.json").write_text(json.dumps({"credHelpers": {self.host: "test"}}))
        self.moat("push", "1.moat", reference)
        (self.home / ".docker/config.json").write_text(json.dumps({"credsStore": "missing"}))
        self.moat("pull", reference, "-o", "x", status=3)
        self.assertIn("cannot ask `docker-credential-missing` for the credentials of", self.said)
        (self.home / ".docker/config.json").unlink()
        auth = base64.b64encode(b"me:secret").decode()
        podman = self.home / ".config/containers"
        podman.mkdir(parents=True)
        (podman / "auth.json").write_text(json.dumps({"auths": {f"{self.host}/team": {"auth": auth}}}))
        self.moat("pull", reference, "-o", "x")
        (podman / "auth.json").write_text("not json")
        self.moat("pull", reference, "-o", "x", status=3)
        self.assertIn("auth.json` is not used", self.said)
        (podman / "auth.json").unlink()
        (self.home / ".netrc").write_text("machine localhost login me password secret\n")
        (self.home / ".netrc").chmod(0o600)
        self.moat("pull", reference, "-o", "x")


class BadRegistry(Bundles):
    def setUp(self):
        super().setUp()
        self.registry = fake_registry.FakeRegistry()
        self.registry.start()
        self.addCleanup(self.registry.stop)
        self.env.update(NO_PROXY="*", MOAT_RETRIES="2", MOAT_TIMEOUT="2")
        self.reference = f"oci://{self.registry.url}/team/shop:1"
        self.moat("push", "1.moat", self.reference)
        self.big = next(b for b in self.registry.blobs.values() if len(b) > self.BIG)
        self.of_big = "blobs/sha256:" + next(d for d, b in self.registry.blobs.items() if b is self.big).split(":")[1]

    def refused(self, *said, status):
        """It does not deploy, says why, and what was live is live; without the fault it does."""
        self.moat("deploy", "2.moat", self.dest, "--key", "deploy.pub")
        store = self.fresh_store()
        self.moat("deploy", self.reference, self.dest, "--key", "deploy.pub", status=status, **store)
        for text in said:
            self.assertIn(text, self.said)
        self.assertEqual(self.live(), "2.0")
        self.registry.fault = lambda request: False
        self.moat("deploy", self.reference, self.dest, "--key", "deploy.pub", **store)
        self.assertEqual(self.live(), "1.0")
        self.assertEqual(sorted(p.name for p in self.dest.iterdir()), ["current", "deploy.lock", "history", "releases"])

    def test_blob_with_other_bytes(self):
        self.registry.fault = lambda r: self.of_big in r.path and r.command == "GET" and not r.answer(200, bytes(len(self.big)))
        self.refused("has the hash sha256:", "expected sha256:", status=1)

    def test_blob_that_is_too_long(self):
        self.registry.fault = lambda r: self.of_big in r.path and r.command == "GET" and not r.answer(200, self.big + b"x" * 100_000)
        self.refused("sends more than", status=1)

    def test_blob_that_is_too_short(self):
        self.registry.fault = lambda r: self.of_big in r.path and r.command == "GET" and not r.answer(200, self.big[:-1])
        self.refused("has the hash sha256:", status=1)

    def test_manifest_with_other_bytes(self):
        def fault(r):
            return "manifests/sha256" in r.path and r.command == "GET" and not r.answer(
                200, b'{"schemaVersion":2}', Content_Type="application/vnd.oci.image.manifest.v1+json")
        self.registry.fault = fault
        self.refused("sends a manifest with the hash", status=1)

    def test_tag_of_something_else(self):
        self.registry.fault = lambda r: r.path.endswith("manifests/1") and not r.answer(
            200, b"{}", Content_Type="application/vnd.docker.distribution.manifest.v2+json")
        self.refused("it is not a bundle", status=1)

    def test_blob_that_is_gone(self):
        self.registry.fault = lambda r: self.of_big in r.path and not r.error(404, "BLOB_UNKNOWN")
        self.refused("no longer has", status=1)

    def test_too_many_requests(self):
        self.registry.fault = lambda r: "blobs/" in r.path and not r.error(429, "TOOMANYREQUESTS", Retry_After="0")
        self.refused("gets too many requests", "TOOMANYREQUESTS", status=3)

    def test_server_error(self):
        self.registry.fault = lambda r: "manifests/" in r.path and not r.error(503, "UNAVAILABLE")
        self.refused("answers with HTTP status 503", status=3)

    def test_forbidden(self):
        self.registry.fault = lambda r: "manifests/" in r.path and not r.error(403, "DENIED")
        self.refused("does not allow it", status=3)

    def test_silence(self):
        self.registry.fault = lambda r: self.of_big in r.path and r.command == "GET" and not time.sleep(8)
        self.env["MOAT_RETRIES"] = "0"
        self.refused(status=3)

    def test_connection_that_drops_is_taken_up_again(self):
        sent = []

        def fault(r):
            if self.of_big not in r.path or r.command != "GET" or len(sent) >= 3:
                return False
            first = int((r.headers.get("Range") or "bytes=0-")[6:-1])
            sent.append(first)
            r.send_response(206 if first else 200)
            r.send_header("Content-Length", str(len(self.big) - first))
            r.send_header("ETag", '"big"')
            if first:
                r.send_header("Content-Range", f"bytes {first}-{len(self.big) - 1}/{len(self.big)}")
            r.end_headers()
            r.wfile.write(self.big[first:first + (1 << 20)])
            r.drop()
            return True
        self.registry.fault = fault
        self.moat("deploy", self.reference, self.dest, "--key", "deploy.pub", **self.fresh_store())
        self.assertEqual(len(sent), 3)
        self.assertEqual(sorted(set(sent)), sent, "each time where it broke")

    def test_what_a_killed_deploy_fetched_is_not_fetched_again(self):
        store = self.fresh_store()
        halfway = threading.Event()

        def fault(r):
            if self.of_big not in r.path or r.command != "GET":
                return False
            r.send_response(200)
            r.send_header("Content-Length", str(len(self.big)))
            r.end_headers()
            r.wfile.write(self.big[:2 << 20])
            r.wfile.flush()
            halfway.wait(20)
            r.drop()
            return True
        self.registry.fault = fault
        self.env["MOAT_TIMEOUT"] = "60"
        process = subprocess.Popen([sandbox.MOAT, "deploy", self.reference, str(self.dest), "--key", "deploy.pub"], cwd=self.work,
                                   env={**self.env, **store}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not any(p.stat().st_size >= 2 << 20 for p in pathlib.Path(store["MOAT_STORE_DIR"]).glob("tmp/partial-*/blob.next")):
            time.sleep(0.02)
        process.terminate()
        process.wait()
        halfway.set()
        asked = []
        self.registry.fault = lambda r: self.of_big in r.path and asked.append(r.headers.get("Range")) and False
        self.moat("deploy", self.reference, self.dest, "--key", "deploy.pub", **store)
        self.assertEqual([a for a in asked if a], [f"bytes={2 << 20}-"])
        self.assertEqual(self.live(), "1.0")

    def test_ranges_that_are_wrong(self):
        """What lies there from before is gone on with at the wrong place, or by somebody else's bytes: all is fetched again."""
        for part in (lambda r, first: r.answer(206, self.big[first + 5:], Content_Range=f"bytes {first + 5}-{len(self.big) - 1}/{len(self.big)}"),
                     lambda r, first: r.answer(206, bytes(len(self.big) - first), Content_Range=f"bytes {first}-{len(self.big) - 1}/{len(self.big)}"),
                     lambda r, first: r.answer(200, self.big), lambda r, first: r.error(416, "RANGE")):
            store = self.fresh_store()
            partial = pathlib.Path(store["MOAT_STORE_DIR"]) / "tmp" / ("partial-" + self.of_big.split(":")[1])
            partial.mkdir(parents=True)
            (partial / "blob").write_bytes(self.big[:1000])

            def fault(r):
                ranged = r.headers.get("Range")
                return self.of_big in r.path and r.command == "GET" and ranged and not part(r, int(ranged[6:-1]))
            self.registry.fault = fault
            self.moat("pull", self.reference, "-o", "pulled.moat", **store)
            self.assertEqual((self.work / "pulled.moat").read_bytes(), (self.work / "1.moat").read_bytes())

    def test_credentials_follow_nowhere(self):
        self.registry.basic = "me:secret"
        self.log_in(self.registry.url)
        other = fake_registry.FakeRegistry()
        other.blobs = self.registry.blobs
        other.start()
        self.addCleanup(other.stop)
        self.registry.fault = lambda r: "blobs/sha256" in r.path and r.command == "GET" and not r.answer(
            307, Location=f"http://{other.url}{r.path}")
        self.moat("deploy", self.reference, self.dest, "--key", "deploy.pub", **self.fresh_store())
        self.assertEqual(self.live(), "1.0")
        self.assertGreater(len(other.requests), 0)
        self.assertEqual([a for _, _, a in other.requests if a], [])
        # An upload that is to go to another host gets none either; a wish for a password there is no wish of the registry.
        self.registry.fault = lambda r: r.command == "POST" and not r.answer(202, Location=f"http://{other.url}/v2/x/blobs/uploads/1")
        other.basic = "anybody:anything"
        self.moat("push", "2.moat", self.reference, status=3)
        self.assertEqual([a for _, _, a in other.requests if a], [])
        self.assertNotIn("secret", self.ever_said)

    def test_token_service(self):
        self.registry.basic, self.registry.bearer = "me:secret", True
        self.moat("pull", self.reference, "-o", "x", status=3)
        self.assertIn("wants credentials", self.said)
        self.log_in(self.registry.url)
        # A token that runs out in the middle is renewed.
        self.registry.token_uses = 6
        self.moat("deploy", self.reference, self.dest, "--key", "deploy.pub", **self.fresh_store())
        self.assertIn("scope=repository%3Ateam/shop%3Apull", self.registry.token_requests[-1][0])
        self.assertIn("service=fake", self.registry.token_requests[-1][0])
        self.registry.token_uses = 10 ** 9
        self.moat("push", "2.moat", f"oci://{self.registry.url}/team/shop:2")
        self.assertIn("pull%2Cpush", self.registry.token_requests[-1][0])
        # What `docker login` leaves where the registry gave it a token of its own.
        self.log_in(self.registry.url, user="", password="", identitytoken="refresh me")
        self.moat("pull", self.reference, "-o", "x")
        self.assertIn("refresh_token=refresh%20me", self.registry.token_requests[-1][2])
        # Not over plain http to another machine.
        self.registry.fault = lambda r: not r.error(401, "UNAUTHORIZED", WWW_Authenticate='Bearer realm="http://tokens.example/token"')
        self.moat("pull", self.reference, "-o", "x", status=1)
        self.assertIn("which is plain http", self.said)

    def test_upload_that_breaks_is_taken_up_again(self):
        """In chunks: one is lost on its way, of one the answer."""
        self.enlarge(40 << 20)
        self.moat("lock", "-r", "shop.in", "-o", "pylock.large.toml", "-U", "--refresh")
        self.moat("bundle", "pylock.large.toml", "-o", "large.moat", "--name", "shop")
        chunks = []

        def fault(r):
            if r.command != "PATCH":
                return False
            chunks.append(r.headers["Content-Range"])
            if len(chunks) == 1:
                name = r.path.split("/")[-1].split("?")[0]
                self.registry.uploads[name] += r.body  # it has it all, and nobody is told
                r.drop()
                return True
            if len(chunks) == 2:
                r.error(500, "OOPS")
                return True
            return False
        self.registry.fault = fault
        self.moat("push", "large.moat", f"oci://{self.registry.url}/team/shop:large")
        self.assertEqual(chunks[1], chunks[2])
        self.assertEqual([int(c.split("-")[0]) for c in chunks[:2]], [0, 16 << 20])
        self.moat("pull", f"oci://{self.registry.url}/team/shop:large", "-o", "pulled.moat", **self.fresh_store())
        self.assertEqual((self.work / "pulled.moat").read_bytes(), (self.work / "large.moat").read_bytes())

    def test_references_that_are_none(self):
        for text in ("oci://host", "oci://host/Shop:1", "oci://host/shop:", "oci://user:pw@host/shop:1", "oci://host/shop@sha256:00", "oci:///shop:1",
                     "oci://host/a//b", "oci://host/../b:1"):
            self.moat("pull", text, "-o", "x", status=2)
        self.moat("push", "1.moat", "registry.example/shop:1", status=2)
        self.moat("push", "1.moat", f"oci://{self.registry.url}/shop@{self.digest(1)}", status=2)
        self.moat("pull", self.reference, "-o", "x", "--offline", status=3)


del Bundles


if __name__ == "__main__":
    sandbox.main()
