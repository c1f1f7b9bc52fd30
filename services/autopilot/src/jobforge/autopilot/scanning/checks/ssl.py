"""Judges a site's encryption: its certificate's chain, names and dates, and the protocols and ciphers it takes."""

from datetime import datetime, timedelta

from jobforge.autopilot.scanning.results import Check, Finding, Severity, examples, judged
from jobforge.autopilot.scanning.sightings import Certificate, Sightings, TlsFacts

SOON = timedelta(days=7)
NEAR = timedelta(days=30)
_MODERN = ("TLSv1.2", "TLSv1.3")
_AUTHENTICATED = ("GCM", "CHACHA20", "CCM")


def check(seen: Sightings) -> Check:
    """A site without encryption fails, and so does one whose certificate browsers refuse."""
    if seen.tls_failed:
        message = "No encryption could be agreed on: see to the server's certificate and protocols."
        return judged("ssl", [Finding(id="ssl.failed", severity="high", message=message, evidence=seen.tls_failed)], {})
    if seen.tls is None:
        message = "The site is served without encryption: get a certificate, and redirect http to https."
        return judged(
            "ssl", [Finding(id="ssl.absent", severity="high", message=message, evidence=seen.asked.origin)], {}
        )
    tls = seen.tls
    certificate = tls.certificate
    findings = [*_chain(tls), *_dates(certificate, seen.seen_at), *_strength(certificate), *_agreement(tls)]
    if seen.page.place.scheme == "http":
        message = "The encrypted site leads to a page without encryption: serve all of it by https."
        findings.append(Finding(id="ssl.given_up", severity="high", message=message, evidence=seen.page.place.origin))
    if seen.asked.scheme == "http":
        message = "The address begins with http: link to https, so that the first request cannot be read or changed."
        findings.append(Finding(id="ssl.reached_by_http", severity="info", message=message, evidence=seen.asked.origin))
    measured = {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": list(certificate.names[:20]),
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "days_left": (certificate.not_after - seen.seen_at).days,
        "key": certificate.key,
        "signature": certificate.signature,
        "chain_trusted": not tls.untrusted,
        "names_match": not tls.misnamed,
        "protocol": tls.protocol,
        "cipher": tls.cipher,
        "old_protocols": None if tls.old_protocols is None else list(tls.old_protocols),
    }
    return judged("ssl", findings, measured)


def _chain(tls: TlsFacts) -> list[Finding]:
    findings = []
    if tls.untrusted:
        message = "Browsers do not trust the certificate: use one of a public authority, and send its intermediates."
        evidence = f"{tls.untrusted}; issued by {tls.certificate.issuer}"
        findings.append(Finding(id="ssl.untrusted", severity="high", message=message, evidence=evidence))
    if tls.misnamed:
        message = f"The certificate is not for {tls.place.host}: get one that names it."
        evidence = f"it names {examples(tls.certificate.names) or 'nothing'}"
        findings.append(Finding(id="ssl.wrong_name", severity="high", message=message, evidence=evidence))
    return findings


def _dates(certificate: Certificate, now: datetime) -> list[Finding]:
    left = certificate.not_after - now
    evidence = f"valid from {certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d} (UTC)"
    if certificate.not_before > now:
        message = "The certificate is not valid yet: browsers refuse it until then."
        return [Finding(id="ssl.not_yet_valid", severity="high", message=message, evidence=evidence)]
    if left <= timedelta():
        message = "The certificate has expired: renew it, and have it renewed by a program."
        return [Finding(id="ssl.expired", severity="high", message=message, evidence=evidence)]
    if left >= NEAR:
        return []
    message = f"The certificate expires in {left.days} days: renew it, and have it renewed by a program."
    severity: Severity = "high" if left < SOON else "medium"
    return [Finding(id="ssl.expires_soon", severity=severity, message=message, evidence=evidence)]


def _strength(certificate: Certificate) -> list[Finding]:
    findings = []
    if certificate.key_weak:
        message = "The certificate's key is too short: use RSA with 2048 bits, or a curve such as P-256."
        findings.append(Finding(id="ssl.weak_key", severity="high", message=message, evidence=certificate.key))
    if certificate.signature in ("md5", "sha1"):
        message = "The certificate is signed with a broken hash: get one that is signed with SHA-256."
        evidence = certificate.signature
        findings.append(Finding(id="ssl.weak_signature", severity="high", message=message, evidence=evidence))
    return findings


def _agreement(tls: TlsFacts) -> list[Finding]:
    findings = []
    if tls.protocol not in _MODERN:
        message = "The best protocol that the site takes is obsolete: switch on TLS 1.2 and 1.3."
        findings.append(Finding(id="ssl.protocol_obsolete", severity="high", message=message, evidence=tls.protocol))
    elif tls.old_protocols:
        message = "The site still takes obsolete protocols: switch off everything before TLS 1.2."
        evidence = ", ".join(tls.old_protocols)
        findings.append(Finding(id="ssl.protocol_old", severity="medium", message=message, evidence=evidence))
    evidence = f"{tls.protocol}, {tls.cipher}"
    if not any(name in tls.cipher for name in _AUTHENTICATED):
        message = "The cipher does not authenticate what it encrypts: prefer AES-GCM or ChaCha20."
        findings.append(Finding(id="ssl.weak_cipher", severity="medium", message=message, evidence=evidence))
    if tls.protocol != "TLSv1.3" and "DHE" not in tls.cipher:
        message = "Recorded traffic can be read by who gets the key later: prefer ciphers with ECDHE."
        findings.append(Finding(id="ssl.no_forward_secrecy", severity="medium", message=message, evidence=evidence))
    return findings
