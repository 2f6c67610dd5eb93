"""A package index on loopback, made from a few words a package: wheels and sdists built on the fly, JSON pages, ranges."""
import base64
import csv
import hashlib
import http.server
import io
import json
import pathlib
import re
import shlex
import sys
import tarfile
import threading
import zipfile


def wheel(name, version, tags="py3-none-any", requires=(), requires_python="", entries=(), provides=(), more=None):
    """File name and bytes of a wheel whose module of the same name says its version; `more`: path → text of other files."""
    dist, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"]
    metadata += [f"Requires-Dist: {r}\n" for r in requires]
    metadata += [f"Provides-Extra: {extra}\n" for extra in provides]
    metadata += [f"Requires-Python: {requires_python}\n"] * bool(requires_python)
    files = {f"{dist}/__init__.py": f"__version__ = {version!r}\ndef main():\n    print({name!r}, __version__)\n",
             f"{info}/METADATA": "".join(metadata),
             f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tags}\n"}
    files.update(more or {})
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


# A build backend that lies in the tree it builds, so that builds need no network: project.json says it all.
BACKEND = """import base64, hashlib, json, os, sys, zipfile

def _project():
    if os.path.exists("fails"):
        sys.exit("fatal error: " + open("fails").read())
    with open("project.json") as file:
        return json.load(file)

def _metadata(project):
    lines = ["Metadata-Version: 2.1", "Name: " + project["name"], "Version: " + project["version"]]
    lines += ["Requires-Dist: " + r for r in project.get("requires", [])]
    return "\\n".join(lines) + "\\n"

def _wheel(folder, files):
    project = _project()
    dist = project["name"].replace("-", "_")
    info = dist + "-" + project["version"] + ".dist-info"
    files = dict(files)
    files[info + "/METADATA"] = _metadata(project)
    files[info + "/WHEEL"] = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\\n" % (path, digest, len(text.encode()))
    files[info + "/RECORD"] = record + info + "/RECORD,,\\n"
    name = dist + "-" + project["version"] + "-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), text)
    return name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    project = _project()
    module = project["name"].replace("-", "_")
    with open(module + ".py") as file:
        text = file.read()
    for key, value in sorted((config_settings or {}).items()):
        text += "%s = %r\\n" % (key, value)
    return _wheel(folder, {module + ".py": text})

def build_editable(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {"_" + _project()["name"] + ".pth": os.getcwd() + "\\n"})
"""


def tree(name, version, requires, kind):
    """The files of a source tree. kind: "static" ([project] says it all), "dynamic" (only the backend knows)."""
    project = "" if kind == "dynamic" else (
        f"[project]\nname = {name!r}\nversion = {version!r}\ndependencies = {json.dumps(requires)}\n\n")
    return {"pyproject.toml": project + "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n",
            "backend.py": BACKEND,
            "project.json": json.dumps({"name": name, "version": version, "requires": requires}),
            f"{name.replace('-', '_')}.py": f"__version__ = {version!r}\ndef main():\n    print({name!r}, __version__)\n"}


def sdist(name, version, requires, kind):
    stem, out = f"{name.replace('-', '_')}-{version}", io.BytesIO()
    files = {"PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", **tree(name, version, requires, kind)}
    if kind == "fails":
        files["fails"] = "frobnicate.h: No such file or directory"
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size = len(text.encode())
            member.mtime = 1704067200
            archive.addfile(member, io.BytesIO(text.encode()))
    return f"{stem}.tar.gz", out.getvalue()


class Index:
    """The projects of one transcript. add() takes a line as transcript_test.py describes it."""

    KEYS = ("requires", "requires-python", "provides", "tags", "entry", "yanked", "sdist", "wrong-hash", "no-hash", "truncated",
            "uploaded")

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
            filename, content = sdist(name, version, requires, (options["sdist"] or ["static"])[0])
        else:
            filename, content = wheel(name, version, (options.get("tags") or ["py3-none-any"])[0], requires,
                                      requires_python, options.get("entry", []), options.get("provides", []))
        digest = "0" * 64 if "wrong-hash" in options else hashlib.sha256(content).hexdigest()
        entry = {"filename": filename, "url": f"../../files/{filename}", "hashes": {"sha256": digest}, "size": len(content),
                 "upload-time": (options.get("uploaded") or ["2024-01-01"])[0] + "T00:00:00Z"}
        if "no-hash" in options:
            entry["hashes"] = {}
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
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_HEAD(self):
        self.do_GET()

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


def main():
    """loopback_index.py tree|sdist NAME VERSION [static|dynamic|fails] [REQUIREMENT…]: writes it into the folder NAME,
    or as an archive, here."""
    what, name, version, *rest = sys.argv[1:]
    kind, requires = (rest + ["static"])[0], rest[1:]
    if what == "sdist":
        filename, content = sdist(name, version, requires, kind)
        pathlib.Path(filename).write_bytes(content)
        return
    pathlib.Path(name).mkdir(exist_ok=True)
    for path, text in tree(name, version, requires, kind).items():
        (pathlib.Path(name) / path).write_text(text)


def serve(index):
    """A server on a free port of 127.0.0.1, in a thread of its own; its `url` is the index's."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.index, server.daemon_threads = index, True
    server.url = f"http://127.0.0.1:{server.server_port}/simple/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    main()
