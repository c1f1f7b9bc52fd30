"""The ways in which a cache is not purged; each keeps its code for ever."""

from jobforge.execution.errors import Retryable, Terminal


class CacheUnknown(Terminal):
    """The service has no cache of that name for the tenant."""

    code = "purge.cache_unknown"


class UrlRefused(Terminal):
    """A URL or prefix is none that may be purged in the cache."""

    code = "purge.url_refused"


class NotSupported(Terminal):
    """Caches of this kind cannot be asked for it."""

    code = "purge.not_supported"


class Refused(Terminal):
    """The cache answered that it will never do it."""

    code = "purge.refused"


class Untrusted(Terminal):
    """The cache could not prove who it is."""

    code = "purge.untrusted"


class CacheAway(Retryable):
    """The cache did not answer in time, so that nobody knows whether it did as asked."""

    code = "purge.cache_away"


class Deferred(Retryable):
    """The cache answered that it may do it later."""

    code = "purge.deferred"
