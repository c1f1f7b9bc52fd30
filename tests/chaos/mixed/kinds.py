"""What is asked of each template: inputs that it works on, and inputs that it must refuse by a name of its own.

A new template gets its line here. ``mixed.asking`` says which one has none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from mixed.objects import CACHED_HOST, CONTRACTS, DOCUMENTS, LETTER, PICTURES, PRESENTATION, QUERIES, TARGET

Inputs = dict[str, Any]

NOBODY = "00000000-0000-4000-8000-000000000000"
"""A run that no tenant has."""
NOWHERE = "nowhere"
"""An index, a cache, a target and an object that nobody has."""
HANDBOOK = "handbook"
"""The index that is there before the load."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What inputs are made of."""

    random: Random
    message: str
    """Names the tenant, and so shows up wherever another one's answer holds it."""
    sink: str
    """Where webhooks and effects are posted to."""
    ended: tuple[str, ...]
    """Runs of the tenant that end before the load."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Jobs of one template."""

    share: int
    """Of a hundred jobs."""
    inputs: Callable[[Wish], Inputs]
    refused: Inputs | None = None
    """Inputs that the door takes and the template fails with; None where every input that the door takes works."""
    code: str = ""
    """What the template calls that failure."""


def _reply(wish: Wish) -> Inputs:
    written = {"artifact": wish.message} if wish.random.random() < 0.1 else {}
    return {"message": wish.message, "sleep": round(wish.random.uniform(0, 0.3), 3), **written}


def _post(wish: Wish) -> Inputs:
    return {"url": wish.sink, "message": wish.message, "sleep": round(wish.random.uniform(0, 0.3), 3)}


def _burn(wish: Wish) -> Inputs:
    return {"message": wish.message, "seconds": 0.1}


def _contract(wish: Wish) -> Inputs:
    depth = wish.random.choice(("full", "summary"))
    return {"contract_id": wish.random.choice(CONTRACTS), "analysis_type": depth, "as_of": "2026-11-01"}


def _notification(wish: Wish) -> Inputs:
    told = {"run_id": wish.random.choice(wish.ended)} if wish.random.random() < 0.3 else {}
    return {"channel": "webhook", "recipient": wish.sink, "subject": "Done", "body": wish.message, **told}


def _purge(wish: Wish) -> Inputs:
    return {"urls": [f"https://{CACHED_HOST}/{wish.message}"]}


def _picture(wish: Wish) -> Inputs:
    formats, width = wish.random.choice((["webp"], ["jpeg", "png"], ["avif"])), wish.random.choice((24, 32, 48))
    given = {"quality": 60} if wish.random.random() < 0.5 else {}
    return {"asset_id": wish.random.choice(PICTURES), "formats": formats, "sizes": [width], **given}


def _usage(wish: Wish) -> Inputs:
    period = wish.random.choice(("2026-11", "2026-11-02", "2026-11-01/2026-11-04"))
    return {"period": period, "granularity": wish.random.choice(("hourly", "daily", "monthly"))}


def _search(wish: Wish) -> Inputs:
    how = wish.random.choice(("hybrid", "keyword", "vector"))
    return {"query": wish.random.choice(QUERIES), "k": 3, "index": HANDBOOK, "search_type": how}


def _index(wish: Wish) -> Inputs:
    return {"document_ids": wish.random.sample(DOCUMENTS, 2), "index": wish.random.choice((HANDBOOK, "notes"))}


def _scan(wish: Wish) -> Inputs:
    return {"target": TARGET, "checks": wish.random.sample(("headers", "cache", "accessibility", "performance"), 2)}


def _diagnosis(wish: Wish) -> Inputs:
    return {"run_id": wish.random.choice(wish.ended)}


def _draft(wish: Wish) -> Inputs:
    source = wish.random.choice(
        (
            {"knowledge_index": HANDBOOK, "passages": 3},
            {"document_ids": wish.random.sample(DOCUMENTS, 2)},
            {"source_texts": [{"document_id": "own", "text": f"The pump of {wish.message} starts by a green lever."}]},
        )
    )
    return {"topic": "the lever of the pump", "format": wish.random.choice(("blog", "email", "social")), **source}


KINDS: dict[str, Kind] = {
    "aias.knowledge.index": Kind(4, _index, {"document_ids": [PRESENTATION]}, "document.unsupported_type"),
    "aias.knowledge.search": Kind(8, _search, {"query": "pump", "index": NOWHERE}, "index.not_found"),
    "autopilot.growth.content_draft": Kind(
        3, _draft, {"topic": "pumps", "format": "blog", "writer": "model"}, "model.not_configured"
    ),
    "autopilot.ops.diagnose": Kind(5, _diagnosis, {"run_id": NOBODY}, "run.not_found"),
    "autopilot.ops.scan": Kind(4, _scan, {"target": NOWHERE}, "target.not_allowed"),
    "echo.core.burn": Kind(2, _burn),
    "echo.effect.post": Kind(6, _post),
    "echo.message.reply": Kind(22, _reply, {"behave": "terminal"}, "echo.refused"),
    "keys.usage.aggregate": Kind(6, _usage, {"period": "lately", "granularity": "daily"}, "usage.period_unknown"),
    "readylayer.asset.optimize": Kind(
        4, _picture, {"asset_id": LETTER, "formats": ["webp"], "sizes": [24]}, "asset.unsupported_type"
    ),
    "readylayer.cache.purge": Kind(12, _purge, {"cache": NOWHERE, "urls": ["/"]}, "purge.cache_unknown"),
    "settler.contract.process": Kind(12, _contract, {"contract_id": NOWHERE}, "object.not_found"),
    "settler.notification.send": Kind(
        12,
        _notification,
        {"channel": "webhook", "recipient": "https://elsewhere.example/", "subject": "Done", "body": "Lost"},
        "notification.target_refused",
    ),
}
