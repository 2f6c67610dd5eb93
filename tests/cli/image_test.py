"""`moat image`: what it makes is read by skopeo and umoci, starts in a chroot, and is the same each time.

    image_test.py MOAT [TestClass.test_name…]

What needs root, skopeo or umoci skips itself without.
"""
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "transcripts"))
import fake_registry  # noqa: E402
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

CAN_UNPACK = os.geteuid() == 0 and shutil.which("umoci") and shutil.which("skopeo")


class Images(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        index = loopback_index.Index()
        for line in ("shop 1.0 requires lib & other entry shop=shop:main uploaded 2024-03-01", "lib 1.0 uploaded 2024-01-01",
                     "shop 2.0 requires lib & other entry shop=shop:main uploaded 2024-05-01", "other 1.0 uploaded 2024-01-01"):
            index.add(line)
        server = loopback_index.serve(index)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.env["MOAT_INDEX_URL"] = server.url
        for version in "12":
            (self.work / "shop.in").write_text(f"shop=={version}.0\n")
            self.moat("lock", "-r", "shop.in", "-o", f"pylock.shop{version}.toml")
        self.moat("bundle", "pylock.shop1.toml", "-o", "1.moat", "--name", "shop", "--with-python")

    def image(self, *words, source="1.moat", **variables):
        return json.loads(self.moat("image", source, "-o", "out.tar", "--json", *words, **variables))

    def read(self, name="out.tar"):
        """→ manifest, configuration, and the members of each layer."""
        with tarfile.open(self.work / name) as archive:
            def blob(descriptor):
                data = archive.extractfile("blobs/sha256/" + descriptor["digest"].split(":")[1]).read()
                self.assertEqual(("sha256:" + hashlib.sha256(data).hexdigest(), len(data)), (descriptor["digest"], descriptor["size"]))
                return data
            index = json.loads(archive.extractfile("index.json").read())
            manifest = json.loads(blob(index["manifests"][0]))
            config = json.loads(blob(manifest["config"]))
            layers = []
            for layer, diff in zip(manifest["layers"], config["rootfs"]["diff_ids"]):
                data = blob(layer)
                unpacked = gzip.decompress(data) if layer["mediaType"].endswith("gzip") else data
                self.assertEqual("sha256:" + hashlib.sha256(unpacked).hexdigest(), diff)
                self.assertNotIn(str(self.root).encode(), unpacked, "nothing of the machine that made it")
                with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as members:
                    layers.append({m.name: m for m in members})
            self.assertEqual(len(manifest["layers"]), len(config["rootfs"]["diff_ids"]))
            return manifest, config, layers

    def unpacked(self, name="out.tar", tag="latest"):
        """The root of its file system, as umoci unpacks it."""
        for words in (["skopeo", "copy", f"oci-archive:{name}:{tag}", f"oci:layout:{tag}"], ["umoci", "unpack", "--image", f"layout:{tag}", "unpacked"]):
            done = subprocess.run(words, cwd=self.work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, env=self.env)
            self.assertEqual(done.returncode, 0, done.stdout)
        return self.work / "unpacked/rootfs"

    def start(self, root, *words, user=None):
        """As a container starts it: nothing of this machine but its kernel."""
        as_user = ["--userspec", user] if user else []
        return subprocess.run(["/usr/sbin/chroot", *as_user, root, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                              env={"PATH": "/app/bin", "LANG": "C.UTF-8", "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"})

    def test_from_nothing(self):
        told = self.image("--env", "COLOUR=blue", "--label", "team=shop", "--user", "1000", "--port", "8000", "--workdir", "/tmp", "--cmd", "one")
        self.assertEqual((told["name"], told["entrypoint"]), ("shop:latest", ["/app/bin/shop"]))
        manifest, config, layers = self.read()
        self.assertEqual(manifest["schemaVersion"], 2)
        runs = config["config"]
        self.assertEqual((runs["Entrypoint"], runs["Cmd"], runs["User"], runs["WorkingDir"]), (["/app/bin/shop"], ["one"], "1000", "/tmp"))
        self.assertEqual((runs["Labels"], runs["ExposedPorts"]), ({"team": "shop"}, {"8000/tcp": {}}))
        self.assertIn("COLOUR=blue", runs["Env"])
        self.assertTrue(any(v.startswith("PATH=/app/bin:") for v in runs["Env"]))
        self.assertEqual(config["created"], "2024-03-01T00:00:00Z")
        self.assertEqual([h["comment"] for h in config["history"]][0], "the system")
        self.assertTrue(config["history"][1]["comment"].startswith("Python 3."))
        for layer in layers:
            for name, member in layer.items():
                self.assertFalse(name.startswith(("/", "../")) or "/../" in name, name)
                self.assertEqual((member.uid, member.gid), (0, 0), name)
                if not member.issym():
                    self.assertEqual(member.mode & 0o022, 0 if name != "tmp" else 0o022, name)
                parent = name.rpartition("/")[0]
                self.assertTrue(not parent or parent in layer or any(parent in other for other in layers), f"{name} has no folder")
        everything = set().union(*layers)
        self.assertNotIn("app/.moat/lock", everything)
        self.assertNotIn("bin/sh", everything)

    @unittest.skipUnless(CAN_UNPACK, "needs root, umoci and skopeo")
    def test_starts_in_a_chroot(self):
        self.image()
        root = self.unpacked()
        done = self.start(root, "/app/bin/shop")
        self.assertEqual((done.returncode, done.stdout), (0, "shop 1.0\n"))
        # As anybody, who can write nothing; and what Python needs of a system is there.
        use = ("import ssl, zlib, sqlite3, ctypes, socket, pwd, zoneinfo, sys; ssl.create_default_context(); zoneinfo.ZoneInfo('Europe/Berlin');"
               "assert len(ssl.create_default_context().get_ca_certs()) > 50; socket.getaddrinfo('127.0.0.1', 80); pwd.getpwuid(0);"
               "print(sys.prefix, sys.base_prefix, all(p.startswith('/app') for p in sys.path if p), sys.getfilesystemencoding())")
        done = self.start(root, "/app/bin/python", "-c", use, user="1000:1000")
        self.assertEqual((done.returncode, done.stdout), (0, "/app /app/.moat/rt True utf-8\n"))
        self.assertEqual(self.start(root, "/bin/sh").returncode, 127)
        # What lies there is what was hashed: bytecode is not made again.
        done = self.start(root, "/app/bin/python", "-v", "-c", "import lib")
        self.assertRegex(done.stdout, r"matches /app/lib/python3.\d+/site-packages/lib/__init__.py")
        self.assertNotIn("could not create", done.stdout)

    def test_same_bytes_from_another_store(self):
        first = self.image()
        bytes_of_it = (self.work / "out.tar").read_bytes()
        other = self.root / "another-store-with-a-longer-name"
        (other / "store").mkdir(parents=True)
        again = self.image(MOAT_HOME=str(other))
        self.assertEqual(again["digest"], first["digest"])
        self.assertEqual((self.work / "out.tar").read_bytes(), bytes_of_it)
        # A lock gives what its bundle gives, but for the name.
        from_lock = self.image(source="pylock.shop1.toml", MOAT_HOME=str(other))
        self.assertEqual([entry for entry in from_lock["entrypoint"]], ["/app/bin/python"])

    def test_change_of_one_package_changes_its_layer_and_the_last(self):
        self.image()
        first = self.read()[0]["layers"]
        self.moat("bundle", "pylock.shop2.toml", "-o", "2.moat", "--name", "shop", "--with-python", SOURCE_DATE_EPOCH="1709251200")
        self.image(source="2.moat")
        second = self.read()[0]["layers"]
        same = [layer["digest"] for layer in second if layer in first]
        self.assertIn(first[0]["digest"], same, "the system")
        self.assertIn(first[1]["digest"], same, "Python")
        self.assertEqual(len(second), len(first))
        self.assertIn(len(second) - len(same), (1, 2), "what says which packages there are, and shop's own layer")

    @unittest.skipUnless(CAN_UNPACK, "needs root, umoci and skopeo")
    def test_on_a_base(self):
        """One image is the base of another: from a file, a folder, and a registry."""
        self.image("--env", "FROM_BASE=1", "--user", "1000")
        shutil.copy(self.work / "out.tar", self.work / "base.tar")
        base, base_config, _ = self.read("base.tar")
        subprocess.run(["skopeo", "copy", "oci-archive:base.tar", "oci:base:tag"], cwd=self.work, check=True, stdout=subprocess.DEVNULL, env=self.env)
        registry = fake_registry.FakeRegistry()
        registry.start()
        self.addCleanup(registry.stop)
        subprocess.run(["skopeo", "copy", "--dest-tls-verify=false", "oci-archive:base.tar", f"docker://{registry.url}/base:1"], cwd=self.work, check=True,
                       stdout=subprocess.DEVNULL, env=self.env)
        digests = set()
        for name in ("oci-archive:base.tar", "oci:base", "oci:base:tag", f"oci://{registry.url}/base:1"):
            told = self.image("--base", name, "--place", "/srv/shop", "--env", "MORE=2")
            digests.add(told["digest"])
        self.assertEqual(len(digests), 1)
        manifest, config, _ = self.read()
        self.assertEqual([layer["digest"] for layer in manifest["layers"][:len(base["layers"])]], [layer["digest"] for layer in base["layers"]])
        self.assertEqual(config["rootfs"]["diff_ids"][:len(base["layers"])], base_config["rootfs"]["diff_ids"])
        self.assertIn("FROM_BASE=1", config["config"]["Env"])
        self.assertIn("MORE=2", config["config"]["Env"])
        self.assertTrue(any(v.startswith("PATH=/srv/shop/bin:/app/bin:") for v in config["config"]["Env"]))
        self.assertEqual(config["config"]["User"], "1000")
        done = self.start(self.unpacked(), "/srv/shop/bin/shop")
        self.assertEqual((done.returncode, done.stdout), (0, "shop 1.0\n"))
        for name, status in (("oci:base:nosuch", 1), ("oci-archive:1.moat", 1), ("debian:12", 2), ("oci:nosuch", 1), ("oci-archive:nosuch", 2)):
            self.moat("image", "1.moat", "-o", "x.tar", "--base", name, status=status)
            self.assertFalse((self.work / "x.tar").exists())

    def test_for_docker(self):
        self.image("--format", "docker", "--name", "registry.example:5000/shop:2")
        with tarfile.open(self.work / "out.tar") as archive:
            listed = json.loads(archive.extractfile("manifest.json").read())
            self.assertEqual(listed[0]["RepoTags"], ["registry.example:5000/shop:2"])
            json.loads(archive.extractfile(listed[0]["Config"]).read())
            for layer in listed[0]["Layers"]:
                tarfile.open(fileobj=io.BytesIO(archive.extractfile(layer).read()), mode="r:*").close()

    def test_what_is_refused(self):
        for words, status, said in ((("--entrypoint", "nosuch"), 1, "there is no command `nosuch`"), (("--entrypoint", "["), 2, "is not a list of words"),
                                    (("--place", "app"), 2, "is not an absolute path"), (("--place", "/a/../b"), 2, "is not an absolute path"),
                                    (("--env", "X"), 2, "is not NAME=VALUE"), (("--user", "me"), 2, "is not a number")):
            self.moat("image", "1.moat", "-o", "x.tar", *words, status=status)
            self.assertIn(said, self.said)
        (self.work / "cut.moat").write_bytes((self.work / "1.moat").read_bytes()[:-2000])
        self.moat("image", "cut.moat", "-o", "x.tar", status=1)
        subprocess.run("openssl genpkey -algorithm ed25519 -out k && openssl pkey -in k -pubout -out k.pub", shell=True, cwd=self.work, check=True)
        self.moat("image", "1.moat", "-o", "x.tar", "--key", "k.pub", status=1)
        self.assertFalse((self.work / "x.tar").exists())


if __name__ == "__main__":
    sandbox.main()
