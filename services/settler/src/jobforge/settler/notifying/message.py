"""A message as mail and as webhook; neither says which attempt made it."""

import json
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from jobforge.contracts.base import JsonObject

_MAIL = SMTP.clone(cte_type="7bit")
"""Mail in ASCII alone, so that any server takes it."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is told; ``key`` is the idempotency key, ``run`` the summary of the run that is told of."""

    key: str
    tenant_id: str
    subject: str
    body: str
    run: JsonObject | None = None


def message_id(key: str, sender: str) -> str:
    """The key as RFC 5322 writes a Message-ID, which has no colon: ``<run.step@domain>``."""
    return f"<{key.replace(':', '.')}@{sender.rpartition('@')[2]}>"


def as_mail(message: Message, *, sender: str, recipient: str, sent_at: datetime) -> bytes:
    """One plain-text mail; the key is in ``Message-ID`` and, as it is, in ``Idempotency-Key``."""
    mail = EmailMessage(_MAIL)
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(sent_at)
    mail["Message-ID"] = message_id(message.key, sender)
    mail["Idempotency-Key"] = message.key
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.body)
    return mail.as_bytes()


def as_json(message: Message) -> bytes:
    """The webhook's body: the same bytes for the same key, since far sides compare them."""
    told = {
        "key": message.key,
        "tenant_id": message.tenant_id,
        "subject": message.subject,
        "body": message.body,
        "run": message.run,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
