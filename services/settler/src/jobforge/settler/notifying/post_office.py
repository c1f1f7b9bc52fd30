"""What the service may send to, as its settings say, and the one place where messages leave."""

import ssl
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.chassis.artifacts import ArtifactStore, StoreUnavailable
from jobforge.contracts.manifest import RunManifest
from jobforge.execution.errors import ArtifactsUnavailable
from jobforge.execution.job import Job
from jobforge.settler.notifying.failures import ChannelOff, RunNotArchived
from jobforge.settler.notifying.mail import MailServer, Security, hand_in
from jobforge.settler.notifying.message import Message, as_mail
from jobforge.settler.notifying.targets import Allowed
from jobforge.settler.notifying.webhook import post


class DeliverySettings(BaseSettings):
    """Where messages may go; ``JOBFORGE_SETTLER_<NAME>``. Nothing is sent until a channel is set."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_SETTLER_", frozen=True, extra="ignore")

    smtp_host: str = Field(default="", description="The mail server; without one there is no mail.")
    smtp_port: int = Field(default=587, gt=0, lt=65536)
    smtp_security: Security = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_sender: str = Field(default="", description="The address that mail comes from.")
    webhook_hosts: str = Field(default="", description="Comma-separated hosts, with a port unless it is the usual one.")
    webhook_private_hosts: str = Field(
        default="", description="The same for hosts that may have private addresses, and may be called by http."
    )
    send_timeout: Annotated[float, Field(gt=0, le=30)] = Field(
        default=10.0, description="Seconds for a webhook's answer, and for each answer of the mail server."
    )

    @model_validator(mode="after")
    def _whole(self) -> "DeliverySettings":
        if self.smtp_host and "@" not in self.smtp_sender:
            raise ValueError("JOBFORGE_SETTLER_SMTP_SENDER must be an address where JOBFORGE_SETTLER_SMTP_HOST is set")
        if self.smtp_user and self.smtp_security == "none":
            raise ValueError("JOBFORGE_SETTLER_SMTP_USER needs encryption; set JOBFORGE_SETTLER_SMTP_SECURITY")
        return self

    def mail_server(self) -> MailServer | None:
        """The mail server, if there is one."""
        if not self.smtp_host:
            return None
        return MailServer(
            host=self.smtp_host,
            port=self.smtp_port,
            security=self.smtp_security,
            sender=self.smtp_sender,
            user=self.smtp_user,
            password=self.smtp_password.get_secret_value(),
            patience=self.send_timeout,
        )

    def allowed(self) -> Allowed:
        """The hosts of webhooks."""
        return Allowed(_listed(self.webhook_hosts), _listed(self.webhook_private_hosts))


class PostOffice:
    """Sends messages, and reads what a run's manifest says for them."""

    def __init__(
        self, settings: DeliverySettings, store: ArtifactStore, *, trust: ssl.SSLContext | None = None
    ) -> None:
        self._server = settings.mail_server()
        self._allowed = settings.allowed()
        self._patience = settings.send_timeout
        self._store = store
        self._trust = trust or ssl.create_default_context()

    async def manifest(self, tenant_id: str, run_id: UUID) -> RunManifest:
        """A finished run of the tenant; raises ``RunNotArchived``, also for a run of somebody else."""
        try:
            found = await self._store.read_manifest(tenant_id, run_id)
        except StoreUnavailable as error:
            raise ArtifactsUnavailable(str(error)) from error
        if found is None:
            raise RunNotArchived(f"run_id: no finished run {run_id} is archived for this tenant; ask when it has ended")
        return RunManifest.model_validate_json(found)

    def check_mail(self) -> MailServer:
        """The mail server; raises ``ChannelOff``."""
        if self._server is None:
            raise ChannelOff("channel: this service sends no mail; set JOBFORGE_SETTLER_SMTP_HOST and _SMTP_SENDER")
        return self._server

    def check_webhook(self, url: str) -> None:
        """Raises ``TargetRefused`` for an URL that may not be called."""
        self._allowed.target(url)

    async def mail(self, job: Job, recipient: str, message: Message) -> str:
        """The mail server's answer."""
        server = self.check_mail()
        mail = as_mail(message, sender=server.sender, recipient=recipient, sent_at=datetime.now(UTC))
        return await job.in_thread(hand_in, server, mail, recipient, self._trust)

    async def webhook(self, url: str, message: Message) -> str:
        """The webhook's answer."""
        return str(await post(self._allowed.target(url), message, trust=self._trust, patience=self._patience))


def _listed(hosts: str) -> frozenset[str]:
    return frozenset(host.strip().lower() for host in hosts.split(",") if host.strip())
