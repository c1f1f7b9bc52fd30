"""The ways in which a scan fails; each keeps its code for ever."""

from jobforge.execution.errors import Retryable, Terminal


class TargetNotAllowed(Terminal):
    """The target, or what it redirects to, is none that this service may call."""

    code = "target.not_allowed"


class TargetMisbehaves(Terminal):
    """The target answers what is no HTTP, or redirects without end."""

    code = "target.misbehaves"


class PageTooCostly(Terminal):
    """Reading the page took more processor time or memory than it may take."""

    code = "page.too_costly"


class TargetUnresolvable(Retryable):
    """The target's name has no address now."""

    code = "target.unresolvable"


class TargetUnreachable(Retryable):
    """Nobody took the connection, or it was cut."""

    code = "target.unreachable"


class TargetTimeout(Retryable):
    """The target did not answer in time."""

    code = "target.timeout"


class TlsFailed(TargetUnreachable):
    """The connection was taken, but no encryption could be agreed on."""

    code = "target.tls_failed"
