"""An index on loopback that answers as a real one did: what it does not have it fetches once, and keeps.

    replay.py FOLDER UPSTREAM [--delay MS] [--rate MBIT]     prints its URL, and serves until its input ends

UPSTREAM is a Simple index that speaks JSON. Pages are kept as they came, but that their files are named relative to
them, so that they hold at any port; they are served compressed, with an ETag and the ten minutes for which an index
lets them be kept. Files are served whole or in ranges. Once everything a run asks for is here, no byte of it comes
from elsewhere, and what is measured is the two sides and this machine.

--delay and --rate make a line of it: every connection and every answer waits for one round trip, and all connections
share the rate. Neither TCP's slow start nor TLS is played.
"""
import argparse
import email.utils
import gzip
import hashlib
import json
import os
import pathlib
import re
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

JSON = "application/vnd.pypi.simple.v1+json"
CHUNK = 16384  # bytes that a simulated line hands out at a time


class Line:
    """Round trips and a rate that connections share; without either it costs nothing."""

    def __init__(self, delay, rate):
        self.delay, self.rate = delay, rate  # seconds; bytes a second, or None
        self.free, self.lock = 0.0, threading.Lock()

    def round_trip(self):
        if self.delay:
            time.sleep(self.delay)

    def take(self, size):
        with self.lock:
            self.free = max(self.free, time.monotonic()) + size / self.rate
            wait = self.free - time.monotonic()
        if wait > 0:
            time.sleep(wait)


class Recording:
    """Pages and files in a folder; thread-safe."""

    def __init__(self, folder, upstream):
        self.folder, self.upstream = folder, upstream.rstrip("/")
        self.pages, self.locks, self.lock = {}, {}, threading.Lock()

    def once(self, key):
        with self.lock:
            return self.locks.setdefault(key, threading.Lock())

    def fetch(self, url, accept, to):
        """Into the file `to`, whole or not at all; an answer of 404 leaves an empty file beside it."""
        to.parent.mkdir(parents=True, exist_ok=True)
        part = to.with_name(to.name + ".part")
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=120) as answer:
                with open(part, "wb") as file:
                    while data := answer.read(1 << 20):
                        file.write(data)
            part.rename(to)
        except urllib.error.HTTPError as e:
            if e.code != 404:
                raise
            to.with_name(to.name + ".404").touch()

    def page(self, name):
        """(plain, compressed, etag), or None."""
        with self.once(name):
            if name not in self.pages:
                self.pages[name] = self.read_page(name)
            return self.pages[name]

    def read_page(self, name):
        path = self.folder / "pages" / (name + ".json")
        if not path.exists() and not path.with_name(path.name + ".404").exists():
            self.fetch(f"{self.upstream}/{name}/", JSON, path)
        if not path.exists():
            return None
        page = json.loads(path.read_bytes())
        for file in page["files"]:
            url = urllib.parse.urlsplit(urllib.parse.urljoin(f"{self.upstream}/{name}/", file["url"]))
            file["url"] = f"../../files/{url.netloc}{url.path}"
        plain = json.dumps(page, separators=(",", ":")).encode()
        return plain, gzip.compress(plain, 6, mtime=0), hashlib.sha256(plain).hexdigest()[:20]

    def file(self, path):
        """The path of a kept file, or None; `path` is HOST/PATH."""
        target = self.folder / "files" / urllib.parse.unquote(path)
        if ".." in target.parts:
            return None
        with self.once(path):
            if not target.exists() and not target.with_name(target.name + ".404").exists():
                self.fetch("https://" + path, "*/*", target)
        return target if target.exists() else None


class Connection(threading.Thread):
    def __init__(self, sock, recording, line):
        super().__init__(daemon=True)
        self.sock, self.recording, self.line, self.rest = sock, recording, line, b""

    def run(self):
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line.round_trip()
        try:
            while request := self.read_head():
                self.line.round_trip()
                self.answer(*request)
        except OSError:
            pass
        finally:
            self.sock.close()

    def read_head(self):
        while b"\r\n\r\n" not in self.rest:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.rest += data
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        return method, target, {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}

    def answer(self, method, target, headers):
        try:
            if match := re.fullmatch(r"/simple/([^/]+)/?", target):
                self.answer_page(method, headers, self.recording.page(match[1]))
            elif target.startswith("/files/"):
                self.answer_file(method, headers, self.recording.file(target[len("/files/"):]))
            else:
                self.send(method, "404 Not Found", {}, b"")
        except (urllib.error.URLError, TimeoutError) as e:
            self.send(method, "502 Bad Gateway", {}, str(e).encode())

    def answer_page(self, method, headers, page):
        if not page:
            return self.send(method, "404 Not Found", {}, b"")
        plain, compressed, etag = page
        out = {"Cache-Control": "max-age=600, public", "ETag": f'"{etag}"', "Vary": "Accept, Accept-Encoding"}
        if headers.get("if-none-match") == out["ETag"]:
            return self.send(method, "304 Not Modified", out, None)
        out["Content-Type"] = JSON
        if "gzip" in headers.get("accept-encoding", ""):
            out["Content-Encoding"] = "gzip"
            plain = compressed
        self.send(method, "200 OK", out, plain)

    def answer_file(self, method, headers, path):
        if not path:
            return self.send(method, "404 Not Found", {}, b"")
        size = path.stat().st_size
        out = {"Cache-Control": "max-age=365000000, immutable, public", "ETag": f'"{path.name}-{size}"',
               "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream",
               "Last-Modified": email.utils.formatdate(path.stat().st_mtime, usegmt=True)}
        begin, end, status = 0, size, "200 OK"
        if match := re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("range", "")):
            if match[1]:
                begin, end = int(match[1]), min(int(match[2] or size - 1) + 1, size)
            else:
                begin = max(size - int(match[2]), 0)
            if begin >= end:
                return self.send(method, "416 Range Not Satisfiable", {"Content-Range": f"bytes */{size}"}, b"")
            status, out["Content-Range"] = "206 Partial Content", f"bytes {begin}-{end - 1}/{size}"
        self.send_head(status, out, end - begin)
        if method != "HEAD":
            with open(path, "rb") as file:
                self.send_file(file.fileno(), begin, end)

    def send_head(self, status, headers, size):
        lines = [f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in headers.items())]
        if size is not None:
            lines.append(f"Content-Length: {size}")
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def send(self, method, status, headers, body):
        """`body` None: an answer that has none, nor a length."""
        self.send_head(status, headers, None if body is None else len(body))
        if body and method != "HEAD":
            for at in range(0, len(body), CHUNK if self.line.rate else len(body)):
                piece = body[at:at + CHUNK] if self.line.rate else body
                if self.line.rate:
                    self.line.take(len(piece))
                self.sock.sendall(piece)

    def send_file(self, fd, begin, end):
        while begin < end:
            step = min(end - begin, CHUNK if self.line.rate else 1 << 22)
            if self.line.rate:
                self.line.take(step)
            begin += os.sendfile(self.sock.fileno(), fd, begin, step)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("folder", type=pathlib.Path)
    ap.add_argument("upstream")
    ap.add_argument("--delay", type=float, default=0, help="of a round trip, in milliseconds")
    ap.add_argument("--rate", type=float, help="in Mbit/s")
    args = ap.parse_args()
    line = Line(args.delay / 1e3, args.rate and args.rate * 1e6 / 8)
    recording = Recording(args.folder, args.upstream)
    server = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(f"http://127.0.0.1:{server.getsockname()[1]}/simple/", flush=True)

    def ends_with_its_input():
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=ends_with_its_input, daemon=True).start()
    while True:
        Connection(server.accept()[0], recording, line).start()


if __name__ == "__main__":
    main()
