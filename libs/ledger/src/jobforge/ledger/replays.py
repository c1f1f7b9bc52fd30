"""How a dead letter becomes a new request: a run of its own that says whose replay it is."""

from uuid import UUID

from pydantic import ValidationError

from jobforge.contracts.dead_letter import VALUE_BYTES, added_headers
from jobforge.contracts.identity import run_id_for_key, run_key
from jobforge.contracts.inbox import OPERATORS_APP, InboxJob
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.reading import Unreadable, read
from jobforge.contracts.topics import INBOX, INBOX_MESSAGE_BYTES
from jobforge.ledger.dead_letters import DeadLetter
from jobforge.ledger.records import Position

REPLAY_TOPIC = INBOX.named(OPERATORS_APP)
_FRAMING = 1024
"""Bytes that a record takes beside its value."""


class NotReplayable(ValueError):
    """A dead letter cannot be made a request again; the message says why."""


def replay_of(letter: DeadLetter, *, first: Position | None = None) -> InboxJob:
    """The request that replays a dead letter; raises ``NotReplayable``. Made again it is the same run.

    ``first`` is where the first dead letter of the same run stands, if that is another one.
    """
    whole = added_headers(letter.record.headers).get(VALUE_BYTES)
    if whole is not None:
        raise NotReplayable(f"its value was cut when it was set aside: the whole had {whole} bytes")
    try:
        request = read(JobRequested, letter.record.value)
    except Unreadable as error:
        raise NotReplayable(str(error)) from None
    if letter.record.key != run_key(request.tenant_id, request.run_id):
        raise NotReplayable("its key names another run than its value")
    try:
        job = InboxJob(
            kind="job",
            idempotency_key="replay:{}:{}:{}".format(*(first or letter.position)),
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
        problem = error.errors(include_url=False, include_input=False)[0]
        raise NotReplayable(f"/{'/'.join(map(str, problem['loc']))}: {problem['msg']}") from None
    if len(encoded(job)) > INBOX_MESSAGE_BYTES - _FRAMING:
        raise NotReplayable(f"it is larger than an inbox takes, {INBOX_MESSAGE_BYTES} bytes")
    return job


def encoded(job: InboxJob) -> bytes:
    """The bytes to publish on ``REPLAY_TOPIC``."""
    return job.model_dump_json(exclude_none=True).encode()


def run_of(job: InboxJob) -> UUID:
    """The run that the replay will be."""
    return run_id_for_key(job.tenant_id, job.template_key, job.idempotency_key or "")
