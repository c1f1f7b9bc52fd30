"""Hands a mail to an SMTP server; blocks, so it runs in a thread."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from jobforge.settler.notifying.failures import Deferred, FarSideAway, Rejected, Untrusted

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in; ``patience`` is how many seconds each answer may take."""

    host: str
    port: int
    security: Security
    sender: str
    user: str
    password: str
    patience: float


def hand_in(server: MailServer, mail: bytes, recipient: str, trust: ssl.SSLContext) -> str:
    """The server's answer to the whole mail; raises a ``Retryable`` or ``Terminal``."""
    try:
        connection = _connected(server, trust)
        try:
            _introduce(server, connection, trust)
            _expect(*connection.mail(server.sender))
            _expect(*connection.rcpt(recipient))
            return _expect(*connection.data(mail)).replace(recipient, "[recipient]")
        finally:
            # The mail is taken or not by now; how the talk ends changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()
            connection.close()
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error, recipient) from error
    except ssl.SSLCertVerificationError as error:
        raise Untrusted(f"the mail server {server.host} has no certificate that is trusted here") from error
    except smtplib.SMTPServerDisconnected as error:
        raise FarSideAway(f"the mail server {server.host}:{server.port} hung up: {error!s:.200}") from error
    except smtplib.SMTPException as error:
        raise Untrusted(
            f"the mail server {server.host} does not offer what JOBFORGE_SETTLER_SMTP_SECURITY and _SMTP_USER ask "
            f"for: {error!s:.200}"
        ) from error
    except OSError as error:
        raise FarSideAway(f"the mail server {server.host}:{server.port} did not answer: {error!s:.200}") from error


def _connected(server: MailServer, trust: ssl.SSLContext) -> smtplib.SMTP:
    name = server.sender.rpartition("@")[2]
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, name, timeout=server.patience, context=trust)
    return smtplib.SMTP(server.host, server.port, name, timeout=server.patience)


def _introduce(server: MailServer, connection: smtplib.SMTP, trust: ssl.SSLContext) -> None:
    connection.ehlo_or_helo_if_needed()
    if server.security == "starttls":
        connection.starttls(context=trust)
        connection.ehlo_or_helo_if_needed()
    if server.user:
        connection.login(server.user, server.password)


def _expect(code: int, answer: bytes) -> str:
    if not 200 <= code < 300:
        raise smtplib.SMTPResponseException(code, answer)
    return f"{code} {answer.decode(errors='replace')}"[:200]


def _refusal(code: int, answer: bytes | str, recipient: str) -> Deferred | Rejected:
    said = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    # Errors are shown where recipients are not.
    told = f"the mail server answered {code} {said.replace(recipient, '[recipient]')[:200]}"
    return Deferred(told) if 400 <= code < 500 else Rejected(told)
