"""What templates send to, for tests: a real mail server and a real web server that keep what arrives."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from jobforge.native.ports import LOOPBACK, free_ports


def _set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


@dataclass
class Mailbox:
    """The mail that a server took, in its order.

    ``refusals`` are its next answers to a recipient. With ``silent`` set it keeps each mail and hangs up without an
    answer; while ``answering`` is clear, it keeps each mail and the answer waits.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    silent: bool = False
    answering: threading.Event = field(default_factory=_set)

    @property
    def ids(self) -> list[str]:
        """The Message-ID of each mail."""
        return [str(mail["Message-ID"]) for mail in self.mails]

    async def handle_RCPT(  # noqa: N802 - the server looks the name up
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or refuse it as told."""
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail."""
        mail = message_from_bytes(cast(bytes, envelope.content).replace(b"\r\n", b"\n"), policy=policy.default)
        self.mails.append(mail)
        if self.silent:
            cast(asyncio.Transport, server.transport).abort()
        await asyncio.to_thread(self.answering.wait)
        return "250 taken"


@dataclass
class Received:
    """One request; header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hooks:
    """The requests that a web server took, in its order.

    ``answers`` are its next statuses and headers; then 200; each has ``body``. While ``answering`` is clear, they wait.
    """

    authority: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    body: bytes = b""
    answering: threading.Event = field(default_factory=_set)

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://{self.authority}/hook"

    @property
    def keys(self) -> list[str]:
        """The Idempotency-Key of each request."""
        return [each.headers["idempotency-key"] for each in self.received]


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A mail server on a free port of the loopback."""
    mailbox = Mailbox(port=free_ports(1)[0])
    controller = Controller(mailbox, hostname=LOOPBACK, port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        mailbox.answering.set()
        controller.stop()


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[Hooks]:
    """A web server on a free port of the loopback."""
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # who sent it died meanwhile
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            hooks.received.append(Received(self.path, headers, body))
            hooks.answering.wait()
            status, more = hooks.answers.pop(0) if hooks.answers else (200, {})
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # who asked may have stopped listening
                self.wfile.write(hooks.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    hooks.authority = f"{LOOPBACK}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hooks
    finally:
        hooks.answering.set()
        server.shutdown()
        server.server_close()
        thread.join()
