"""Which caches there are and what may be purged in each; the service's settings alone say so."""

from typing import Annotated, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.contracts.base import TenantId
from jobforge.readylayer.purging.failures import CacheUnknown, UrlRefused

SETTING = "JOBFORGE_READYLAYER_CACHES"
_IN_PATHS = "%/:?@!$&'()*+,;=~-._"
_SCHEMES = ("http", "https")

Kind = Literal["purge", "ban", "nginx", "cloudflare", "fastly"]
"""How a cache is asked: PURGE or BAN requests, nginx's purge location, Cloudflare's or Fastly's HTTP API."""
Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]{1,253}(:[0-9]{1,5})?$")]


class Cache(BaseModel):
    """One cache. Its address is called as it stands: no input changes it, and no redirect is followed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    url: str = Field(description="The cache itself, such as http://10.0.0.7:6081, or the API's base address.")
    hosts: tuple[Host, ...] = Field(min_length=1, description="Hosts whose URLs may be purged.")
    tenants: tuple[TenantId, ...] = Field(default=(), description="Who may purge it; without any, every tenant.")
    zone: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$", description="Cloudflare's zone or Fastly's service.")
    token: SecretStr = Field(default=SecretStr(""), description="The API's token.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in _SCHEMES or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError("url: give http(s)://host[:port][/base], without user, query or fragment")
        if self.kind in ("cloudflare", "fastly") and not (self.zone and self.token.get_secret_value()):
            raise ValueError(f"zone, token: {self.kind} needs both")
        return self

    @property
    def base(self) -> str:
        """The address without a slash at its end."""
        return self.url.rstrip("/")


class Address(BaseModel):
    """A URL or prefix that may be purged, percent-encoded: ``scheme://host`` and ``path`` with its query."""

    model_config = ConfigDict(frozen=True)

    scheme: str
    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}"


class CacheSettings(BaseSettings):
    """``JOBFORGE_READYLAYER_CACHES``: a JSON object of caches by name. Nothing is purged until there is one."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_READYLAYER_", frozen=True, extra="ignore")

    caches: dict[str, Cache] = Field(default_factory=dict)
    purge_timeout: float = Field(default=10.0, gt=0, le=30, description="Seconds for each of a cache's answers.")

    def cache(self, name: str, tenant_id: str) -> Cache:
        """The cache of that name; raises ``CacheUnknown``, also for one of other tenants."""
        mine = {key: cache for key, cache in self.caches.items() if not cache.tenants or tenant_id in cache.tenants}
        if name not in mine:
            known = ", ".join(sorted(mine)) or "none"
            raise CacheUnknown(f"cache: there is no {name} (known: {known}); add it to {SETTING}")
        return mine[name]


def address(cache: Cache, field: str, url: str) -> Address:
    """The URL as it is purged, or a path at the cache's first host; raises ``UrlRefused`` with what to change."""
    try:
        path_alone = url.startswith("/") and not url.startswith("//")
        parts = urlsplit(f"https://{cache.hosts[0]}{url}" if path_alone else url)
        host = parts.netloc.lower()
    except ValueError:
        raise UrlRefused(f"{field}: {url[:200]!r} is not a URL; give http(s)://host/path, or a path") from None
    if parts.scheme not in _SCHEMES or not host:
        raise UrlRefused(f"{field}: {url[:200]!r} is not a URL; give http(s)://host/path, or a path")
    if host not in cache.hosts:
        raise UrlRefused(
            f"{field}: {host[:200]} is not among the hosts of this cache ({', '.join(cache.hosts)}); "
            f"add it to `hosts` in {SETTING}"
        )
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_IN_PATHS)
    return Address(scheme=parts.scheme, host=host, path=path)
