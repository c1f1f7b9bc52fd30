"""Contracts written on the spot, and a sender of messages with settings of a test."""

import io
import ssl
from pathlib import Path
from typing import Any

import docx
import pytest

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.settler.notifying.post_office import DeliverySettings, PostOffice
from jobforge.settler.templates.notification_send import Inputs, Outputs, run
from jobforge.testkit.far_sides import Hooks, Mailbox
from jobforge.testkit.recording_job import RecordingJob

DATA = Path(__file__).parent / "data"

AGREEMENT = """EXHIBIT 10.1

RESELLER AGREEMENT

This Reseller Agreement (this "Agreement") is made and entered into as of March 19, 2024 (the "Effective Date"), by and
between Northwind Tools, Inc., a Delaware corporation ("Supplier"), and Café Bleu Handels GmbH, a company organized
under the laws of Germany ("Reseller").

WHEREAS, Supplier makes software;

1. Term. The initial term of this Agreement shall commence on the Effective Date and continue for a period of three (3)
years. This Agreement shall automatically renew for successive one (1) year terms unless either party gives written
notice at least sixty (60) days prior to the end of the then current term.

2. Assignment. Neither party may assign this Agreement without the prior written consent of the other party.

3. Liability. In no event shall either party be liable for any indirect or consequential damages.

4. Governing Law. This Agreement shall be governed by and construed in accordance with the laws of the State of New
York.
"""


@pytest.fixture
def recording_job() -> RecordingJob:
    return RecordingJob()


@pytest.fixture
def agreement() -> str:
    """A short contract with every key term."""
    return AGREEMENT


@pytest.fixture
def agreement_docx(agreement: str) -> bytes:
    """The same contract as Word writes it, its last clause in a table."""
    document = docx.Document()
    paragraphs = agreement.split("\n\n")
    for paragraph in paragraphs[:-1]:
        document.add_paragraph(" ".join(paragraph.split()))
    document.add_table(rows=1, cols=1).cell(0, 0).text = " ".join(paragraphs[-1].split())
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


@pytest.fixture
def data() -> Path:
    """Real contracts; see its CREDITS.md."""
    return DATA


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
