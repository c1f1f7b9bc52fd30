"""A real local server that speaks OpenAI's streamed chat protocol, well or badly, for tests of what asks it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

USAGE = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}


@dataclass
class Endpoint:
    """What the server was asked, and levers for what it says."""

    url: str = ""
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    """Path, headers (names in lower case) and body of each request."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/event-stream"})
    events: list[str] = field(default_factory=list)
    """The data of each event of the stream."""
    body: bytes | None = None
    """Sent instead of the events."""
    silent_after: int | None = None
    """So many events, and then nothing until the test is over."""
    over: Event = field(default_factory=Event)

    def says(self, text: str, *, finish: str | None = "stop", usage: dict[str, int] | None = USAGE) -> None:
        """Stream a text, a few characters at a time."""
        parts = [text[at : at + 7] for at in range(0, len(text), 7)]
        self.events = [chunk({"content": part}) for part in parts]
        if finish:
            self.events.append(chunk({}, finish))
        if usage:
            self.events.append(json.dumps({"choices": [], "usage": usage}))
        self.events.append("[DONE]")


def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
    """One event of the protocol."""
    return json.dumps({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


@contextmanager
def serving_model() -> Iterator[Endpoint]:
    """The server, on a free port of the loopback."""
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            endpoint.asked.append((self.path, headers, body))
            self.send_response(endpoint.status)
            for name, value in endpoint.headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # the asker may have left
                self._say()

        def _say(self) -> None:
            if endpoint.body is not None:
                self.wfile.write(endpoint.body)
                return
            for number, data in enumerate(endpoint.events):
                if number == endpoint.silent_after:
                    endpoint.over.wait(60)
                    return
                self.wfile.write(f"data: {data}\n\n".encode())
                self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield endpoint
    finally:
        endpoint.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
