"""A pass-through HTTP proxy on loopback: a server's address in, one that adds to requests out.

A model of 135M parameters calls no tool of its own accord. The proxy adds what makes it say a
chosen text to each request's body, so that the program that sends the requests stays as it is.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Change = Callable[[dict[str, Any]], dict[str, Any]]


@contextmanager
def proxy(url: str, change: Change) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give the proxy's address and the bodies that came in, as they came."""
    seen: list[dict[str, Any]] = []
    target = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(body)
            self._pass(json.dumps({**body, **change(body)}).encode())

        def do_GET(self) -> None:
            self._pass(None)

        def _pass(self, body: bytes | None) -> None:
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=180)
            headers = {"Content-Type": "application/json"}
            connection.request(self.command, self.path, body, headers)
            reply = connection.getresponse()
            self.send_response(reply.status)
            kept = reply.headers.get("Content-Type", "application/json")
            self.send_header("Content-Type", kept)
            self.send_header("Connection", "close")
            self.end_headers()
            while piece := reply.read1(65536):  # as it comes: it may be a stream
                self.wfile.write(piece)
            connection.close()
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
