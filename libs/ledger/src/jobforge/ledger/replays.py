"""How a dead letter becomes a new request: a run of its own that says whose replay it is."""

from uuid import UUID

from pydantic import ValidationError

from jobforge.contracts.identity import parse_run_key, run_id_for_key, run_key
from jobforge.contracts.inbox import OPERATORS_APP, InboxJob
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.reading import Unreadable, read
from jobforge.contracts.topics import INBOX, INBOX_MESSAGE_BYTES
from jobforge.ledger.evidence import DeadLetter

REPLAY_TOPIC = INBOX.named(OPERATORS_APP)
_FRAMING = 1024
"""Bytes that a record takes beside its value."""


class NotReplayable(ValueError):
    """A dead letter cannot be made a request again; the message says why."""


def replay_of(letter: DeadLetter) -> InboxJob:
    """The request that replays a dead letter; raises ``NotReplayable``. Made again it is the same run."""
    try:
        request = read(JobRequested, letter.value)
    except Unreadable as error:
        raise NotReplayable(str(error)) from None
    if letter.key is not None and letter.key != run_key(request.tenant_id, request.run_id):
        raise NotReplayable("its key names another run than its value")
    try:
        job = InboxJob(
            kind="job",
            idempotency_key="replay:{}:{}:{}".format(*letter.position),
            replay_of=request.run_id,
            root_run_id=request.root_run_id or request.run_id,
            tenant_id=request.tenant_id,
            project_id=request.project_id,
            template_key=request.template_key,
            inputs=request.inputs,
            trace_id=request.trace_id,
            actor_id=request.requested_by.actor_id,
            dry_run=request.dry_run,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise NotReplayable(f"/{'/'.join(map(str, first['loc']))}: {first['msg']}") from None
    if len(encoded(job)) > INBOX_MESSAGE_BYTES - _FRAMING:
        raise NotReplayable(f"it is larger than an inbox takes, {INBOX_MESSAGE_BYTES} bytes")
    return job


def encoded(job: InboxJob) -> bytes:
    """The bytes to publish on ``REPLAY_TOPIC``."""
    return job.model_dump_json(exclude_none=True).encode()


def run_of(job: InboxJob) -> UUID:
    """The run that the replay will be."""
    return run_id_for_key(job.tenant_id, job.template_key, job.idempotency_key or "")


def owner_of(letter: DeadLetter) -> str | None:
    """The tenant that a dead letter's key names."""
    named = parse_run_key(letter.key)
    return named[0] if named else None
