"""Addresses that only this machine, its network or its cloud can reach are told from public ones."""

import pytest

from jobforge.chassis.public_addresses import is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
        "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16", "::", "::1", "fe80::1",
        "fe80::1%eth0", "fd00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "2002:7f00:1::",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    ],
)  # fmt: skip
def test_addresses_that_are_not_of_the_public_internet(address: str) -> None:
    """Also where IPv6 wraps them."""
    assert not is_public(address)


def test_an_address_of_the_loopback_in_the_old_compatible_form_passed_as_public() -> None:
    """``::127.0.0.1`` is reserved, though the standard library calls it global."""
    assert not is_public("::127.0.0.1")


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_of_the_public_internet(address: str) -> None:
    """They may be called."""
    assert is_public(address)
