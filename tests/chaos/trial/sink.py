"""The world outside: takes effects over HTTP, keeps each key once, and writes down what it was asked."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

MAX_BODY = 64 * 1024


class Sink:
    """A far side that de-duplicates by ``Idempotency-Key``, as payment and mail providers do.

    Each first use of a key is one line of NDJSON, on the disk before it is answered with 201; a repeated key changes
    nothing and is answered with 200.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.posts = 0
        """How many posts came, repeated ones counted."""
        self._lock = Lock()
        self._seen: set[str] = set()
        self._file = path.open("a", encoding="utf-8")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, name="effect-sink", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
        self._file.close()

    @property
    def url(self) -> str:
        """Where effects are posted to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/effects"

    def take(self, key: str, body: dict[str, Any]) -> bool:
        """Let an effect happen; False when its key was used before."""
        with self._lock:
            self.posts += 1
            if key in self._seen:
                return False
            self._seen.add(key)
            self._file.write(json.dumps({"key": key, "at": time.time(), **body}) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            """Answers a POST once its effect is on the disk."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
                length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY)
                body = json.loads(self.rfile.read(length))
                happened = sink.take(self.headers.get("Idempotency-Key", ""), body)
                self.send_response(201 if happened else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own signature
                """The NDJSON is the log."""

        return Handler
