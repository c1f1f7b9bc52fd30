"""Tells somebody outside something, once: by mail or by webhook, with the run's key on it."""

import re
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from jobforge.contracts.base import StrictInput
from jobforge.execution.job import Job
from jobforge.execution.redaction import sensitive
from jobforge.execution.template import template
from jobforge.settler.notifying.message import Message, message_id
from jobforge.settler.notifying.post_office import PostOffice
from jobforge.settler.notifying.run_summary import as_text, summarise

STEP = "send"
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a subject is one line without control characters")
    return text


class Inputs(StrictInput):
    """Whom to tell what; at least one of ``body`` and ``run_id``."""

    channel: Literal["email", "webhook"]
    recipient: str = sensitive(min_length=1, max_length=2000, description="One mail address, or the webhook's URL.")
    subject: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_one_line)] = sensitive()
    body: str | None = sensitive(default=None, min_length=1, max_length=100_000, description="Plain text.")
    run_id: UUID | None = Field(default=None, description="A finished run of the tenant, summarised below the body.")

    @model_validator(mode="after")
    def _whole(self) -> "Inputs":
        if self.body is None and self.run_id is None:
            raise ValueError("body: give a body, a run_id, or both")
        if self.channel == "email" and not _MAILBOX.fullmatch(self.recipient):
            raise ValueError("recipient: mail goes to one address such as name@example.com, in ASCII")
        return self


class Outputs(BaseModel):
    """What was handed over, and what the far side said."""

    channel: Literal["email", "webhook"]
    key: str | None = Field(
        description="The idempotency key: the same for every attempt and every replay of the run. Null in a dry run."
    )
    message_id: str | None = Field(description="The mail's Message-ID; null for a webhook, and in a dry run.")
    sent: bool = Field(description="False in a dry run, which checks everything but the far side.")
    answer: str | None = Field(description="What the mail server said, or the webhook's status.")


@template(
    "settler.notification.send",
    scopes={"settler:notify"},
    timeout=timedelta(seconds=60),
    attempts=6,
    effects="keyed",
    backoff=timedelta(seconds=5),
)
async def run(inputs: Inputs, job: Job, *, post_office: PostOffice) -> Outputs:
    """Send one message by e-mail or webhook; the far side sees the same key however often the run is tried."""
    server = post_office.check_mail() if inputs.channel == "email" else None
    if server is None:
        post_office.check_webhook(inputs.recipient)
    summary = None if inputs.run_id is None else summarise(await post_office.manifest(job.tenant_id, inputs.run_id))
    text = "\n\n".join(part for part in (inputs.body, summary and as_text(summary)) if part)

    async def send(key: str) -> Outputs:
        message = Message(key, job.tenant_id, inputs.subject, text, summary)
        if server is None:
            answer = await post_office.webhook(inputs.recipient, message)
            return Outputs(channel="webhook", key=key, message_id=None, sent=True, answer=answer)
        answer = await post_office.mail(job, inputs.recipient, message)
        return Outputs(channel="email", key=key, message_id=message_id(key, server.sender), sent=True, answer=answer)

    planned = Outputs(channel=inputs.channel, key=None, message_id=None, sent=False, answer=None)
    return await job.effect(STEP, send, channel=inputs.channel, characters=len(text)) or planned
