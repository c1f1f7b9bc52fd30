"""Which URLs a webhook may have."""

import pytest

from jobforge.settler.notifying.failures import TargetRefused
from jobforge.settler.notifying.targets import Allowed, Target, check_addresses

ALLOWED = Allowed(hosts=frozenset({"hooks.example.com", "b.example:8443"}), private_hosts=frozenset({"intern:8080"}))


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://hooks.example.com/a?b=c", "hooks.example.com"),
        ("https://HOOKS.example.com.:443/", "hooks.example.com"),
        ("https://b.example:8443", "b.example:8443"),
        ("http://intern:8080/x", "intern:8080"),
    ],
)
def test_a_listed_host_may_be_called_on_its_port(url: str, authority: str) -> None:
    """Spelling does not matter: case, a dot at the end, the scheme's own port."""
    assert ALLOWED.target(url).authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example.com/",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com.evil.example/",
        "https://hooks.example.com@evil.example/",
        "https://evil.example#hooks.example.com",
        "https://evil.example\\@hooks.example.com/",
        "http://hooks.example.com/",
        "https://user:password@hooks.example.com/",
        "https://intern/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "https://hooks.example.com:99999/",
        "https://[::1/",
        "hooks.example.com",
        "",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    """Other hosts, other ports, other schemes, and URLs that readers understand in two ways."""
    with pytest.raises(TargetRefused):
        ALLOWED.target(url)


def test_a_path_never_ends_the_request_line() -> None:
    """Blanks and line ends are encoded or gone."""
    path = ALLOWED.target("https://hooks.example.com/a b\r\nX: y/ü?q=1").path
    assert path.isascii()
    assert not set(path) & set(" \r\n")


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "fe80::1%eth0", "::ffff:127.0.0.1"])
def test_one_address_that_is_not_public_is_enough_to_refuse_a_host(address: str) -> None:
    """Also among public ones."""
    target = Target("https", "hooks.example.com", 443, "/", private=False)
    with pytest.raises(TargetRefused):
        check_addresses(target, ["1.1.1.1", address])
