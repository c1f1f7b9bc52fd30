"""A webhook is called at the address that was checked, under the run's key, and answers for itself."""

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

from jobforge.execution.errors import JobFailure
from jobforge.settler.notifying.failures import (
    Deferred,
    FarSideAway,
    NameUnresolved,
    Rejected,
    TargetRefused,
    Untrusted,
)
from jobforge.testkit.far_sides import web_server

FINISHED = UUID("00000000-0000-8000-8000-0000000000aa")


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


async def test_a_webhook_gets_the_key_and_the_same_bytes_from_every_attempt(sender: Any) -> None:
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
    sender: Any, status: int, failure: type[JobFailure]
) -> None:
    """A redirect is final too: it leads to where nobody checked."""
    with web_server() as hooks:
        hooks.answers.append((status, {"Location": hooks.url}))
        with pytest.raises(failure, match=str(status)):
            await sender.hook(hooks)
    assert len(hooks.received) == 1


async def test_a_webhook_says_how_long_to_wait(sender: Any) -> None:
    """Retry-After in seconds is kept; a date or nonsense is not."""
    with web_server() as hooks:
        hooks.answers += [(503, {"Retry-After": "30"}), (503, {"Retry-After": "soon"})]
        waits = []
        for _ in range(2):
            with pytest.raises(Deferred) as raised:
                await sender.hook(hooks)
            waits.append(raised.value.after and raised.value.after.total_seconds())
    assert waits == [30, None]


async def test_a_webhook_that_never_answers_is_given_up_in_time(sender: Any) -> None:
    """It takes the connection and stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        authority = f"127.0.0.1:{server.getsockname()[1]}"
        settings = {"webhook_private_hosts": authority, "send_timeout": 0.2}
        with pytest.raises(FarSideAway, match=r"within 0\.2 s"):
            await sender.send(settings, channel="webhook", recipient=f"http://{authority}/")


async def test_a_certificate_counts_for_the_hosts_name_though_its_address_is_called(
    sender: Any, localhost: tuple[ssl.SSLContext, ssl.SSLContext]
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


async def test_a_webhook_on_a_host_that_is_not_listed_is_refused_unasked(sender: Any) -> None:
    """The error names the setting and shows neither path nor query, which may hold a token."""
    with web_server() as hooks, pytest.raises(TargetRefused) as raised:
        await sender.send({}, channel="webhook", recipient=f"{hooks.url}?token=secret")
    assert "JOBFORGE_SETTLER_WEBHOOK_HOSTS" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert hooks.received == []


async def test_a_listed_host_with_a_private_address_is_refused_unasked(sender: Any) -> None:
    """A name that anybody may point at this machine; the list of public hosts does not open it."""
    port = free_port()
    with pytest.raises(TargetRefused, match="PRIVATE_HOSTS"):
        await sender.send(
            {"webhook_hosts": f"localhost:{port}"}, channel="webhook", recipient=f"https://localhost:{port}/"
        )


async def test_a_host_without_an_address_is_asked_for_again(sender: Any) -> None:
    """Names come and go."""
    host = "nobody.invalid"
    with pytest.raises(NameUnresolved, match=host):
        await sender.send({"webhook_hosts": host}, channel="webhook", recipient=f"https://{host}/")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
