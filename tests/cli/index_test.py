"""What commands make of indexes that are odd, closed or hostile: an HTTP server whose every answer is the test's choice.

    index_test.py MOAT [TestClass.test_name…]

Each test has a HOME, a store and an environment of its own; runtimes are shared, to save time.
"""
import base64
import hashlib
import http.server
import json
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "transcripts"))
import loopback_index  # noqa: E402
import sandbox  # noqa: E402

JSON_PAGE = "application/vnd.pypi.simple.v1+json"
SECRET = "correct-horse"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.asked.append((self.path, dict(self.headers)))
        status, headers, body = server.answers.get(self.path.partition("?")[0], (404, {}, b"no such thing\n"))
        want = server.password and "Basic " + base64.b64encode(server.password.encode()).decode()
        if want and self.headers.get("Authorization") != want:
            status, headers, body = 401, {"WWW-Authenticate": 'Basic realm="test"'}, b"who are you?\n"
        if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
            status, body = 304, b""
        self.send_response(status)
        for key, value in {"Content-Type": "application/octet-stream", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        drop = server.drops.get(self.path)
        try:
            while drop:  # never the end
                self.wfile.write(drop)
                time.sleep(0.1)
        except OSError:
            return
        self.wfile.write(body)


class Server:
    """Answers by path; wheels are added as to a tidy index, each promise of which may be left out or made a lie."""

    def __init__(self):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads, self.http.answers, self.http.asked, self.http.password = True, {}, [], None
        self.http.drops = {}  # path → what comes ten times a second, for ever
        self.projects = {}
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def address(self, path="", user=""):
        return f"http://{user and user + '@'}127.0.0.1:{self.http.server_port}{path}"

    url = property(lambda self: self.address("/simple/"))

    def answer(self, path, body, kind="text/html", status=200, **headers):
        body = body if isinstance(body, bytes) else body.encode()
        self.http.answers[path] = (status, {"Content-Type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}, body)

    def add(self, name, version="1.0", requires=(), tags="py3-none-any", *, promise=True, sidecar=None, files=None, **said):
        filename, content = loopback_index.wheel(name, version, tags, list(requires), "", [])
        path = f"/files/{filename}"
        self.answer(path, content, "application/zip")
        entry = {"filename": filename, "url": f"../..{path}", "hashes": {}, **said}
        if promise:
            entry["hashes"] = {"sha256": hashlib.sha256(content).hexdigest()}
        if sidecar is not None:
            self.answer(path + ".metadata", sidecar)
            entry["core-metadata"] = {"sha256": hashlib.sha256(sidecar.encode()).hexdigest()}
        self.projects.setdefault(name, []).append(entry)
        self.page(name)
        return hashlib.sha256(content).hexdigest()

    def page(self, name, **more):
        page = {"meta": {"api-version": "1.4"}, "name": name, "files": self.projects.get(name, []), **more}
        self.answer(f"/simple/{name}/", json.dumps(page), JSON_PAGE)

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class IndexTest(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        self.server = Server()
        self.addCleanup(self.server.close)
        self.env["MOAT_INDEX_URL"] = self.server.url

    def second_server(self):
        other = Server()
        self.addCleanup(other.close)
        return other


class Patience(IndexTest):
    def test_retries_are_as_many_as_told(self):
        self.create()
        self.server.answer("/simple/a/", "come back later", status=503)
        for variables, times in (({"MOAT_RETRIES": "0"}, 1), ({"MOAT_RETRIES": "1"}, 2)):
            with self.subTest(variables):
                self.server.http.asked.clear()
                self.env.update(variables)
                self.install("a", status=3)
                self.assertEqual(len(self.server.http.asked), times)


    def test_retries_are_told(self):
        self.create()
        self.server.answer("/simple/a/", "come back later", status=503)
        self.env["MOAT_RETRIES"] = "1"
        self.install("a", status=3)
        self.assertNotIn("attempt", self.said)
        self.install("-v", "a", status=3)
        self.assertRegex(self.said, r"/simple/a/`: status 503; attempt 2 of 2 in 0\.\d s\n")

    def test_a_server_that_trickles_is_given_up(self):
        """Less than 100 bytes a second count as nothing, and a page is to be here within ten times `timeout`."""
        self.server.add("b")
        self.create()
        before = self.tree("env")
        for drop in (b" ", b" " * 100):
            with self.subTest(drop=len(drop)):
                self.server.answer("/simple/a/", "[" + " " * 10_000_000, JSON_PAGE)
                self.server.http.drops["/simple/a/"] = drop
                self.install("a", status=3, MOAT_TIMEOUT="1", MOAT_RETRIES="0")
                self.assertIn(self.server.url + "a/", self.said)
        path = "/files/b-1.0-py3-none-any.whl"
        self.server.http.drops[path] = b"P"
        self.install("b", status=3, MOAT_TIMEOUT="1", MOAT_RETRIES="0")
        self.assertEqual(self.tree("env"), before)

    def test_pages_out_of_proportion_are_refused(self):
        self.create()
        tiny = '{"name": "a", "files": [' + ",".join(f'{{"filename": "a-{i}-py3-none-any.whl", "url": "x"}}' for i in range(60_000)) + "]}"
        self.server.answer("/simple/a/", tiny, JSON_PAGE)
        self.install("a", status=3)
        self.assertIn("lists 60000 files and says next to nothing of each", self.said)
        digest = "0" * 64
        usual = ('{"name": "a", "files": [' + ",".join(f'{{"filename": "a-{i}-py3-none-win32.whl", "url": "x/{i}", "hashes": {{"sha256": "{digest}"}}}}'
                                                       for i in range(60_000)) + "]}")
        self.server.answer("/simple/a/", usual, JSON_PAGE)
        self.install("a", status=1)
        self.assertIn("59999", self.said)

    def test_pages_of_more_files_than_any_project_has_are_refused(self):
        self.create()
        digest = "0" * 64
        for kind, page in ((JSON_PAGE, '{"name": "a", "files": [' + ",".join(f'{{"filename": "a-{i}-py3-none-win32.whl", "hashes": {{"sha256": "{digest}"}}, '
                                                                              f'"url": "x/{i}"}}' for i in range(251_000)) + "]}"),
                           ("text/html", "".join(f'<a href="a-{i}-py3-none-win32.whl#sha256={digest}">a</a>\n' for i in range(251_000)))):
            with self.subTest(kind):
                self.server.answer("/simple/a/", page, kind)
                self.install("a", status=3)
                self.assertIn("it lists more than 250000 files", self.said)


class Hashes(IndexTest):
    def test_a_constraints_hash_is_held_though_the_index_promises_none(self):
        self.server.add("b", promise=False)
        self.server.add("a", requires=["b"], promise=False)
        self.create()
        (self.work / "limits.txt").write_text(f"b==1.0 --hash=sha256:{'0' * 64}\n")
        (self.work / "in.txt").write_text("--no-require-hashes\na==1.0\n")
        self.install("-r", "in.txt", "-c", "limits.txt", status=1)
        self.assertIn(f"expected sha256:{'0' * 64}", self.said)

    def test_missing_hashes_are_computed_where_the_index_promises_none(self):
        b = self.server.add("b", promise=False)
        a = self.server.add("a", requires=["b"], promise=False)
        self.create()
        (self.work / "in.txt").write_text(f"a==1.0 --hash=sha256:{a}\n")
        self.install("-r", "in.txt", status=1)
        self.assertIn(f"b==1.0 --hash=sha256:{b}  # needed by a", self.said)
        (self.work / "in.txt").write_text(f"a==1.0 --hash=sha256:{a}\nb==1.0 --hash=sha256:{b}\n")
        self.install("-r", "in.txt")

    def test_a_version_must_be_named(self):
        a = self.server.add("a")
        self.create()
        (self.work / "in.txt").write_text(f"a>=1 --hash=sha256:{a}\n")
        self.install("-r", "in.txt", status=1)
        self.assertIn(f"a==1.0 --hash=sha256:{a}  # in.txt:1", self.said)
        (self.work / "limits.txt").write_text("a==1.0\n")  # a constraint may name it
        self.install("-r", "in.txt", "-c", "limits.txt")

    def test_the_fragment_of_a_url_is_a_hash(self):
        a = self.server.add("a")
        self.create()
        url = self.server.address("/files/a-1.0-py3-none-any.whl")
        self.install("--require-hashes", f"a @ {url}", status=1)
        self.assertIn(f"--hash=sha256:{a}", self.said)
        self.install("--require-hashes", f"a @ {url}#sha256={a}")
        self.install("--reinstall", f"a @ {url}#sha256={'0' * 64}", status=1)

    def test_without_the_mode_what_is_given_is_held_and_the_rest_goes_free(self):
        self.server.add("b")
        a = self.server.add("a", requires=["b"])
        self.create()
        (self.work / "in.txt").write_text(f"--no-require-hashes\na --hash=sha256:{a}\n")
        self.install("-r", "in.txt")


class Refusals(IndexTest):
    """What a server refuses is passed by where there is another way, and told."""

    def test_403_of_one_of_several_indexes_is_not(self):
        """A private index whose password ran out would give its names to whoever takes them on the next."""
        closed = self.second_server()
        closed.answer("/simple/a/", "no", status=403)
        self.server.add("a")
        self.create()
        for order in (["--extra-index-url", closed.url], ["--extra-index-url", closed.url, "--index-strategy", "best-match"],
                      ["-i", closed.url]):
            with self.subTest(order):
                self.install("a", *order, status=3)
                self.assertIn("answered 403", self.said)
                self.assertIn(closed.url, self.said)

    def test_403_of_an_index_that_the_user_knows_for_it_is(self):
        closed = self.second_server()
        for name in ("a", "nowhere"):
            closed.answer(f"/simple/{name}/", "no", status=403)
        self.server.add("a")
        self.create()
        host = f"127.0.0.1:{closed.http.server_port}"
        for told, order in ((host, ["--extra-index-url", closed.url]), ("inner", ["--index", f"inner={closed.url}"]),
                            ("other.example 127.0.0.1", ["--extra-index-url", closed.url, "--index-strategy", "best-match"]),
                            (":all:", ["-i", closed.url, "--extra-index-url", self.server.url])):
            with self.subTest(told):
                self.install("a", "--reinstall", "--refresh", *order, MOAT_SKIP_FORBIDDEN=told)
        for told in ("other.example", "127.0.0.1:1", "outer"):
            with self.subTest(told):
                self.install("a", "--reinstall", "--refresh", "--index", f"inner={closed.url}", status=3, MOAT_SKIP_FORBIDDEN=told)
        # Where nobody has it, the refusal is the reason.
        self.install("nowhere", "--extra-index-url", closed.url, status=3, MOAT_SKIP_FORBIDDEN=":all:")
        self.assertIn("answered 403", self.said)

    def test_moat_pip_reads_403_as_pip_does(self):
        closed = self.second_server()
        closed.answer("/simple/a/", "no", status=403)
        self.server.add("a")
        self.create()
        self.moat("pip", "install", "--env", "env", "-i", closed.url, "--extra-index-url", self.server.url, "a")
        self.assertIn("Successfully installed a-1.0", self.said)

    def test_401_of_one_of_several_is_not(self):
        closed = self.second_server()
        closed.http.password = "somebody:else"
        self.server.add("a")
        self.create()
        self.install("a", "--extra-index-url", closed.url, status=3)

    def test_a_promised_metadata_file_that_is_refused_or_something_else(self):
        self.create()
        for name, status, body in (("a", 403, "no"), ("b", 404, "no"), ("c", 200, "<html>log in</html>"), ("d", 200, ""), ("e", 500, "")):
            with self.subTest(status=status, body=body):
                self.server.add(name, sidecar="x")
                self.server.answer(f"/files/{name}-1.0-py3-none-any.whl.metadata", body, status=status)
                self.install(name, MOAT_RETRIES="0")
                self.assertIn(f"+ {name} 1.0", self.said)

    def test_a_proxy_that_wants_credentials_is_named(self):
        class Proxy(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.send_response(407)
                self.send_header("Proxy-Authenticate", 'Basic realm="p"')
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_CONNECT = do_GET

        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        self.addCleanup(proxy.shutdown)
        self.create()
        address = f"127.0.0.1:{proxy.server_port}"
        for index in (self.server.url, "https://index.example/simple/"):
            with self.subTest(index):
                self.install("a", "-i", index, status=3, http_proxy=f"http://who:secret@{address}",
                             https_proxy=f"http://who:secret@{address}", MOAT_RETRIES="0")
                self.assertIn(f"the proxy `http://{address}` wants credentials (407)", self.said)
                self.assertNotIn("secret", self.said)

    def test_a_proxy_that_is_not_there_is_named(self):
        self.create()
        self.install("a", status=3, http_proxy="127.0.0.1:1", MOAT_RETRIES="0")
        self.assertIn("through the proxy", self.said)


class Metadata(IndexTest):
    HEAD = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n"

    def test_a_sidecar_that_says_what_the_wheel_does_not_say_is_refused(self):
        self.server.add("b")
        self.server.add("c")
        self.server.add("a", requires=["b"], sidecar=self.HEAD.format("a") + "Requires-Dist: c\n")
        self.create()
        before = self.tree("env")
        self.install("a", status=1)
        self.assertIn("is not that of the file: it requires `b`, which was not said", self.said)
        self.assertEqual(self.tree("env"), before)
        self.install("a")  # now by what the file says
        self.assertIn("+ b 1.0", self.said)

    def test_so_is_one_that_leaves_something_out(self):
        self.server.add("c")
        self.create()
        for name, line, told in (("a1", "Requires-Dist: c", "it does not say that it requires `c`"),
                                 ("a2", "Requires-Python: >=3.8", "it requires Python ``, not `>=3.8`"),
                                 ("a3", "Provides-Extra: x", "it does not say that it has the extra `x`")):
            with self.subTest(line):
                self.server.add(name, sidecar=self.HEAD.format(name) + line + "\n")
                self.install(name, status=1)
                self.assertIn(told, self.said)

    def test_the_same_in_another_order_and_spelling_is_no_difference(self):
        self.server.add("b")
        self.server.add("c")
        self.server.add("a", requires=["b", "c>=1,<3"], sidecar=self.HEAD.format("a") + "Requires-Dist: c (<3, >=1)\nRequires-Dist: b\n")
        self.create()
        self.install("a")


class Pages(IndexTest):
    def test_what_an_index_says_of_a_project_is_passed_on(self):
        self.server.page("gone", **{"project-status": {"status": "quarantined", "reason": "it steals passwords"}})
        self.server.add("old")
        self.server.page("old", **{"project-status": {"status": "deprecated", "reason": "use new"}})
        self.server.add("bad", yanked="it eats files")
        self.server.page("empty")
        self.create()
        self.install("gone", status=1)
        self.assertIn("you asked for gone, but it is quarantined: `it steals passwords`", self.said)
        self.install("empty", status=1)
        self.assertIn("you asked for empty, but the index has no wheel or source distribution of it", self.said)
        self.install("old")
        self.assertIn("warning: old is deprecated: `use new`", self.said)
        self.install("bad", status=1)
        self.assertIn("1.0 was yanked: `it eats files`", self.said)
        self.install("bad==1.0")
        self.assertIn("warning: bad 1.0 was yanked: `it eats files`", self.said)

    def test_a_newer_minor_is_told_once_a_run_and_another_major_fails(self):
        for name in ("a", "b"):
            self.server.add(name)
            self.server.page(name, meta={"api-version": "1.99"})
        self.server.add("c")
        self.server.page("c", meta={"api-version": "2.0"})
        self.create()
        self.install("a", "b")
        self.assertEqual(self.said.count("speaks version 1.99"), 1, self.said)
        self.install("c", status=3)
        self.assertIn("speaks version `2.0`", self.said)

    def test_what_is_no_page_fails_the_run_and_names_the_index(self):
        self.server.answer("/simple/portal/", "<form action=/login></form><a href='terms.html'>terms</a>")
        self.server.answer("/simple/text/", "hello", "text/plain")
        self.server.answer("/simple/loop/", "", status=302, Location="/simple/loop/")
        self.server.answer("/simple/broken/", '{"files": [', JSON_PAGE)
        self.server.answer("/simple/closed/", "", status=403)
        self.create()
        for name, told in (("portal", "a captive portal"), ("text", "of type `text/plain`"), ("loop", "redirects more than 20 times"),
                           ("broken", "not valid JSON"), ("closed", "the server answered 403")):
            with self.subTest(name):
                other = self.second_server()
                other.add(name)  # another index that has it is no way out
                self.install("--index", f"first={self.server.url}", "-i", other.url, name, status=3)
                self.assertIn(told, self.said)
                self.assertIn(self.server.url, self.said)

    def test_dates_and_ages_cut_off_what_is_newer(self):
        ago = lambda days: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86400))  # noqa: E731
        for version, uploaded in (("1.0", ago(30)), ("2.0", ago(10)), ("3.0", ago(1))):
            self.server.add("a", version, **{"upload-time": uploaded})
        self.server.add("a", "4.0")  # nobody knows when
        self.create()
        for moment, version in (("P3D", "2.0"), ("3d", "2.0"), ("P2W", "1.0"), ("PT36H", "2.0"), (ago(20)[:10], "1.0"),
                                (ago(20), "1.0"), ("1h", "3.0")):
            with self.subTest(moment):
                report = json.loads(self.install("--dry-run", "--json", "--exclude-newer", moment, "a"))
                self.assertEqual([o["to"] for o in report["operations"]], [version])
        self.install("--exclude-newer", "60d", "a", status=1)
        self.assertIn("--exclude-newer", self.said)
        self.install("--exclude-newer", "yesterday", "a", status=2)

    def test_another_hash_for_a_file_that_was_seen_is_told(self):
        self.server.add("a", "1.0")
        self.server.add("a", "2.0")
        self.create()
        self.install("a==2.0")
        self.assertNotIn("another hash", self.said)
        self.server.projects["a"][0]["hashes"]["sha256"] = "0" * 64
        self.server.page("a")
        self.install("--refresh", "-U", "a==2.0")
        self.assertIn("gives another hash for `a-1.0-py3-none-any.whl` than it did before: sha256:000", self.said)

    def test_a_dry_run_tells_programs_what_would_come_from_where(self):
        digest = self.server.add("a", requires=["b"], size=1234)
        self.server.add("b")
        self.server.http.password = f"alice:{SECRET}"
        self.create()
        report = json.loads(self.install("--dry-run", "--json", "-i", self.server.address("/simple/", f"alice:{SECRET}"), "a"))
        files = {o["name"]: o["file"] for o in report["operations"]}
        self.assertEqual(files["a"], {"name": "a-1.0-py3-none-any.whl", "url": self.server.address("/files/a-1.0-py3-none-any.whl"),
                                      "index": self.server.address("/simple/", "****"), "hashes": {"sha256": digest}, "size": 1234,
                                      "yanked": None, "requested": True})
        self.assertFalse(files["b"]["requested"])
        self.assertNotIn(SECRET, self.said)

    def test_a_lock_names_the_index_without_the_password(self):
        self.server.add("a")
        self.server.http.password = f"alice:{SECRET}"
        self.create()
        (self.work / "in.txt").write_text("a\n")
        index = self.server.address("/simple/", f"alice:{SECRET}")
        self.moat("lock", "-r", "in.txt", "-i", index)
        self.assertIn(f'index = "{self.server.url}"', (self.work / "pylock.toml").read_text())

    def test_a_password_that_only_a_file_gives_serves_every_step(self):
        """Of an index in a requirements file, whatever else is asked in between."""
        other = self.second_server()
        other.add("a")
        other.answer("/pypi/a/1.0/json", json.dumps({"info": {}, "vulnerabilities": []}), "application/json")
        other.http.password = f"alice:{SECRET}"
        self.create()
        index = other.address("/simple/", f"alice:{SECRET}")
        (self.work / "in.txt").write_text(f"--extra-index-url {index}\na\n")
        self.install("-r", "in.txt", "--no-vulnerable")
        self.assertIn("+ a 1.0", self.said)
        self.moat("lock", "-r", "in.txt", "-o", "pylock.toml", "--no-vulnerable")
        self.assertIn('name = "a"', (self.work / "pylock.toml").read_text())
        self.assertEqual([path for path, headers in other.http.asked if "Authorization" not in headers], [])

    def test_a_redirect_takes_no_password_along(self):
        other = self.second_server()
        other.add("a")
        self.server.answer("/simple/a/", "", status=302, Location=other.address("/simple/a/"))
        self.server.http.password = f"alice:{SECRET}"
        self.create()
        self.install("-i", self.server.address("/simple/", f"alice:{SECRET}"), "a")
        self.assertTrue(other.http.asked)
        for path, headers in other.http.asked:
            self.assertNotIn("Authorization", headers, path)


class Urls(IndexTest):
    """What is known by its URL alone is kept for good, but for --refresh, which asks whether it still is the same."""

    def answers(self, path):
        return [(p, h.get("If-None-Match"), "Range" in h) for p, h in self.server.http.asked if p == path]

    def publish(self, path, requires, tag):
        filename, content = loopback_index.wheel("a", "1.0", "py3-none-any", requires, "", [])
        self.assertTrue(path.endswith(filename))
        self.server.answer(path, content, "application/zip", **({"ETag": f'"{tag}"'} if tag else {}))

    def test_a_wheel_is_asked_after_with_refresh(self):
        self.server.add("b")
        self.create()
        for tag in ("one", ""):
            with self.subTest(etag=tag):
                path = f"/{tag or 'none'}/a-1.0-py3-none-any.whl"
                url = self.server.address(path)
                self.publish(path, [], tag)
                self.install(f"a @ {url}")
                self.server.http.asked.clear()
                self.install("--reinstall", f"a @ {url}")
                self.assertEqual(self.answers(path), [])
                self.install("--refresh", "--reinstall", f"a @ {url}")
                self.assertEqual({condition for _, condition, _ in self.answers(path)}, {'"one"' if tag else None})
                self.publish(path, ["b"], tag and "two")
                self.install("--refresh", f"a @ {url}")
                self.assertIn("+ b 1.0", self.said)
                self.install("--refresh", f"a @ {url}")  # nothing new any more
                self.assertNotIn("+ b", self.said)
                self.server.http.asked.clear()
                self.install("--offline", "--refresh", "--reinstall", f"a @ {url}")
                self.assertEqual(self.answers(path), [])
                self.moat("uninstall", "--env", "env", "a", "b")

    def test_an_archive_is_asked_after_with_refresh(self):
        self.server.add("b")
        self.create()

        def publish(requires, tag):
            self.server.answer("/a-1.0.tar.gz", loopback_index.sdist("a", "1.0", requires, "static")[1], ETag=f'"{tag}"')

        url = self.server.address("/a-1.0.tar.gz")
        publish([], "one")
        self.install(f"a @ {url}")
        self.server.http.asked.clear()
        self.install("--refresh", "--reinstall", f"a @ {url}")
        self.assertEqual(self.answers("/a-1.0.tar.gz"), [("/a-1.0.tar.gz", '"one"', False)])
        publish(["b"], "two")
        self.install("--reinstall", f"a @ {url}")
        self.assertNotIn("+ b", self.said)
        self.install("--refresh", f"a @ {url}")
        self.assertIn("+ b 1.0", self.said)

    def test_an_archive_whose_url_does_not_say_its_kind(self):
        self.create()
        filename, content = loopback_index.sdist("a", "1.0", [], "static")
        self.server.answer("/one/1", content, Content_Disposition=f'attachment; filename="{filename}"')
        self.server.answer("/two/v1.0", "", status=302, Location=f"/files/{filename}")
        self.server.answer(f"/files/{filename}", content)
        self.server.answer("/three/3", content, "application/gzip")
        for path in ("/one/1", "/two/v1.0?x=y", "/three/3"):
            with self.subTest(path):
                url = self.server.address(path)
                self.install(f"a @ {url}")
                self.assertIn("+ a 1.0", self.said)
                self.install("--reinstall", "--offline", url)
                (self.work / "in.txt").write_text(f"{url}\n")
                self.moat("lock", "-r", "in.txt")
                self.moat("uninstall", "--env", "env", "a")
                self.moat("sync", "--env", "env", "--offline")
                self.assertIn("+ a 1.0", self.said)
                self.moat("uninstall", "--env", "env", "a")

    def test_what_is_not_certainly_an_archive_is_refused(self):
        self.create()
        filename, content = loopback_index.wheel("a", "1.0", "py3-none-any", [], "", [])
        self.server.answer("/1", content, Content_Disposition=f"attachment; filename={filename}")
        self.server.answer("/2", "<h1>please log in</h1>")
        self.server.answer("/3", b"\x1f\x8bno, it is not")
        before = self.tree("env")
        for path, status, told in (("/1", 2, f"gives the wheel `{filename}`"), ("/2", 2, "is neither a wheel nor a source archive"),
                                   ("/3", 1, "cannot unpack"), ("/4", 3, "HTTP status 404"), ("/5.exe", 2, "neither a wheel nor a source archive")):
            with self.subTest(path):
                self.install(f"a @ {self.server.address(path)}", status=status)
                self.assertIn(told, self.said)
        self.assertEqual(self.tree("env"), before)

    def test_so_are_files_that_an_index_gives_no_hash_for(self):
        self.server.add("a", promise=False)
        self.create()
        (self.work / "in.txt").write_text("a\n")
        self.moat("lock", "-r", "in.txt")
        before = (self.work / "pylock.toml").read_text()
        filename, content = loopback_index.wheel("a", "1.0", "py3-none-any", [], ">=3", [])
        self.server.answer(f"/files/{filename}", content)
        self.moat("lock", "-r", "in.txt")
        self.assertEqual((self.work / "pylock.toml").read_text(), before)
        self.moat("lock", "-r", "in.txt", "--refresh")
        self.assertIn(hashlib.sha256(content).hexdigest(), (self.work / "pylock.toml").read_text())


if __name__ == "__main__":
    sandbox.main()
