"""A package index on loopback, made from a few words a package: wheels and sdists built on the fly, JSON pages, ranges."""
import base64
import csv
import hashlib
import http.server
import io
import json
import re
import shlex
import tarfile
import threading
import zipfile


def wheel(name, version, tags, requires, requires_python, entries):
    """File name and bytes of a wheel whose module of the same name says its version."""
    dist, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"]
    metadata += [f"Requires-Dist: {r}\n" for r in requires]
    metadata += [f"Requires-Python: {requires_python}\n"] * bool(requires_python)
    files = {f"{dist}/__init__.py": f"__version__ = {version!r}\ndef main():\n    print({name!r}, __version__)\n",
             f"{info}/METADATA": "".join(metadata),
             f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n"}
    if entries:
        files[f"{info}/entry_points.txt"] = "[console_scripts]\n" + "".join(f"{e.replace('=', ' = ', 1)}\n" for e in entries)
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        writer.writerow([path, f"sha256={digest}", len(text.encode())])
    writer.writerow([f"{info}/RECORD", "", ""])
    files[f"{info}/RECORD"] = rows.getvalue()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return f"{dist}-{version}-{tags}.whl", out.getvalue()


def sdist(name, version):
    stem, out = f"{name.replace('-', '_')}-{version}", io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        member = tarfile.TarInfo(f"{stem}/PKG-INFO")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return f"{stem}.tar.gz", out.getvalue()


class Index:
    """The projects of one transcript. add() takes a line as transcript_test.py describes it."""

    KEYS = ("requires", "requires-python", "tags", "entry", "yanked", "sdist", "wrong-hash", "truncated", "uploaded")

    def __init__(self):
        self.projects, self.files, self.truncated = {}, {}, set()

    def add(self, line):
        name, version, *words = shlex.split(line)
        options, key = {}, None
        for word in words:
            if word in self.KEYS:
                key = word
                options.setdefault(key, [])
            else:
                options[key].append(word)
        requires = [r.strip() for r in " ".join(options.get("requires", [])).split("&") if r.strip()]
        requires_python = " ".join(options.get("requires-python", []))
        if "sdist" in options:
            filename, content = sdist(name, version)
        else:
            filename, content = wheel(name, version, (options.get("tags") or ["py3-none-any"])[0], requires,
                                      requires_python, options.get("entry", []))
        digest = "0" * 64 if "wrong-hash" in options else hashlib.sha256(content).hexdigest()
        entry = {"filename": filename, "url": f"../../files/{filename}", "hashes": {"sha256": digest}, "size": len(content),
                 "upload-time": (options.get("uploaded") or ["2024-01-01"])[0] + "T00:00:00Z"}
        if requires_python:
            entry["requires-python"] = requires_python
        if "yanked" in options:
            entry["yanked"] = " ".join(options["yanked"]) or True
        if "truncated" in options:
            self.truncated.add(filename)
        self.files[filename] = content
        self.projects.setdefault(re.sub(r"[-_.]+", "-", name).lower(), []).append(entry)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, content, kind, **headers):
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        index, parts = self.server.index, self.path.strip("/").split("/")
        if parts[0] == "simple" and len(parts) == 2 and parts[1] in index.projects:
            page = {"meta": {"api-version": "1.1"}, "name": parts[1], "versions": [], "files": index.projects[parts[1]]}
            self.answer(200, json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")
        elif parts[0] == "files" and parts[-1] in index.files:
            self.file(parts[-1], index)
        else:
            self.answer(404, b"no such thing\n", "text/plain")

    def file(self, name, index):
        content, wanted = index.files[name], re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if name in index.truncated and not (wanted and wanted[1] != "0"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        elif wanted and name not in index.truncated:
            first, last = wanted.groups()
            begin = int(first) if first else max(0, len(content) - int(last))
            end = min(int(last) + 1 if first and last else len(content), len(content))
            self.answer(206, content[begin:end], "application/octet-stream",
                        Content_Range=f"bytes {begin}-{end - 1}/{len(content)}")
        else:
            self.answer(200, content, "application/octet-stream")


def serve(index):
    """A server on a free port of 127.0.0.1, in a thread of its own; its `url` is the index's."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.index, server.daemon_threads = index, True
    server.url = f"http://127.0.0.1:{server.server_port}/simple/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
