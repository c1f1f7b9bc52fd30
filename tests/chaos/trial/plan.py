"""Which jobs a trial asks for: the same seed gives the same ones."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

TENANTS = ("acme", "birch", "cobalt", "delta")


@dataclass(frozen=True, slots=True)
class Mix:
    """How many of a hundred jobs are of which kind; the rest are quick."""

    slow: int = 10
    """Wait up to half a second without holding anything."""
    keyed: int = 10
    """Act on the world outside."""
    flaky: int = 6
    """Fail once and succeed at the second attempt."""
    hopeless: int = 1
    """Fail at every attempt."""
    refused: int = 2
    """Fail for good at the first attempt."""
    written: int = 6
    """Write an artifact."""
    burning: int = 2
    """Keep a core busy in a child process."""
    canceled: int = 3
    """Are cancelled right after they were accepted."""


EVERYDAY = Mix()
RETRYING = Mix(flaky=50, hopeless=5)
ACTING = Mix(keyed=50)


@dataclass(frozen=True, slots=True)
class Ask:
    """One job that a client wants; ``key`` names it for ever."""

    tenant: str
    key: str
    template: str
    inputs: dict[str, Any]
    cancel: bool = False
    ends: frozenset[str] = field(default=frozenset({"succeeded"}))
    """The states that it may end in."""


def plan(seed: int, trial: str, jobs: int, sink: str, mix: Mix = EVERYDAY) -> list[Ask]:
    """The jobs of a trial; ``sink`` is where effects are posted to."""
    random = Random(f"{seed}:{trial}")
    shares = {name: getattr(mix, name) for name in Mix.__slots__}
    kinds, weights = [*shares, "quick"], [*shares.values(), 100 - sum(shares.values())]
    drawn = random.choices(kinds, weights, k=jobs)
    return [_ask(random, f"{trial}-{seed}-{number}", kind, trial, sink) for number, kind in enumerate(drawn)]


def quick(trial: str, tenant: str, keys: Iterator[int]) -> Ask:
    """A job that only answers."""
    key = f"{trial}-{tenant}-{next(keys)}"
    return Ask(f"{tenant}.{trial}", key, "echo.message.reply", {"message": f"{tenant}.{trial}/{key}"})


def _ask(random: Random, key: str, kind: str, trial: str, sink: str) -> Ask:
    tenant = f"{random.choice(TENANTS)}.{trial}"
    message = f"{tenant}/{key}"
    wait = round(random.uniform(0.02, 0.5), 3)
    if kind == "keyed":
        return Ask(tenant, key, "echo.effect.post", {"url": sink, "message": message, "sleep": wait})
    if kind == "burning":
        return Ask(tenant, key, "echo.core.burn", {"message": message, "seconds": min(wait, 0.2)})
    more, ends, cancel = _kind(kind, message, wait)
    return Ask(tenant, key, "echo.message.reply", {"message": message, **more}, cancel, frozenset(ends))


def _kind(kind: str, message: str, wait: float) -> tuple[dict[str, Any], set[str], bool]:
    """What a kind adds to an echo's inputs, how it may end, and whether it is cancelled."""
    match kind:
        case "slow":
            return {"sleep": wait, "progress": True}, {"succeeded"}, False
        case "flaky":
            return {"fail_times": 1}, {"succeeded"}, False
        case "hopeless":
            return {"fail_times": 3}, {"failed"}, False
        case "refused":
            return {"behave": "terminal"}, {"failed"}, False
        case "written":
            return {"artifact": message}, {"succeeded"}, False
        case "canceled":
            return {"sleep": 3.0}, {"succeeded", "canceled"}, True
        case _:
            return {}, {"succeeded"}, False
