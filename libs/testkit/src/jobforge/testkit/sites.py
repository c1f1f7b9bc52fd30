"""Sites for tests: real web servers on the loopback, with certificates made on the spot."""

import gzip
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from jobforge.native.ports import LOOPBACK


@dataclass
class Reply:
    """What a path answers; with ``validated`` it has an ETag, and 304 for who has it already."""

    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    validated: bool = False
    packed: bool = False


@dataclass
class Site:
    """A web server: what it answers by path, and what it was asked."""

    port: int = 0
    scheme: str = "http"
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Host of each request."""

    def url(self, host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.port}/"


class _Handler(BaseHTTPRequestHandler):
    site: Site
    server_version, sys_version = "Test", ""

    def do_GET(self) -> None:
        self.site.asked.append((self.path, self.headers["Host"]))
        reply = self.site.replies.get(self.path, Reply(status=404))
        tag = f'"{sha256(reply.body).hexdigest()[:12]}"'
        fresh = reply.validated and self.headers.get("If-None-Match") == tag
        body = b"" if fresh else gzip.compress(reply.body, mtime=0) if reply.packed else reply.body
        self.send_response(304 if fresh else reply.status)
        headers = {"Content-Type": reply.kind, **reply.headers, **({"ETag": tag} if reply.validated else {})}
        if not fresh:
            headers |= {"Content-Length": str(len(body)), **({"Content-Encoding": "gzip"} if reply.packed else {})}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Failed handshakes are what tests are about."""


@contextmanager
def serving(replies: dict[str, Reply], tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """A site on a free port of the loopback."""
    site = Site(replies=replies, scheme="https" if tls else "http")
    server = _Server((LOOPBACK, 0), type("Handler", (_Handler,), {"site": site}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Authority:
    """A certificate authority of a test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Test Authority")
        built = _built(self._name, self._name, self._key.public_key(), 30).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = folder / "authority.pem"
        self.file.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def server(
        self,
        names: Sequence[str] = ("localhost",),
        days: float = 60,
        key: Any = None,
        signed_by: Literal["authority", "itself", "unsent intermediate"] = "authority",
    ) -> ssl.SSLContext:
        """A server's context for TLS 1.2 and newer, its certificate for these names."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject, unsent = _name("site"), (_name("Unsent Intermediate"), ec.generate_private_key(ec.SECP256R1()))
        signers = {"authority": (self._name, self._key), "itself": (subject, key), "unsent intermediate": unsent}
        issuer, signing = signers[signed_by]
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        built = _built(subject, issuer, key.public_key(), days)
        built = built.add_extension(alternatives, critical=False)
        certificate = built.sign(signing, hashes.SHA256())
        pem = self._folder / f"site-{next(self._numbers)}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian's Python would take older ones
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(pem)
        return context


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _built(subject: x509.Name, issuer: x509.Name, key: Any, days: float) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
    return built.not_valid_before(now - timedelta(days=90)).not_valid_after(now + timedelta(days=days))
