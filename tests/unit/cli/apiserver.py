"""The part of the Kubernetes API that the program uses, on loopback: objects, lists, watches, creation.

As the real one: a watch goes on from a version, ends after its time, and answers 410 where the version is forgotten.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from genaiops.controller.kinds import BY_KIND

Raw = dict[str, Any]
_PLURALS = {resource.plural: resource.kind for resource in BY_KIND.values()}


class ApiServer:
    """Objects of namespace `shop`; a test changes them while a client watches."""

    def __init__(self, objects: list[Raw]) -> None:
        self._changed = Condition()
        self._version = 100
        self._forgotten = 0
        self._events: list[tuple[int, str, Raw]] = []
        self._closing = False
        self.objects: dict[tuple[str, str], Raw] = {}
        self.refusals: dict[str, Raw] = {}
        """Status objects by plural, or method and plural: any such request gets it."""
        self.answer: Raw | None = {"phase": "Applied", "message": "done"}
        """Status that the operator gives to each ReleaseAction, at once; None: there is no operator."""
        self.denials: list[Raw] = []
        """Status objects with which a webhook denies what is created next."""
        self.logs: dict[str, bytes] = {}
        """By pod."""
        self.services: dict[str, tuple[int, str]] = {}
        """Status and body that a Service gives through the proxy, by its path."""
        self.watchers = 0
        self.lists = 0
        self.requests: list[str] = []
        self.port = 0
        for item in objects:
            self.put(item)

    # --- what a test does ------------------------------------------------------------------------------------

    def put(self, item: Raw) -> None:
        """Create the object or replace it."""
        key = (item["kind"], item["metadata"]["name"])
        kind = "MODIFIED" if key in self.objects else "ADDED"
        self._record(kind, key, item)

    def created(self, kind: str) -> list[Raw]:
        """Specs of the objects of a kind, in the order in which they were made."""
        return [item["spec"] for (of, _), item in self.objects.items() if of == kind]

    def create(self, item: Raw) -> Raw:
        """Create the object, give it the name that it asks for, and let the operator answer a decision."""
        metadata = {"labels": {}, "uid": f"uid-{len(self.objects)}", "namespace": "shop", **item["metadata"]}
        metadata["name"] = metadata.get("name") or f"{metadata['generateName']}{len(self.objects):05}"
        named = {**item, "metadata": metadata}
        self.put(named)
        made = self.objects[item["kind"], metadata["name"]]
        if self.answer and item["kind"] == "ReleaseAction":
            self.put({**named, "status": self.answer})
        return made

    def delete(self, kind: str, name: str) -> None:
        """Delete the object."""
        self._record("DELETED", (kind, name), self.objects[kind, name])

    def forget(self) -> None:
        """Versions up to now can't be watched from any more; watches that are open end."""
        with self._changed:
            self._version += 1
            self._forgotten = self._version
            self._changed.notify_all()

    def refuse(self, plural: str, code: int, message: str, method: str = "") -> None:
        """Answer every request for a resource, or those by one method, with that."""
        self.refusals[f"{method} {plural}".strip()] = {"kind": "Status", "code": code, "message": message}

    def await_watchers(self, number: int) -> None:
        """Wait until so many watches are open."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.watchers >= number, timeout=30), f"{self.watchers} watches"

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig for it, with a second context whose server does not answer."""
        servers = {"here": self.port, "nowhere": 9}
        document = {
            "current-context": "here",
            "clusters": [
                {"name": name, "cluster": {"server": f"http://127.0.0.1:{port}"}} for name, port in servers.items()
            ],
            "contexts": [
                {"name": name, "context": {"cluster": name, "namespace": "shop", "user": "me"}} for name in servers
            ],
            "users": [{"name": "me", "user": {"token": "secret"}}],
        }
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(document))
        return path

    # --- what the handler needs ------------------------------------------------------------------------------

    def _record(self, event: str, key: tuple[str, str], item: Raw) -> None:
        with self._changed:
            self._version += 1
            item = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self._version)}}
            self._events.append((self._version, event, item))
            if event == "DELETED":
                del self.objects[key]
            else:
                self.objects[key] = item
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def found(self, kind: str, query: dict[str, str]) -> tuple[list[Raw], int]:
        with self._changed:
            self.lists += 1
            items = [item for (of, _), item in self.objects.items() if of == kind and _selected(item, query)]
            return items, self._version

    def events(self, kind: str, query: dict[str, str]) -> Iterator[Raw]:
        """Events of a watch; blocks until the next."""
        seen = int(query["resourceVersion"])
        if seen < self._forgotten:
            yield {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
            return
        began = self._forgotten
        with self._changed:
            self.watchers += 1
            self._changed.notify_all()
            try:
                while not self._closing and self._forgotten == began:
                    for version, event, item in list(self._events):
                        if version > seen and item["kind"] == kind and _selected(item, query):
                            yield {"type": event, "object": item}
                        seen = max(seen, version)
                    self._changed.wait(timeout=30)
            finally:
                self.watchers -= 1


def _selected(item: Raw, query: dict[str, str]) -> bool:
    name = query.get("fieldSelector", "").removeprefix("metadata.name=")
    labels = [part.split("=") for part in query.get("labelSelector", "").split(",") if part]
    return name in ("", item["metadata"]["name"]) and all(item["metadata"]["labels"].get(k) == v for k, v in labels)


@contextmanager
def serving(objects: list[Raw]) -> Iterator[ApiServer]:
    """A server with these objects, until the block ends."""
    api = ApiServer(objects)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _target(self) -> tuple[str, str, dict[str, str]]:
            address = urlsplit(self.path)
            parts = address.path.split("/")
            after = parts[parts.index("namespaces") + 2 :] if "namespaces" in parts else parts[-1:]
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            return after[0], after[1] if len(after) > 1 else "", query

        def do_GET(self) -> None:
            api.requests.append(f"GET {self.path}")
            plural, name, query = self._target()
            kind = _PLURALS[plural]
            if "/proxy/" in self.path:
                status, body = api.services[self.path.split("?")[0].partition("/services/")[2]]
                self._answer_text(body.encode(), status)
                return
            if refusal := api.refusals.get(plural) or api.refusals.get(f"GET {plural}"):
                self._answer(refusal, refusal["code"])
            elif self.path.split("?")[0].endswith("/log"):
                self._answer_text(api.logs[name])
            elif name:
                self._answer_object(kind, plural, name)
            elif "watch" in query:
                self._stream(api.events(kind, query))
            else:
                items, version = api.found(kind, query)
                self._answer({"kind": f"{kind}List", "metadata": {"resourceVersion": str(version)}, "items": items})

        def do_POST(self) -> None:
            plural, _, _ = self._target()
            api.requests.append(f"POST {self.path}")
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if refusal := api.refusals.get(plural) or (api.denials.pop() if api.denials else None):
                self._answer(refusal, refusal["code"])
            elif plural == "selfsubjectreviews":
                self._answer({**sent, "status": {"userInfo": {"username": "jane"}}}, 201)
            else:
                self._answer(api.create(sent), 201)

        def _answer_object(self, kind: str, plural: str, name: str) -> None:
            if item := api.objects.get((kind, name)):
                self._answer(item)
            else:
                message = f'{plural}.genaiops.dev "{name}" not found'
                self._answer({"code": 404, "message": message, "details": {"name": name}}, 404)

        def _answer(self, body: Raw, code: int = 200) -> None:
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _answer_text(self, data: bytes, code: int = 200) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, events: Iterator[Raw]) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in events:
                line = json.dumps(event).encode() + b"\n"
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api
    finally:
        api.close()
        server.shutdown()
        server.server_close()
        thread.join()
