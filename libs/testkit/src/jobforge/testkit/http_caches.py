"""Real HTTP caches for tests: Varnish or nginx before an origin whose every answer is another."""

import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import pytest

from jobforge.native.ports import LOOPBACK, free_ports

SITE = "www.example.com"
_NGINX_PACKAGES = "nginx-light libnginx-mod-http-cache-purge"
_VCL = """
vcl 4.1;
import std;
backend origin { .host = "127.0.0.1"; .port = "%(origin)d"; }
acl purgers { "127.0.0.1"; }
sub vcl_recv {
    if (req.method == "PURGE" || req.method == "BAN") {
        if (%(closed)s || client.ip !~ purgers) { return (synth(405)); }
    }
    if (req.method == "PURGE") { return (purge); }
    if (req.method == "BAN") {
        set req.http.X-Ban = "obj.http.x-host ~ " + req.http.X-Host + " && obj.http.x-url ~ " + req.http.X-Url
            + " && obj.http.content-type ~ " + req.http.X-Content-Type;
        if (req.http.X-Cache-Tags) {
            set req.http.X-Ban = req.http.X-Ban + " && obj.http.x-cache-tags ~ " + req.http.X-Cache-Tags;
        }
        if (std.ban(req.http.X-Ban)) { return (synth(200)); }
        return (synth(400, std.ban_error()));
    }
}
sub vcl_backend_response {
    set beresp.ttl = 1h;
    set beresp.http.X-Host = bereq.http.host;
    set beresp.http.X-Url = bereq.url;
}
"""
_NGINX = """
daemon off; master_process off; pid %(folder)s/pid;
load_module %(module)s;
events {}
http {
    access_log off; client_body_temp_path %(folder)s/body; proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi; uwsgi_temp_path %(folder)s/uwsgi; scgi_temp_path %(folder)s/scgi;
    proxy_cache_path %(folder)s/cache keys_zone=pages:1m;
    server {
        listen 127.0.0.1:%(port)d;
        location ~ ^/purge(/.*) { proxy_cache_purge pages $host$1$is_args$args; }
        location / {
            proxy_pass http://127.0.0.1:%(origin)d; proxy_set_header Host $host;
            proxy_cache pages; proxy_cache_key $host$uri$is_args$args; proxy_cache_valid 200 1h;
        }
    }
}
"""


@dataclass(frozen=True)
class HttpCache:
    """A running cache. Varnish takes PURGE, and BAN with X-Host, X-Url, X-Content-Type and X-Cache-Tags."""

    port: int

    @property
    def url(self) -> str:
        """Its own address."""
        return f"http://{LOOPBACK}:{self.port}"

    def read(self, path: str, host: str = SITE) -> str:
        """What a visitor gets: ``<host><path> #<n>``, the n-th answer that the origin gave for it."""
        return _get(self.port, path, host)


@dataclass
class Gate:
    """A way to a cache on which answers wait while ``open`` is clear: the cache has done as asked by then."""

    url: str = ""
    open: threading.Event = field(default_factory=threading.Event)
    keys: list[str] = field(default_factory=list)
    """The Idempotency-Key of each request that the cache has answered."""


@contextmanager
def varnish(*, closed: bool = False) -> Iterator[HttpCache]:
    """A Varnish of its own; ``closed`` to whoever would purge. Answers carry a tag: their path's first part.

    Without ``varnishd`` the test is skipped on a developer's machine, and fails where ``CI`` is set.
    """
    program = _program("varnishd", "varnish")
    with _origin() as origin, TemporaryDirectory(prefix="varnish-") as folder:
        (port,) = free_ports(1)
        vcl = Path(folder) / "cache.vcl"
        vcl.write_text(_VCL % {"origin": origin, "closed": "true" if closed else "false"})
        options = ["-n", f"{folder}/work", "-a", f"{LOOPBACK}:{port}", "-f", str(vcl), "-s", "malloc,16m"]
        with _running([program, "-F", "-j", "none", "-T", "none", *options], port, Path(folder) / "log"):
            yield HttpCache(port)


@contextmanager
def nginx() -> Iterator[HttpCache]:
    """An nginx with its purge module: it takes a GET of a page below ``/purge``."""
    program = _program("nginx", _NGINX_PACKAGES)
    module = Path("/usr/lib/nginx/modules/ngx_http_cache_purge_module.so")
    if not module.exists():
        _missing(str(module), _NGINX_PACKAGES)
    with _origin() as origin, TemporaryDirectory(prefix="nginx-") as folder:
        (port,) = free_ports(1)
        settings = Path(folder) / "nginx.conf"
        settings.write_text(_NGINX % {"origin": origin, "folder": folder, "module": module, "port": port})
        with _running([program, "-p", folder, "-e", "stderr", "-c", str(settings)], port, Path(folder) / "log"):
            yield HttpCache(port)


@contextmanager
def gate(cache: HttpCache) -> Iterator[Gate]:
    """An open gate before a cache."""
    there = Gate()
    there.open.set()

    class Handler(_Quiet):
        def do_PURGE(self) -> None:
            connection = HTTPConnection(LOOPBACK, cache.port, timeout=30)
            connection.request("PURGE", self.path, headers=dict(self.headers.items()))
            status = connection.getresponse().status
            connection.close()
            there.keys.append(self.headers["Idempotency-Key"])
            there.open.wait()
            self.answer(status, b"")

    with _serving(Handler) as port:
        there.url = f"http://{LOOPBACK}:{port}"
        try:
            yield there
        finally:
            there.open.set()


def _program(name: str, packages: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    return found or _missing(name, packages)


def _missing(what: str, packages: str) -> NoReturn:
    reason = f"{what} is missing: apt-get install {packages}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def _running(command: list[str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        _wait_ready(running, port, log)
        yield
    finally:
        running.terminate()
        running.wait()


class _Quiet(BaseHTTPRequestHandler):
    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        pass


@contextmanager
def _origin() -> Iterator[int]:
    answered: Counter[str] = Counter()

    class Handler(_Quiet):
        def do_GET(self) -> None:
            what = f"{self.headers['Host']}{self.path}"
            answered[what] += 1
            tag = self.path.split("/")[1]
            self.answer(200, f"{what} #{answered[what]}".encode(), Content_Type="text/plain", X_Cache_Tags=f"all,{tag}")

    with _serving(Handler) as port:
        yield port


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _get(port: int, path: str, host: str) -> str:
    connection = HTTPConnection(LOOPBACK, port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def _wait_ready(running: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if running.poll() is not None:
            raise AssertionError(f"the cache ended: {log.read_text()}")
        try:
            _get(port, "/ready", "ready.example")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the cache is not ready: {log.read_text()}")
