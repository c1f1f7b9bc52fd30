"""A place on the web: an URL taken apart, with all that could mislead refused."""

from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from jobforge.autopilot.scanning.failures import TargetNotAllowed

LONGEST = 8_000
"""Characters of path and query."""
_PORTS = {"https": 443, "http": 80}
_IN_PATHS = "%/:?@!$&'()*+,;=~-._[]"


@dataclass(frozen=True, slots=True)
class Place:
    """Scheme, host in lower case without brackets, port, and path with query, which begins with a slash."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """``host``, or ``host:port`` where the port is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole URL."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def origin(self) -> str:
        """The URL without path and query."""
        return f"{self.scheme}://{self.authority}"

    def joined(self, reference: str) -> "Place":
        """Where a link or a redirect of this place leads; raises ``TargetNotAllowed`` if that is no web page."""
        try:
            return place_of(urljoin(self.url, reference.strip()))
        except ValueError:
            raise TargetNotAllowed(f"target: {self.origin} leads to something that is no URL") from None


def place_of(url: str) -> Place:
    """The place that an URL names; raises ``TargetNotAllowed`` and never quotes path or query."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        if not host.isascii():
            host = host.encode("idna").decode()
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_IN_PATHS)
    except ValueError:
        raise TargetNotAllowed("target: this is no URL; write https://host/path") from None
    if len(path) > LONGEST:
        raise TargetNotAllowed(f"target: the URL's path and query have more than {LONGEST} characters; shorten them")
    if parts.scheme not in _PORTS or not host or any(each.isspace() or not each.isprintable() for each in host):
        raise TargetNotAllowed("target: only http and https URLs with a host are scanned; write https://host/path")
    if parts.username is not None or parts.password is not None:
        raise TargetNotAllowed("target: the URL holds a user or a password; leave them out, scans sign in nowhere")
    return Place(parts.scheme, host, port or _PORTS[parts.scheme], path)
