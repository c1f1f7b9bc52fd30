"""A message leaves once: to a real mail server and a real web server, under the run's key."""

import json
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.contracts.manifest import RunManifest
from jobforge.execution.errors import JobFailure
from jobforge.execution.redaction import REDACTED, redacted
from jobforge.settler.notifying.failures import (
    ChannelOff,
    Deferred,
    FarSideAway,
    NameUnresolved,
    Rejected,
    RunNotArchived,
    TargetRefused,
    Untrusted,
)
from jobforge.settler.notifying.post_office import DeliverySettings, PostOffice
from jobforge.settler.templates.notification_send import Inputs, Outputs, run
from jobforge.testkit.far_sides import Hooks, Mailbox, mail_server, web_server

FINISHED = UUID("00000000-0000-8000-8000-0000000000aa")


class Sender:
    """Sends by settings of a test, with a store of its own."""

    def __init__(self, job: Any, store: ArtifactStore) -> None:
        self.job = job
        self.store = store

    async def send(self, settings: dict[str, Any], trust: ssl.SSLContext | None = None, **inputs: Any) -> Outputs:
        given = {"subject": "Contract read", "body": "It expires soon.", **inputs}
        office = PostOffice(DeliverySettings(**settings), self.store, trust=trust)
        outputs = await run(Inputs.model_validate(given), self.job, post_office=office)
        assert isinstance(outputs, Outputs)
        return outputs

    async def mail(self, mailbox: Mailbox, recipient: str = "ada@example.com", **inputs: Any) -> Outputs:
        settings = {
            "smtp_host": "127.0.0.1",
            "smtp_port": mailbox.port,
            "smtp_security": inputs.pop("security", "none"),
            "smtp_sender": "plane@jobforge.example",
        }
        return await self.send(settings, channel="email", recipient=recipient, **inputs)

    async def hook(self, hooks: Hooks, **inputs: Any) -> Outputs:
        given = {"channel": "webhook", "recipient": hooks.url, **inputs}
        return await self.send({"webhook_private_hosts": hooks.authority}, **given)


@pytest.fixture
def sender(recording_job: Any, tmp_path: Path) -> Sender:
    return Sender(recording_job, ArtifactStore(tmp_path.as_uri()))


@pytest.fixture
def localhost(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `localhost`, and a client's that trusts it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "localhost.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=pem)


async def test_a_mail_carries_the_key_as_its_message_id_whichever_attempt_sends_it(sender: Sender) -> None:
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


async def test_a_mail_arrives_as_it_was_written(sender: Sender) -> None:
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
    sender: Sender, answer: str, failure: type[JobFailure]
) -> None:
    """4xx is temporary, 5xx is final; the message says what the server said."""
    with mail_server() as mailbox:
        mailbox.refusals.append(answer)
        with pytest.raises(failure, match=answer):
            await sender.mail(mailbox)
    assert mailbox.mails == []


async def test_a_refusal_does_not_repeat_the_recipient(sender: Sender) -> None:
    """Errors are shown in manifests, where recipients are not."""
    with mail_server() as mailbox:
        mailbox.refusals.append("550 ada@example.com is unknown")
        with pytest.raises(Rejected) as raised:
            await sender.mail(mailbox)
    assert "ada@example.com" not in str(raised.value)


async def test_a_mail_server_that_hangs_up_after_the_mail_is_asked_again(sender: Sender) -> None:
    """Nobody knows whether it took the mail, so the same Message-ID may be there twice."""
    with mail_server() as mailbox:
        mailbox.silent = True
        with pytest.raises(FarSideAway):
            await sender.mail(mailbox)
        mailbox.silent = False
        await sender.mail(mailbox)
    assert len(mailbox.ids) == 2
    assert len(set(mailbox.ids)) == 1


async def test_a_mail_server_that_is_not_there_is_asked_again(sender: Sender) -> None:
    """Nobody listens on the port."""
    with pytest.raises(FarSideAway, match="did not answer"):
        await sender.mail(Mailbox(port=free_port()))


async def test_mail_never_falls_back_to_no_encryption(sender: Sender) -> None:
    """A server without STARTTLS gets no mail where STARTTLS is set."""
    with mail_server() as mailbox, pytest.raises(Untrusted, match="JOBFORGE_SETTLER_SMTP_SECURITY"):
        await sender.mail(mailbox, security="starttls")
    assert mailbox.mails == []


def test_a_password_is_never_sent_in_the_clear() -> None:
    """Such a service does not start."""
    with pytest.raises(ValidationError, match="needs encryption"):
        DeliverySettings(smtp_host="m", smtp_sender="a@b", smtp_user="u", smtp_security="none")


async def test_a_webhook_gets_the_key_and_the_same_bytes_from_every_attempt(sender: Sender) -> None:
    """So that a far side that compares bodies sees one request, twice."""
    with web_server() as hooks:
        first = await sender.hook(hooks)
        sender.job.attempt = 2
        await sender.hook(hooks)
    assert hooks.keys == [first.key] * 2
    assert hooks.received[0].body == hooks.received[1].body
    assert json.loads(hooks.received[0].body) == {
        "key": first.key,
        "tenant_id": "acme",
        "subject": "Contract read",
        "body": "It expires soon.",
        "run": None,
    }
    assert hooks.received[0].headers["host"] == hooks.authority
    assert (first.sent, first.answer, first.message_id) == (True, "200", None)


@pytest.mark.parametrize(
    ("status", "failure"),
    [(500, Deferred), (503, Deferred), (429, Deferred), (302, Rejected), (400, Rejected), (409, Rejected)],
)
async def test_what_a_webhook_cannot_take_now_is_tried_again_and_the_rest_is_not(
    sender: Sender, status: int, failure: type[JobFailure]
) -> None:
    """A redirect is final too: it leads to where nobody checked."""
    with web_server() as hooks:
        hooks.answers.append((status, {"Location": hooks.url}))
        with pytest.raises(failure, match=str(status)):
            await sender.hook(hooks)
    assert len(hooks.received) == 1


async def test_a_webhook_says_how_long_to_wait(sender: Sender) -> None:
    """Retry-After in seconds is kept; a date or nonsense is not."""
    with web_server() as hooks:
        hooks.answers += [(503, {"Retry-After": "30"}), (503, {"Retry-After": "soon"})]
        waits = []
        for _ in range(2):
            with pytest.raises(Deferred) as raised:
                await sender.hook(hooks)
            waits.append(raised.value.after and raised.value.after.total_seconds())
    assert waits == [30, None]


async def test_a_webhook_that_never_answers_is_given_up_in_time(sender: Sender) -> None:
    """It takes the connection and stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        authority = f"127.0.0.1:{server.getsockname()[1]}"
        settings = {"webhook_private_hosts": authority, "send_timeout": 0.2}
        with pytest.raises(FarSideAway, match=r"within 0\.2 s"):
            await sender.send(settings, channel="webhook", recipient=f"http://{authority}/")


async def test_a_certificate_counts_for_the_hosts_name_though_its_address_is_called(
    sender: Sender, localhost: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """It is signed for `localhost`: with that name it is trusted, with the address alone it is not."""
    server, client = localhost
    with web_server(server) as hooks:
        port = hooks.authority.partition(":")[2]
        settings = {"webhook_private_hosts": f"localhost:{port},{hooks.authority}"}
        named, bare = f"https://localhost:{port}/", f"https://127.0.0.1:{port}/"
        assert (await sender.send(settings, trust=client, channel="webhook", recipient=named)).sent
        with pytest.raises(Untrusted):
            await sender.send(settings, trust=client, channel="webhook", recipient=bare)
        with pytest.raises(Untrusted):
            await sender.send(settings, channel="webhook", recipient=named)
    assert len(hooks.received) == 1
    assert hooks.received[0].headers["host"] == f"localhost:{port}"


async def test_a_webhook_on_a_host_that_is_not_listed_is_refused_unasked(sender: Sender) -> None:
    """The error names the setting and shows neither path nor query, which may hold a token."""
    with web_server() as hooks, pytest.raises(TargetRefused) as raised:
        await sender.send({}, channel="webhook", recipient=f"{hooks.url}?token=secret")
    assert "JOBFORGE_SETTLER_WEBHOOK_HOSTS" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert hooks.received == []


async def test_a_listed_host_with_a_private_address_is_refused_unasked(sender: Sender) -> None:
    """A name that anybody may point at this machine; the list of public hosts does not open it."""
    port = free_port()
    with pytest.raises(TargetRefused, match="PRIVATE_HOSTS"):
        await sender.send(
            {"webhook_hosts": f"localhost:{port}"}, channel="webhook", recipient=f"https://localhost:{port}/"
        )


async def test_a_host_without_an_address_is_asked_for_again(sender: Sender) -> None:
    """Names come and go."""
    host = "nobody.invalid"
    with pytest.raises(NameUnresolved, match=host):
        await sender.send({"webhook_hosts": host}, channel="webhook", recipient=f"https://{host}/")


async def test_a_finished_run_is_told_in_mail_and_webhook(sender: Sender) -> None:
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


async def test_a_run_of_another_tenant_is_as_unknown_as_one_that_has_not_ended(sender: Sender) -> None:
    """Nothing leaves, and it is tried again: the run may end."""
    await sender.store.write_manifest("other", FINISHED, b"{}")
    with mail_server() as mailbox, pytest.raises(RunNotArchived):
        await sender.mail(mailbox, run_id=str(FINISHED))
    assert mailbox.mails == []


async def test_a_dry_run_sends_nothing(sender: Sender) -> None:
    """It still refuses what could not be sent."""
    sender.job.dry_run = True
    with web_server() as hooks:
        assert not (await sender.hook(hooks)).sent
        assert hooks.received == []
        with pytest.raises(TargetRefused):
            await sender.hook(hooks, recipient="http://169.254.169.254/latest/")


async def test_without_a_mail_server_the_channel_is_off(sender: Sender) -> None:
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
