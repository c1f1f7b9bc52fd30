"""Shakes hands with a site by TLS, several times, to see its certificate and what it agrees to; blocks."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from jobforge.autopilot.scanning.failures import TargetTimeout, TargetUnreachable, TlsFailed
from jobforge.autopilot.scanning.fetching import EVERY_CIPHER, lenient_context
from jobforge.autopilot.scanning.places import Place
from jobforge.autopilot.scanning.sightings import Certificate, TlsFacts

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module has no name for: dates are judged apart."""
R = TypeVar("R")


def look_at(place: Place, address: str, patience: float, authorities: Path | None) -> TlsFacts:
    """What the place's encryption is like, at this address, in a few seconds.

    ``authorities`` is a PEM file that takes the place of the system's. Raises ``TlsFailed`` if no encryption can be
    agreed on, ``TargetTimeout`` and ``TargetUnreachable``.
    """

    def shaken(context: ssl.SSLContext, then: Callable[[ssl.SSLSocket], R]) -> R:
        with socket.create_connection((address, place.port), timeout=patience) as line:
            line.settimeout(patience)
            with context.wrap_socket(line, server_hostname=place.host) as secured:
                return then(secured)

    def agreed() -> tuple[bytes, str, str]:
        try:
            return shaken(_modern(), _agreed)
        except ssl.SSLError:
            return shaken(lenient_context(), _agreed)

    def refused(context: ssl.SSLContext) -> str:
        try:
            shaken(context, _nothing)
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
        return ""

    def taken(version: ssl.TLSVersion) -> bool:
        try:
            shaken(_only(version), _nothing)
        except (ssl.SSLError, OSError):
            return False
        return True

    try:
        leaf, protocol, cipher = agreed()
        untrusted, misnamed = refused(_trusting(authorities)), refused(_naming(leaf))
    except TimeoutError as error:
        raise TargetTimeout(f"target: {place.authority} did not shake hands within {patience:g} s") from error
    except ssl.SSLError as error:
        raise TlsFailed(f"target: {place.authority} agreed on no encryption: {error}") from error
    except OSError as error:
        raise TargetUnreachable(f"target: {place.authority} did not take the connection: {error}") from error
    old = None
    if _speaks_old():
        old = tuple(each.name.replace("_", ".") for each in _old_versions() if taken(each))
    return TlsFacts(place, _certificate(leaf), protocol, cipher, untrusted, misnamed, old)


def _nothing(_line: ssl.SSLSocket) -> None:
    return None


def _agreed(line: ssl.SSLSocket) -> tuple[bytes, str, str]:
    cipher = line.cipher()
    return line.getpeercert(binary_form=True) or b"", line.version() or "", cipher[0] if cipher else ""


def _modern() -> ssl.SSLContext:
    """Offers what a browser would, and takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian's Python would offer older ones
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _trusting(authorities: Path | None) -> ssl.SSLContext:
    """Judges the chain alone, neither names nor dates."""
    context = ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    context.check_hostname = False
    return _any_age(context)


def _naming(leaf: bytes) -> ssl.SSLContext:
    """Judges the names alone: it trusts this very certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=leaf)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return _any_age(context)


def _any_age(context: ssl.SSLContext) -> ssl.SSLContext:
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers(EVERY_CIPHER)
    return context


def _old_versions() -> tuple[ssl.TLSVersion, ...]:
    return ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1


def _only(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = lenient_context()
    context.minimum_version = context.maximum_version = version
    return context


def _speaks_old() -> bool:
    """Whether this machine's OpenSSL can begin a handshake of the old protocols at all."""
    try:
        hello = ssl.MemoryBIO()
        _only(ssl.TLSVersion.TLSv1_1).wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
    except ssl.SSLWantReadError:
        return True
    except (ssl.SSLError, ValueError):
        return False
    return False


def _certificate(leaf: bytes) -> Certificate:
    from cryptography import x509

    try:
        read = x509.load_der_x509_certificate(leaf)
        alternatives = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(str(each.value) for each in alternatives)
    except x509.ExtensionNotFound:
        names = ()
    except ValueError as error:
        raise TlsFailed(f"target: the site shows a certificate that cannot be read: {error}") from error
    key, weak = _key(read.public_key())
    algorithm = read.signature_hash_algorithm
    return Certificate(
        subject=read.subject.rfc4514_string()[:200],
        issuer=read.issuer.rfc4514_string()[:200],
        names=names[:100],
        not_before=read.not_valid_before_utc,
        not_after=read.not_valid_after_utc,
        key=key,
        key_weak=weak,
        signature=algorithm.name if algorithm is not None else "",
    )


def _key(key: Any) -> tuple[str, bool]:
    """How the key is called, and whether it is too short: under 2048 bits of RSA or DSA, under 224 of a curve."""
    kind = type(key).__name__.lstrip("_").removesuffix("PublicKey")
    size = getattr(key, "key_size", None)
    if size is None:
        return kind, False
    return f"{kind} {size}", size < (224 if "Elliptic" in kind or kind == "EC" else 2048)
