"""Answers of an index that somebody made to do harm."""
import gzip
import json
import socket
import threading
import time
import zlib

from attack import Attack
from hostile_archives import evil_wheel

HTML, JSON = "text/html", "application/vnd.pypi.simple.v1+json"
META = {"api-version": "1.0"}
SECONDS = 25  # how long answers without end go on, should the client let them


def files(*changes, **more):
    good = {"filename": "evil-1-py3-none-any.whl", "url": "evil-1-py3-none-any.whl", "hashes": {}}
    return json.dumps({"meta": META, "name": "evil", "files": [{**good, **change} for change in changes], **more})


def bomb(byte, megabytes, wrap=gzip.compress):
    return wrap(byte * (megabytes << 20))


PAGES = {
    "anchors without end": (HTML, "<a " * 5000000), "anchors never closed": (HTML, "<a href='evil-1-py3-none-any.whl'>" * 500000), "divs in each other": (HTML, "<div>" * 3000000),
    "a comment never closed": (HTML, "<!--" + "-" * 5000000), "an attribute of ten megabytes": (HTML, "<a href='" + "x" * (10 << 20) + "'>x</a>"),
    "a million attributes": (HTML, "<a " + "a=b " * 1000000 + ">x</a>"), "a script never closed": (HTML, "<script>" + "</scrip" * 1000000), "entities": (HTML, "<a href='&#0;&#x110000;&amp;&'>" + "&amp;" * 1000000 + "</a>"),
    "CDATA": (HTML, "<![CDATA[" * 500000), "tags of one letter": (HTML, "<" * 5000000), "a base that leads elsewhere": (HTML, "<base href='file:///etc/'><a href='passwd'>evil-1-py3-none-any.whl</a>"),
    "a base of another kind": (HTML, "<base href='javascript:x'><a href='evil-1-py3-none-any.whl'>evil-1-py3-none-any.whl</a>"), "a login page": (HTML, "<html><body><form action='/login'></form></body></html>"),
    "escapes": (HTML, "<a href='evil-1-py3-none-any.whl' data-requires-python='\x1b[2J' data-yanked='\x1b]0;x\x07'>evil-1-py3-none-any.whl</a>"), "NULs": (HTML, "\0" * 5000000), "UTF-16": (HTML + "; charset=utf-16", "<a>x</a>".encode("utf-16")),
    "a charset of noise": (HTML + "; charset=\x80evil", "<a href='x'>evil-1-py3-none-any.whl</a>"), "no type": ("", "<a>"), "a type of escapes": ("text/\x1b[2Jhtml", "<a>"), "an image": ("image/png", b"\x89PNG"),
    "arrays in each other": (JSON, "[" * 3000000), "objects in each other": (JSON, '{"files":' * 1000000), "files within files": (JSON, '{"meta":{"api-version":"1.0"},"files":[{"hashes":' + '{"a":' * 500000),
    "a million files of nothing": (JSON, json.dumps({"meta": META, "name": "evil", "files": [{}] * 1000000})), "a million zeros": (JSON, '{"files":[' + "0," * 3000000 + "0]}"), "a million commas": (JSON, '{"files":[' + "," * 3000000 + "]}"),
    "a million keys": (JSON, "{" + '"a":1,' * 1000000 + '"files":[]}'), "a million hashes": (JSON, files({"hashes": {f"h{i}": "a" * 64 for i in range(200000)}})), "files that are text": (JSON, '{"meta":{"api-version":"1.0"},"files":"evil"}'),
    "numbers for texts": (JSON, files({"filename": 7, "url": [], "hashes": 9, "requires-python": {}, "yanked": 3, "size": "x"})), "a size of 10^30": (JSON, files({"size": 10 ** 30})), "a size below nothing": (JSON, files({"size": -1})),
    "a time of noise": (JSON, files({"upload-time": "99999-99-99T99:99:99Z"})), "a file URL": (JSON, files({"url": "file:///etc/passwd"})), "a URL of another kind": (JSON, files({"url": "javascript:alert(1)"})),
    "a URL with a line end": (JSON, files({"url": "http://127.0.0.1:1/x\r\nX: y"})), "a URL of a megabyte": (JSON, files({"url": "x" * 1000000})), "a URL that climbs": (JSON, files({"url": "../../../../../evil-1-py3-none-any.whl"})),
    "a name with a path": (JSON, files({"filename": "../../evil-1-py3-none-any.whl"})), "a name of escapes": (JSON, files({"filename": "evil-\x1b[2J1-py3-none-any.whl"})), "a name of a megabyte": (JSON, files({"filename": "evil-" + "1" * 1000000 + "-py3-none-any.whl"})),
    "a hash with a path": (JSON, files({"hashes": {"sha256": "../../../" + "0" * 55}})), "a hash that is wrong": (JSON, files({"hashes": {"sha256": "0" * 64}})), "an algorithm of noise": (JSON, files({"hashes": {"\x1b[2J": "00"}})),
    "a reason of a megabyte": (JSON, files({"yanked": "x" * 1000000})), "a reason of escapes": (JSON, files({"yanked": "\x1b]0;x\x07\u202e"})), "a status of escapes": (JSON, files({}, **{"project-status": {"status": "\x1b[2J", "reason": "\u202e"}})),
    "version 99 of the protocol": (JSON, json.dumps({"meta": {"api-version": "99.0"}, "files": []})), "a version of noise": (JSON, json.dumps({"meta": {"api-version": "1.\x1b"}, "files": []})),
    "half of it": (JSON, files({})[:60]), "two of it": (JSON, files({}) * 2), "not UTF-8": (JSON, files({"yanked": "x"}).encode().replace(b'"x"', b'"\xff\xfe"')), "half a character": (JSON, files({}).encode()[:-3] + b"\xe2\x82"),
    "metadata of another place": (JSON, files({"core-metadata": {"sha256": "0" * 64}})), "300,000 files of other systems": (JSON, json.dumps({"meta": META, "name": "evil", "files": [
        {"filename": f"evil-1.{i}-cp27-none-win32.whl", "url": f"evil-1.{i}-cp27-none-win32.whl", "hashes": {"sha256": f"{i:064x}"}} for i in range(300000)]})),
}
PACKED = {
    "gzip of zeros": (HTML, "gzip", lambda: bomb(b"\0", 300)), "gzip of anchors": (HTML, "gzip", lambda: bomb(b"<a ", 80)), "gzip of arrays": (JSON, "gzip", lambda: bomb(b"[", 250)), "gzip in gzip": (JSON, "gzip, gzip", lambda: gzip.compress(bomb(b" ", 250))),
    "deflate of blanks": (JSON, "deflate", lambda: bomb(b" ", 250, zlib.compress)), "gzip cut in half": (JSON, "gzip", lambda: gzip.compress(files({}).encode())[:40]), "gzip that is none": (JSON, "gzip", lambda: files({}).encode()),
    "gzip twice over": (JSON, "gzip", lambda: gzip.compress(b"{") + gzip.compress(b"}")), "another packing": (JSON, "evil", lambda: files({}).encode()),
}
# What is sent instead of an answer; None ends the connection.
RAW = {
    "nothing": [b""], "noise": [bytes(range(256)) * 1000], "a status of noise": [b"HTTP/1.1 abc\r\n\r\n"], "status 999": [b"HTTP/1.1 999 \x1b[2J\r\nContent-Length: 0\r\n\r\n"], "HTTP 0.9": [b"<a href=x>x</a>"],
    "a header of 20 megabytes": [b"HTTP/1.1 200 OK\r\nX: ", *[b"x" * 1000000] * 20], "a million headers": [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n" * 10000] * 100, b"\r\n"], "100 for ever": [b"HTTP/1.1 100 Continue\r\n\r\n" * 100000],
    "a length that is too long": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n<a>"], "a length below nothing": [b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n<a>"], "two lengths": [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\n<a>"],
    "a length of 10^30": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1" + b"0" * 30 + b"\r\n\r\n<a>"], "a chunk of noise": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    "a chunk of 2^63": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nx"], "redirected to itself": [b"HTTP/1.1 302 x\r\nLocation: /evil/\r\nContent-Length: 0\r\n\r\n"],
    "redirected to a file": [b"HTTP/1.1 302 x\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"], "redirected to gopher": [b"HTTP/1.1 302 x\r\nLocation: gopher://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n"],
    "redirected to escapes": [b"HTTP/1.1 302 x\r\nLocation: http://\x1b[2J/\r\nContent-Length: 0\r\n\r\n"], "Retry-After for ever": [b"HTTP/1.1 404 x\r\nRetry-After: 999999999\r\nContent-Length: 0\r\n\r\n"],
    "an ETag of a megabyte": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"" + b"x" * 90000 + b"\"\r\nContent-Length: 0\r\n\r\n"], "an ETag of escapes": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"\x1b[2J\n\"\r\nContent-Length: 0\r\n\r\n"],
    "a realm of escapes": [b"HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=\"\x1b]0;x\x07\"\r\nContent-Length: 0\r\n\r\n"], "a cookie of another host": [b"HTTP/1.1 404 x\r\nSet-Cookie: a=b; Domain=evil.invalid\r\nContent-Length: 0\r\n\r\n"],
    "an upgrade": [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"], "a wheel for a page": [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", evil_wheel()],
}


class Server:
    """One for all trials: /NAME/evil/ gives the answer of that number."""

    def __init__(self):
        self.answers = []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def offer(self, make):
        self.answers.append(make)
        return f"{self.url}/{len(self.answers) - 1}/"

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        try:
            with connection:
                connection.settimeout(SECONDS)
                asked = b""
                while b"\r\n\r\n" not in asked:
                    part = connection.recv(65536)
                    if not part:
                        return
                    asked += part
                number = asked.split()[1].split(b"/")[1]
                parts = self.answers[int(number)]() if number.isdigit() else [b"HTTP/1.1 302 x\r\nLocation: /evil/\r\nContent-Length: 0\r\n\r\n"]
                for part in parts:
                    connection.sendall(part)
        except OSError:  # it had enough
            pass


def answer(kind, body, packed=""):
    data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogateescape")
    head = "HTTP/1.1 200 OK\r\n" + (f"Content-Type: {kind}\r\n" if kind else "") + (f"Content-Encoding: {packed}\r\n" if packed else "")
    return [head.encode("latin-1") + f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode(), data]


def trickle():
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    for _ in range(SECONDS):
        yield b"<"
        time.sleep(1)


def endless():
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    for _ in range(400):
        yield b"<!-- " + b"x" * (1 << 20) + b" -->"


def attacks(server):
    made = [*((f"page: {what}", lambda kind=kind, body=body: answer(kind, body)) for what, (kind, body) in PAGES.items()),
            *((f"page: {what}", lambda kind=kind, packed=packed, make=make: answer(kind, make(), packed)) for what, (kind, packed, make) in PACKED.items()),
            *((f"answer: {what}", lambda parts=parts: parts) for what, parts in RAW.items()),
            ("answer: a byte a second", trickle), ("answer: without end", endless)]
    for name, make in made:
        url = server.offer(make)

        def prepare(root, url=url):
            return ["install", "--env", "env", "evil", "-i", url]
        # A retry is waited for a second or more; what is looked at here is how it ends.
        yield Attack(name, prepare, refused=True, variables={"MOAT_RETRIES": "0", "MOAT_TIMEOUT": "5"})
