"""Which jobs a trial of every template asks for: the same seed gives the same ones."""

from collections.abc import Iterable, Iterator
from functools import partial
from random import Random

from trial.fault import Probe
from trial.plan import TENANTS, Ask

from jobforge.contracts.identity import domain_of, run_id_for_key
from jobforge.execution.discovery import find_templates
from jobforge.execution.template import Template
from jobforge.testkit.domains import plane_domains
from mixed.kinds import HANDBOOK, KINDS, Inputs, Wish
from mixed.objects import DOCUMENTS

REFUSED, CANCELED = 0.08, 0.02
"""Shares of the jobs that must fail by name, and that are cancelled right after they were accepted."""
HANDFUL = 8
FIRST = ("aias.knowledge.index", "autopilot.ops.scan", "echo.message.reply", "settler.contract.process")
"""What each tenant has run before the load, which other jobs then search, explain and tell of."""
FIRST_REFUSED = "settler.contract.process"
"""What each tenant has been refused before the load."""
PROBED = (
    "aias.knowledge.search",
    "autopilot.ops.diagnose",
    "echo.message.reply",
    "keys.usage.aggregate",
    "readylayer.cache.purge",
    "settler.notification.send",
)
"""A quick template of each service."""


class NoJobOf(Exception):
    """Templates of the services and the kinds of jobs do not match; the message says where to add or remove one."""


def templates() -> dict[str, Template]:
    """Every template of every service that runs jobs, as the services find them."""
    found: dict[str, Template] = {}
    for domain in plane_domains():
        found |= find_templates("jobforge.testkit.echo" if domain == "echo" else f"jobforge.{domain}")
    return found


def check_kinds(kinds: Iterable[str], found: Iterable[str]) -> None:
    """Raises ``NoJobOf`` unless each template has its kind of jobs, and each service is probed."""
    there, asked = set(found), set(kinds)
    if lacking := there - asked:
        raise NoJobOf(f"the mix has no job of {', '.join(sorted(lacking))}: add it to KINDS in mixed/kinds.py")
    if gone := asked - there:
        raise NoJobOf(f"no service has {', '.join(sorted(gone))}: take it out of KINDS in mixed/kinds.py")
    if unseen := {domain_of(key) for key in there} - {domain_of(key) for key in PROBED}:
        raise NoJobOf(f"nothing probes {', '.join(sorted(unseen))}: add a quick template to PROBED in mixed/asking.py")


def plan(seed: int, trial: str, jobs: int, sink: str) -> list[Ask]:
    """The jobs of a trial, at least one of each template; ``sink`` is where effects are posted to."""
    random = Random(f"{seed}:{trial}")
    keys = list(KINDS)
    drawn = keys + random.choices(keys, [KINDS[key].share for key in keys], k=max(jobs - len(keys), 0))
    random.shuffle(drawn)
    return [_drawn(random, trial, f"{trial}-{seed}-{number}", key, sink) for number, key in enumerate(drawn)]


def some(random: Random, trial: str, domain: str, sink: str, keys: Iterator[int]) -> list[Ask]:
    """A handful of jobs of one service."""
    drawn = random.choices([key for key in KINDS if domain_of(key) == domain], k=HANDFUL)
    return [_drawn(random, trial, f"{trial}-{domain}-{next(keys)}", key, sink) for key in drawn]


def first(trial: str, tenant: str, sink: str) -> Iterator[Ask]:
    """What a tenant has run before the load."""
    named = f"{tenant}.{trial}"
    for template in FIRST:
        wish = Wish(Random(named), f"{named}/first", sink, ())
        inputs = KINDS[template].inputs(wish)
        if template == "aias.knowledge.index":
            inputs = {"document_ids": list(DOCUMENTS), "index": HANDBOOK}
        yield Ask(named, _first_key(trial, template), template, inputs)
    yield _refused(named, _first_key(trial, "refused"), FIRST_REFUSED)


def probes(sink: str) -> tuple[Probe, ...]:
    """A job of each service."""
    return tuple(partial(_probe, template, sink) for template in PROBED)


def _probe(template: str, sink: str, trial: str, tenant: str, keys: Iterator[int]) -> Ask:
    named, key = f"{tenant}.{trial}", f"{trial}-{tenant}-{next(keys)}"
    wish = Wish(Random(key), f"{named}/{key}", sink, _ended(trial, named))
    return Ask(named, key, template, KINDS[template].inputs(wish))


def _drawn(random: Random, trial: str, key: str, template: str, sink: str) -> Ask:
    tenant = f"{random.choice(TENANTS)}.{trial}"
    inputs = KINDS[template].inputs(Wish(random, f"{tenant}/{key}", sink, _ended(trial, tenant)))
    fate = random.random()
    if fate < REFUSED and KINDS[template].refused is not None:
        return _refused(tenant, key, template)
    if fate > 1 - CANCELED:
        return Ask(tenant, key, template, inputs, True, frozenset({"succeeded", "canceled"}))
    return Ask(tenant, key, template, inputs)


def _refused(tenant: str, key: str, template: str) -> Ask:
    inputs: Inputs | None = KINDS[template].refused
    assert inputs is not None
    return Ask(tenant, key, template, inputs, ends=frozenset({"failed"}))


def _ended(trial: str, tenant: str) -> tuple[str, ...]:
    ran = [(template, _first_key(trial, template)) for template in FIRST]
    ran.append((FIRST_REFUSED, _first_key(trial, "refused")))
    return tuple(str(run_id_for_key(tenant, template, key)) for template, key in ran)


def _first_key(trial: str, what: str) -> str:
    return f"{trial}-first-{what}"
