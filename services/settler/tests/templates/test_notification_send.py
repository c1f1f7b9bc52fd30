"""A message leaves once: to a real mail server and a real web server, under the run's key."""

import json
import socket
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from jobforge.contracts.manifest import RunManifest
from jobforge.execution.errors import JobFailure
from jobforge.execution.redaction import REDACTED, redacted
from jobforge.settler.notifying.failures import (
    ChannelOff,
    Deferred,
    FarSideAway,
    Rejected,
    RunNotArchived,
    TargetRefused,
    Untrusted,
)
from jobforge.settler.notifying.post_office import DeliverySettings
from jobforge.settler.templates.notification_send import Inputs
from jobforge.testkit.far_sides import Mailbox, mail_server, web_server

FINISHED = UUID("00000000-0000-8000-8000-0000000000aa")


async def test_a_mail_carries_the_key_as_its_message_id_whichever_attempt_sends_it(sender: Any) -> None:
    """Two attempts, one Message-ID: who reads the mailbox sees that they are one."""
    with mail_server() as mailbox:
        first = await sender.mail(mailbox)
        sender.job.attempt = 2
        second = await sender.mail(mailbox)
    assert first.sent
    assert first.message_id == second.message_id == f"<{sender.job.run_id}.send@jobforge.example>"
    assert mailbox.ids == [first.message_id] * 2
    assert mailbox.mails[0]["Idempotency-Key"] == first.key
    assert first.answer == "250 taken"


async def test_a_mail_arrives_as_it_was_written(sender: Any) -> None:
    """Letters of any alphabet, lines that begin with a dot, and lines that look like headers."""
    body = "Grüße\n.\n.hidden\nBcc: eve@example.com\nЖ"
    with mail_server() as mailbox:
        await sender.mail(mailbox, subject="Vertrag läuft aus", body=body)
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Vertrag läuft aus"
    assert mail["To"] == "ada@example.com"
    assert mail["Bcc"] is None
    assert mail.get_content() == body + "\n"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [("451 greylisted", Deferred), ("421 too busy", Deferred), ("550 no such user", Rejected)],
)
async def test_what_a_mail_server_refuses_for_now_is_tried_again_and_the_rest_is_not(
    sender: Any, answer: str, failure: type[JobFailure]
) -> None:
    """4xx is temporary, 5xx is final; the message says what the server said."""
    with mail_server() as mailbox:
        mailbox.refusals.append(answer)
        with pytest.raises(failure, match=answer):
            await sender.mail(mailbox)
    assert mailbox.mails == []


async def test_a_refusal_does_not_repeat_the_recipient(sender: Any) -> None:
    """Errors are shown in manifests, where recipients are not."""
    with mail_server() as mailbox:
        mailbox.refusals.append("550 ada@example.com is unknown")
        with pytest.raises(Rejected) as raised:
            await sender.mail(mailbox)
    assert "ada@example.com" not in str(raised.value)


async def test_a_mail_server_that_hangs_up_after_the_mail_is_asked_again(sender: Any) -> None:
    """Nobody knows whether it took the mail, so the same Message-ID may be there twice."""
    with mail_server() as mailbox:
        mailbox.silent = True
        with pytest.raises(FarSideAway):
            await sender.mail(mailbox)
        mailbox.silent = False
        await sender.mail(mailbox)
    assert len(mailbox.ids) == 2
    assert len(set(mailbox.ids)) == 1


async def test_a_mail_server_that_is_not_there_is_asked_again(sender: Any) -> None:
    """Nobody listens on the port."""
    with pytest.raises(FarSideAway, match="did not answer"):
        await sender.mail(Mailbox(port=free_port()))


async def test_mail_never_falls_back_to_no_encryption(sender: Any) -> None:
    """A server without STARTTLS gets no mail where STARTTLS is set."""
    with mail_server() as mailbox, pytest.raises(Untrusted, match="JOBFORGE_SETTLER_SMTP_SECURITY"):
        await sender.mail(mailbox, security="starttls")
    assert mailbox.mails == []


def test_a_password_is_never_sent_in_the_clear() -> None:
    """Such a service does not start."""
    with pytest.raises(ValidationError, match="needs encryption"):
        DeliverySettings(smtp_host="m", smtp_sender="a@b", smtp_user="u", smtp_security="none")


async def test_a_finished_run_is_told_in_mail_and_webhook(sender: Any) -> None:
    """Its summary follows the body; programs get it as fields."""
    manifest = RunManifest(
        run_id=FINISHED,
        tenant_id="acme",
        template_key="settler.contract.process",
        status="complete",
        outputs={"title": "Lease", "clauses": {}, "perpetual": False},
    )
    await sender.store.write_manifest("acme", FINISHED, manifest.sealed().to_bytes())
    with mail_server() as mailbox, web_server() as hooks:
        await sender.mail(mailbox, run_id=str(FINISHED))
        await sender.hook(hooks, run_id=str(FINISHED), body=None)
    text = mailbox.mails[0].get_content()
    assert text.startswith("It expires soon.\n\nsettler.contract.process: complete\n")
    assert "title: Lease" in text
    assert json.loads(hooks.received[0].body)["run"]["outputs"] == {"title": "Lease", "perpetual": False}


async def test_a_run_of_another_tenant_is_as_unknown_as_one_that_has_not_ended(sender: Any) -> None:
    """Nothing leaves, and it is tried again: the run may end."""
    await sender.store.write_manifest("other", FINISHED, b"{}")
    with mail_server() as mailbox, pytest.raises(RunNotArchived):
        await sender.mail(mailbox, run_id=str(FINISHED))
    assert mailbox.mails == []


async def test_a_dry_run_sends_nothing(sender: Any) -> None:
    """It still refuses what could not be sent."""
    sender.job.dry_run = True
    with web_server() as hooks:
        assert not (await sender.hook(hooks)).sent
        assert hooks.received == []
        assert sender.job.effects["send"]["channel"] == "webhook"
        with pytest.raises(TargetRefused):
            await sender.hook(hooks, recipient="http://169.254.169.254/latest/")


async def test_without_a_mail_server_the_channel_is_off(sender: Any) -> None:
    """The error names the setting."""
    with pytest.raises(ChannelOff, match="JOBFORGE_SETTLER_SMTP_HOST"):
        await sender.send({}, channel="email", recipient="ada@example.com")


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "Hello\nBcc: eve@example.com"},
        {"recipient": "ada@example.com, eve@example.com"},
        {"recipient": "ada@example.com\r\nRCPT TO:<eve@example.com>"},
        {"recipient": "ada@"},
        {"body": None},
        {"smtp_host": "10.0.0.1"},
    ],
)
def test_inputs_that_say_nothing_or_more_than_one_message_are_refused(wrong: dict[str, Any]) -> None:
    """Headers and further recipients cannot be smuggled in; no input names a server."""
    given = {"channel": "email", "recipient": "ada@example.com", "subject": "Hello", "body": "Text", **wrong}
    with pytest.raises(ValidationError):
        Inputs.model_validate(given)


def test_manifests_show_neither_recipient_nor_text() -> None:
    """Who was told what is nobody else's."""
    given = {"channel": "email", "recipient": "ada@example.com", "subject": "Hello", "body": "Text"}
    assert redacted(Inputs, given) == {"channel": "email", **dict.fromkeys(("recipient", "subject", "body"), REDACTED)}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
