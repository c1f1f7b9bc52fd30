"""Which addresses a webhook may have: listed hosts alone, and public addresses unless the list says otherwise."""

from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from jobforge.chassis.public_addresses import is_public
from jobforge.settler.notifying.failures import TargetRefused

_PORTS = {"https": 443, "http": 80}
_IN_PATHS = "%/:?@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook that may be called; ``authority`` is the Host header, ``path`` begins with a slash."""

    scheme: str
    host: str
    port: int
    path: str
    private: bool

    @property
    def authority(self) -> str:
        """``host`` or ``host:port``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hosts as ``name`` (the scheme's own port) or ``name:port``, in lower case."""

    hosts: frozenset[str]
    private_hosts: frozenset[str]

    def target(self, url: str) -> Target:
        """The target that an URL names; raises ``TargetRefused`` with what to change. Never quotes path or query."""
        parts, host, port = _split(url)
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_IN_PATHS)
        target = Target(parts.scheme, host, port, path, private=False)
        if target.authority in self.private_hosts:
            return Target(parts.scheme, host, port, path, private=True)
        if target.authority not in self.hosts:
            raise TargetRefused(
                f"recipient: {target.authority} is not among the hosts that webhooks may call; "
                f"add it to JOBFORGE_SETTLER_WEBHOOK_HOSTS"
            )
        if parts.scheme != "https":
            raise TargetRefused(f"recipient: {target.authority} is called by http; use https")
        return target


def check_addresses(target: Target, addresses: list[str]) -> None:
    """Raises ``TargetRefused`` if any address that the name has is no public one."""
    if not target.private and not all(map(is_public, addresses)):
        raise TargetRefused(
            f"recipient: {target.authority} has a private address; if it is meant to be called, "
            f"add it to JOBFORGE_SETTLER_WEBHOOK_PRIVATE_HOSTS"
        )


def _split(url: str) -> tuple[SplitResult, str, int]:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        parts, host, port = SplitResult("", "", "", "", ""), "", None
    if parts.scheme not in _PORTS or not host or not host.isascii():
        raise TargetRefused("recipient: a webhook is an https URL with a host in ASCII")
    if parts.username is not None or parts.password is not None:
        raise TargetRefused("recipient: a webhook's URL holds no user and no password; use a token in its path")
    return parts, host, port or _PORTS[parts.scheme]
