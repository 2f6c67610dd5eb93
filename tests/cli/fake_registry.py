"""A registry in memory for what a real one does not do on purpose: it is slow, drops connections, answers 401, 429 and
5xx, lies about bytes and ranges, redirects, and hands out bearer tokens.

    registry = FakeRegistry(); registry.start(); registry.url → "127.0.0.1:PORT"; registry.stop()

`fault` is asked before each request: what it returns true for it has answered itself.
"""
import base64
import hashlib
import http.server
import json
import re
import socketserver
import threading
import urllib.parse
import uuid


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64


class FakeRegistry:
    def __init__(self):
        self.blobs, self.manifests, self.uploads = {}, {}, {}
        self.fault = lambda request: False
        self.requests = []  # (method, path, authorization)
        self.token_requests = []  # (path, authorization, body)
        self.basic = None  # "user:password" that the registry, or its token service, wants
        self.bearer = False
        self.tokens, self.token_uses = {}, 10 ** 9
        self.lock = threading.Lock()
        registry = self

        class Bound(Handler):
            pass

        Bound.registry = registry
        self.server = Server(("127.0.0.1", 0), Bound)
        self.url = f"127.0.0.1:{self.server.server_port}"

    def start(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def count(self, method, part):
        return sum(1 for m, path, _ in self.requests if m == method and part in path)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, **headers):
        self.answer(status, json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode(), **headers)

    def drop(self):
        self.close_connection = True
        self.connection.shutdown(2)

    def may(self, path):
        registry, said = self.registry, self.headers.get("Authorization", "")
        if registry.bearer:
            token = said[len("Bearer "):] if said.startswith("Bearer ") else ""
            with registry.lock:
                if registry.tokens.get(token, 0) > 0:
                    registry.tokens[token] -= 1
                    return True
            realm = f'Bearer realm="http://{registry.url}/token",service="fake",scope="repository:x:pull"'
            self.error(401, "UNAUTHORIZED", WWW_Authenticate=realm)
            return False
        if registry.basic and said != "Basic " + base64.b64encode(registry.basic.encode()).decode():
            self.error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="fake"')
            return False
        return True

    def handle_token(self, body):
        registry, said = self.registry, self.headers.get("Authorization", "")
        registry.token_requests.append((self.path, said, body.decode()))
        if registry.basic and "refresh_token=" not in body.decode() and said != "Basic " + base64.b64encode(registry.basic.encode()).decode():
            return self.error(401, "UNAUTHORIZED")
        token = uuid.uuid4().hex
        registry.tokens[token] = registry.token_uses
        self.answer(200, json.dumps({"token": token, "expires_in": 60}).encode())

    def handle_one(self):
        registry = self.registry
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.body = body
        url = urllib.parse.urlsplit(self.path)
        registry.requests.append((self.command, self.path, self.headers.get("Authorization")))
        if registry.fault(self):
            return None
        if url.path == "/token":
            return self.handle_token(body)
        if not self.may(url.path):
            return None
        if url.path == "/v2/":
            return self.answer(200, Docker_Distribution_Api_Version="registry/2.0")
        if found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", url.path):
            return self.manifest(*found.groups(), body)
        if found := re.fullmatch(r"/v2/(.+)/blobs/uploads/(.*)", url.path):
            return self.upload(*found.groups(), urllib.parse.parse_qs(url.query), body)
        if found := re.fullmatch(r"/v2/(.+)/blobs/(sha256:.+)", url.path):
            return self.blob(found[2])
        return self.error(404, "NOT_FOUND")

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = handle_one

    def manifest(self, repository, name, body):
        kept = self.registry.manifests
        if self.command == "PUT":
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            kept[repository, name] = kept[repository, digest] = (body, self.headers["Content-Type"])
            return self.answer(201, Docker_Content_Digest=digest)
        if (repository, name) not in kept:
            return self.error(404, "MANIFEST_UNKNOWN")
        body, kind = kept[repository, name]
        return self.answer(200, body, Content_Type=kind, Docker_Content_Digest="sha256:" + hashlib.sha256(body).hexdigest())

    def blob(self, digest):
        body = self.registry.blobs.get(digest)
        if body is None:
            return self.error(404, "BLOB_UNKNOWN")
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not found:
            return self.answer(200, body, Accept_Ranges="bytes")
        first = int(found[1])
        if first >= len(body):
            return self.error(416, "RANGE")
        return self.answer(206, body[first:], Content_Range=f"bytes {first}-{len(body) - 1}/{len(body)}")

    def upload(self, repository, name, query, body):
        uploads = self.registry.uploads
        if self.command == "POST":
            name = uuid.uuid4().hex
            uploads[name] = b""
            return self.answer(202, Location=f"/v2/{repository}/blobs/uploads/{name}?_state=x", Range="0-0")
        if name not in uploads:
            return self.error(404, "BLOB_UPLOAD_UNKNOWN")
        if self.command == "GET":
            return self.answer(204, Location=f"/v2/{repository}/blobs/uploads/{name}?_state=y", Range=f"0-{max(len(uploads[name]) - 1, 0)}")
        uploads[name] += body
        if self.command == "PATCH":
            return self.answer(202, Location=f"/v2/{repository}/blobs/uploads/{name}?_state=z", Range=f"0-{len(uploads[name]) - 1}")
        digest = query["digest"][0]
        whole = uploads.pop(name)
        if "sha256:" + hashlib.sha256(whole).hexdigest() != digest:
            return self.error(400, "DIGEST_INVALID")
        self.registry.blobs[digest] = whole
        return self.answer(201, Docker_Content_Digest=digest)
