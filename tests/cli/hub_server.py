"""A model hub on loopback, as small as the download needs: one model and its files, with faults on demand.

Run as `HubServer(files)`; `url` is what `HF_ENDPOINT` names.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40


class HubServer:
    """Serves one model until it is closed. What may be changed while it runs is plain data."""

    def __init__(self, id: str, files: Mapping[str, bytes], license: str = "apache-2.0") -> None:
        self.id, self.files, self.license, self.commit = id, dict(files), license, COMMIT
        self.gated = False  # the description is shown, files are refused
        self.status: int | None = None  # answers everything so
        self.knows_ranges = True
        self.sends_from: int | None = None  # whatever range is asked for, it sends the one that begins here
        self.says_more = 0  # so many bytes more than a file has are said where a part of it is sent
        self.cut: dict[str, list[int]] = {}  # by file: after so many bytes each answer ends, until the list is empty
        self.busy: dict[str, list[tuple[int, str | None]]] = {}  # by file or id: statuses, Retry-After
        self.damaged: set[str] = set()
        self.longer: dict[str, int] = {}  # by file: so many bytes follow it
        self.asked: list[tuple[str, str | None]] = []  # path and range of each file that was asked for
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop; harmless when it has stopped."""
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        if self.status is not None:
            self._send(request, self.status, b"{}")
        elif path.lower() == f"/api/models/{self.id}".lower():  # as the real one, which takes any case
            if self._is_busy(request, self.id):
                return
            self._send(request, 200, json.dumps(self._described()).encode())
        elif path.startswith(f"/{self.id}/resolve/{self.commit}/"):
            self._send_file(request, path.rpartition("/")[2])
        else:
            self._send(request, 404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _is_busy(self, request: BaseHTTPRequestHandler, name: str) -> bool:
        if not self.busy.get(name):
            return False
        status, retry_after = self.busy[name].pop(0)
        self._send(request, status, b"busy", {"Retry-After": retry_after} if retry_after else None)
        return True

    def _described(self) -> dict[str, object]:
        def described(name: str, data: bytes) -> dict[str, object]:
            lfs = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 100}
            large = {"lfs": lfs} if name.endswith(".safetensors") else {}
            return {"rfilename": name, "size": len(data), "blobId": "b" * 40, **large}

        siblings = [described(name, data) for name, data in self.files.items()]
        return {"id": self.id, "sha": self.commit, "siblings": siblings, "cardData": {"license": self.license}}

    def _send_file(self, request: BaseHTTPRequestHandler, name: str) -> None:
        span = request.headers.get("Range")
        self.asked.append((name, span))
        if self.gated:
            return self._send(request, 403, b"", {"X-Error-Code": "GatedRepo"})
        if not self.cut.get(name) and self._is_busy(request, name):
            return None
        data = self.files[name]
        if name in self.damaged:
            data = bytes(len(data))
        data += bytes(self.longer.get(name, 0))
        first = int(span.removeprefix("bytes=").rstrip("-")) if span and self.knows_ranges else 0
        if span and self.sends_from is not None:
            first = self.sends_from
        if first > len(data):
            return self._send(request, 416, b"")
        rest = data[first:]
        headers = {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data) + self.says_more}"} if first else {}
        length = len(rest)
        if self.cut.get(name):
            rest = rest[: self.cut[name].pop(0)]
        return self._send(request, 206 if first else 200, rest, headers, length)

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body) if length is None else length))
        request.end_headers()
        request.wfile.write(body)
        if length is not None and length != len(body):
            request.close_connection = True
