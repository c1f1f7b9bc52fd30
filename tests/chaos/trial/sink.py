"""The world outside: takes effects over HTTP, keeps each key once, and writes down what it was asked."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from jobforge.ledger.effects_log import EffectsLog, EffectStatus

MAX_BODY = 64 * 1024


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers are killed while they call."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Sink:
    """A far side that de-duplicates by ``Idempotency-Key``, as payment and mail providers do.

    The first use of a key is written down as visible and answered with 201; a repeated one changes nothing and is
    answered with 200.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.posts = 0
        """How many posts came, repeated ones counted."""
        self._lock = Lock()
        self._seen: set[str] = set()
        self._log = EffectsLog(path)
        self._server = _Server(("127.0.0.1", 0), self._handler())
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
        self._log.close()

    @property
    def authority(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Where effects are posted to."""
        return f"http://{self.authority}/effects"

    @property
    def keys(self) -> frozenset[str]:
        """Every key that was used."""
        with self._lock:
            return frozenset(self._seen)

    def take(self, key: str, body: dict[str, Any]) -> bool:
        """Let an effect happen; False when its key was used before."""
        with self._lock:
            self.posts += 1
            first = key not in self._seen
            self._seen.add(key)
            status: EffectStatus = "visible" if first else "repeat"
            step = key.rpartition(":")[2]
            self._log.write(key, status, run_id=body.get("run_id"), step=step, attempt=body.get("attempt"))
            return first

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            """Answers a POST, or a PURGE as a cache does, once its effect is on the disk."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = min(int(self.headers.get("Content-Length") or 0), MAX_BODY)
                content = self.rfile.read(length)
                if len(content) < length or not content:
                    self.close_connection = True  # whoever asked died while asking: nothing happens
                    return
                self._take(json.loads(content))

            def do_PURGE(self) -> None:
                self._take({})

            def _take(self, body: dict[str, Any]) -> None:
                happened = sink.take(self.headers.get("Idempotency-Key", ""), body)
                self.send_response(201 if happened else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own signature
                """The NDJSON is the log."""

        return Handler
