"""A web server with files, and a store that speaks S3, on loopback."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

ACCESS, SECRET = "AKEXAMPLE", "s3cr3t"


class Files:
    """What is served, by path; what was put, too."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.token: str | None = None
        """A bearer token that is asked for."""
        self.signed = False
        """Requests have to be signed."""
        self.failures: list[int] = []
        """Statuses of the next answers."""
        self.redirects: dict[str, str] = {}
        self.requests: list[str] = []
        self.address = ""


@contextmanager
def serving() -> Iterator[Files]:
    """A server, until the block ends."""
    files = Files()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(self._allowed())

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = self._allowed(body)
            if status == 200:
                files.content[urlsplit(self.path).path] = body
            self._answer(status, write=True)

        def _allowed(self, body: bytes = b"") -> int:
            files.requests.append(f"{self.command} {self.path}")
            if files.failures:
                return files.failures.pop(0)
            if files.token and self.headers.get("Authorization") != f"Bearer {files.token}":
                return 401
            if files.signed and not self._signed_well(body):
                return 403
            path = urlsplit(self.path).path
            if path in files.redirects:
                return 302
            return 200 if self.command == "PUT" or path in files.content else 404

        def _signed_well(self, body: bytes) -> bool:
            """Signature version 4, as Amazon's documentation defines it."""
            header = self.headers.get("Authorization") or ""
            if not header.startswith("AWS4-HMAC-SHA256 "):
                return False
            parts = dict(part.strip().split("=", 1) for part in header.split(" ", 1)[1].split(","))
            access, *scope = parts["Credential"].split("/")
            names = parts["SignedHeaders"].split(";")
            address = urlsplit(self.path)
            payload = self.headers["x-amz-content-sha256"]
            if payload not in (hashlib.sha256(body).hexdigest(), "UNSIGNED-PAYLOAD"):
                return False
            headers = "".join(f"{name}:{self.headers[name].strip()}\n" for name in names)
            canonical = "\n".join([self.command, address.path, address.query, headers, ";".join(names), payload])
            digest = hashlib.sha256(canonical.encode()).hexdigest()
            text = "\n".join(["AWS4-HMAC-SHA256", self.headers["x-amz-date"], "/".join(scope), digest])
            key = f"AWS4{SECRET}".encode()
            for part in scope:
                key = hmac.digest(key, part.encode(), "sha256")
            return access == ACCESS and hmac.digest(key, text.encode(), "sha256").hex() == parts["Signature"]

        def _answer(self, status: int, *, write: bool = False) -> None:
            path = urlsplit(self.path).path
            data = files.content[path] if status == 200 and not write else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Fri, 01 May 2026 12:00:00 GMT")
            if status == 302:
                self.send_header("Location", files.redirects[path])
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    files.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
