"""Every topic as data: what it carries, how it is keyed and kept, who writes it and who reads it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from jobforge.contracts import control, envelope, inbox, jobs, manifest, runs
from jobforge.contracts.base import MAX_INLINE_OUTPUT_BYTES

DEFAULT_PARTITIONS = 8
"""Partitions of runs and of every jobs topic, unless JOBFORGE_PARTITIONS says otherwise."""
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
SET_ASIDE_MESSAGE_BYTES = MAX_MESSAGE_BYTES + 64 * 1024
"""The largest record of any topic and, beside it, the headers that say why it was set aside."""
INBOX_MESSAGE_BYTES = 1024 * 1024
MAX_JOB_BYTES = MAX_MESSAGE_BYTES - MAX_INLINE_OUTPUT_BYTES - 128 * 1024
"""What a request may take, with room for what its record says while it waits for another try, and for its outcome."""
MONTH = timedelta(days=30)
WEEK = timedelta(days=7)
OFFSETS_RETENTION = timedelta(days=60)
"""How long consumer offsets must live: Kafka's default of 7 days would replay the log after a quiet week."""

Per = Literal["plane", "app", "domain"]


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, or a family of them when ``per`` is an app or a domain (``name`` then holds ``{}``)."""

    name: str
    per: Per
    key: str
    messages: tuple[type, ...]
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    about: str
    partitions: int | None = None
    """None means the plane's one partition count."""
    retention: timedelta | None = MONTH
    compacted: bool = False
    max_message_bytes: int = MAX_MESSAGE_BYTES

    def named(self, member: str = "") -> str:
        """The topic's name for one app or domain."""
        return self.name.format(member)

    @property
    def pattern(self) -> str:
        """A regular expression for every topic of the family."""
        return "^" + self.name.replace(".", r"\.").replace("{}", "[a-z][a-z0-9-]*") + "$"


INBOX = Topic(
    name="jobforge.inbox.{}",
    per="app",
    key="any",
    messages=(inbox.InboxEvent, inbox.InboxJob),
    writers=("apps", "operators", "scheduler"),
    readers=("ingestion",),
    about="Untrusted events and job requests that apps publish by themselves, and what triggers and schedules request.",
    retention=WEEK,
    max_message_bytes=INBOX_MESSAGE_BYTES,
)
EVENTS = Topic(
    name="jobforge.events.{}",
    per="app",
    key="<source_app>:<tenant_id>:<subject.id or trace_id>",
    messages=(envelope.EventEnvelope,),
    writers=("ingestion",),
    readers=("manifest", "keys", "scheduler", "apps"),
    about="Accepted events; one subject's events stay in order.",
    retention=WEEK,
)
JOBS = Topic(
    name="jobforge.jobs.{}",
    per="domain",
    key="<tenant_id>:<run_id>",
    messages=(jobs.JobRequested,),
    writers=("ingestion", "scheduler"),
    readers=("domain", "manifest"),
    about="Accepted job requests; the record is the job.",
)
SLOW_JOBS = Topic(
    name="jobforge.jobs.{}.slow",
    per="domain",
    key="<tenant_id>:<run_id>",
    messages=(jobs.JobRequested,),
    writers=("ingestion", "domain", "scheduler"),
    readers=("domain", "manifest"),
    about="Requests of long templates, and what one tenant sent beyond its share; they have slots of their own.",
)
RUNS = Topic(
    name="jobforge.runs",
    per="plane",
    key="<tenant_id>:<run_id>",
    messages=(
        runs.RunStarted,
        runs.RunProgressed,
        runs.RunRetrying,
        runs.RunCancelRequested,
        runs.RunSucceeded,
        runs.RunFailed,
        runs.RunCanceled,
        runs.RunRestored,
    ),
    writers=("domain", "ingestion", "scheduler"),
    readers=("manifest",),
    about="What happens to runs. The first terminal record of a run by offset is its end.",
)


def _retry(delay: timedelta, spelled: str) -> "RetryTier":
    return RetryTier(
        delay,
        Topic(
            name=f"jobforge.retry.{spelled}",
            per="plane",
            key="<tenant_id>:<run_id>",
            messages=(jobs.JobRequested,),
            writers=("domain",),
            readers=("scheduler",),
            about=f"Requests that wait at most {spelled} before their next try; headers say until when and where to.",
        ),
    )


@dataclass(frozen=True, slots=True)
class RetryTier:
    """A topic of requests that wait, none for longer than ``delay``."""

    delay: timedelta
    topic: Topic


RETRY_TIERS: tuple[RetryTier, ...] = (
    _retry(timedelta(seconds=5), "5s"),
    _retry(timedelta(seconds=30), "30s"),
    _retry(timedelta(minutes=2), "2m"),
    _retry(timedelta(minutes=10), "10m"),
)
"""Shortest first. They have the plane's partition count, so that who moves a partition also tends its runs."""
DEAD_LETTERS = Topic(
    name="jobforge.dlq.{}",
    per="domain",
    key="as it came",
    messages=(),
    writers=("domain",),
    readers=("operators",),
    about="Job records that could not be read or finished: original bytes, and headers that say why.",
    partitions=1,
    max_message_bytes=SET_ASIDE_MESSAGE_BYTES,
)
REJECTED = Topic(
    name="jobforge.rejected",
    per="plane",
    key="as it came",
    messages=(),
    writers=("ingestion", "domain", "manifest", "scheduler"),
    readers=("operators",),
    about="What was refused: original bytes, and headers that say why.",
    partitions=1,
    max_message_bytes=SET_ASIDE_MESSAGE_BYTES,
    retention=WEEK,
)
MANIFESTS = Topic(
    name="jobforge.manifests",
    per="plane",
    key="<tenant_id>:<run_id>",
    messages=(manifest.RunManifest,),
    writers=("manifest",),
    readers=("manifest", "apps"),
    about="Terminal manifests, to react to instead of polling.",
    retention=None,
    compacted=True,
)
CONTROL = Topic(
    name="jobforge.control",
    per="plane",
    key="<kind>:<id>",
    messages=(
        control.TemplateAnnounced,
        control.TemplateSwitched,
        control.TriggerAnnounced,
        control.TriggerSwitched,
        control.ScheduleTicked,
        control.FlagSet,
        control.AppRegistered,
        control.PlaneSettled,
    ),
    writers=("domain", "ingestion", "operators", "scheduler"),
    readers=("ingestion", "manifest", "domain", "scheduler"),
    about="Templates, triggers, flags, apps and the partition count; every service holds it in memory.",
    partitions=1,
    retention=None,
    compacted=True,
)

TOPICS: tuple[Topic, ...] = (
    INBOX,
    EVENTS,
    JOBS,
    SLOW_JOBS,
    RUNS,
    *(tier.topic for tier in RETRY_TIERS),
    DEAD_LETTERS,
    REJECTED,
    MANIFESTS,
    CONTROL,
)


@dataclass(frozen=True, slots=True)
class NamedTopic:
    """One topic as it is created in Kafka."""

    name: str
    topic: Topic


def every_topic(*, apps: Iterable[str], domains: Iterable[str]) -> tuple[NamedTopic, ...]:
    """All topics of a plane with these apps and domains, sorted by name."""
    members = {"plane": ("",), "app": tuple(apps), "domain": tuple(domains)}
    found = [NamedTopic(topic.named(member), topic) for topic in TOPICS for member in members[topic.per]]
    return tuple(sorted(found, key=lambda named: named.name))
