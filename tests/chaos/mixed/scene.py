"""What stands around a load of every template: every service, what they call, and what tenants had before."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from trial.fault import NotAsPromised, Stage
from trial.plan import TENANTS, Ask
from trial.plane import WORKERS

from jobforge.testkit.domains import plane_domains
from jobforge.testkit.sites import Reply, Site, serving
from jobforge.testkit.waiting import until
from mixed import asking
from mixed.kinds import KINDS
from mixed.objects import CACHED_HOST, TARGET, uploads, usage

DOMAINS = tuple(domain for domain in plane_domains() if domain != "echo")
EVERYBODY = (*TENANTS, "probe")
PAGE = b"""<!doctype html><html lang="en"><head><title>Pumps</title></head>
<body><h1>Pumps</h1><p>A green lever starts the pump.</p></body></html>"""


def everyone() -> tuple[str, ...]:
    """Every process that runs jobs."""
    return (*WORKERS, *DOMAINS)


@asynccontextmanager
async def every_template(stage: Stage, jobs: int, seed: int) -> AsyncIterator[Sequence[Ask]]:
    """Jobs of every template, with every service there and everything uploaded that they read.

    Raises ``NoJobOf`` when the services have a template of which the mix has no job.
    """
    found = asking.templates()
    asking.check_kinds(KINDS, found)
    sink = stage.sink.url
    with serving({"/": Reply(PAGE)}) as site:
        async with stage.plane.joined_by(*DOMAINS, **_variables(stage, site)):
            await until(lambda: _offered(stage, set(found)), timeout=60, every=0.2)
            await asyncio.gather(*(_furnish(stage, tenant, sink) for tenant in EVERYBODY))
            stage.probes = asking.probes(sink)
            yield asking.plan(seed, stage.trial, jobs, sink)


def _variables(stage: Stage, site: Site) -> dict[str, str]:
    cache = {"kind": "purge", "url": f"http://{stage.sink.authority}", "hosts": [CACHED_HOST]}
    targets = stage.sink.path.parent / "targets.yaml"
    _write_targets(targets, site)
    return {
        "JOBFORGE_URL": stage.plane["ingestion"].url,
        "JOBFORGE_QUERY_URL": stage.plane["manifest"].url,
        "JOBFORGE_SETTLER_WEBHOOK_PRIVATE_HOSTS": stage.sink.authority,
        "JOBFORGE_READYLAYER_CACHES": json.dumps({"default": cache}),
        "JOBFORGE_TARGETS_FILE": str(targets),
    }


def _write_targets(file: Path, site: Site) -> None:
    target = {"name": TARGET, "url": site.url("127.0.0.1"), "allow_private": True}
    file.write_text(yaml.safe_dump([target]), encoding="utf-8")


async def _offered(stage: Stage, wanted: set[str]) -> bool:
    """Whether the door knows every template."""
    answer = await stage.clients.ingestion.get("/v1/templates")
    return wanted <= {each["template_key"] for each in answer.json()["templates"]}


async def _furnish(stage: Stage, tenant: str, sink: str) -> None:
    """Give a tenant its objects, its usage and the runs that other jobs look at."""
    door, named = stage.clients.ingestion, f"{tenant}.{stage.trial}"
    for each in uploads(f"{named}/"):
        answer = await door.put(
            f"/v1/objects/{each.kind}/{each.name}",
            params={"tenant_id": named},
            content=each.data,
            headers={"Content-Type": each.content_type},
        )
        answer.raise_for_status()
    answer = await door.post("/v1/events:batch", json=usage(named))
    if {each["status"] for each in answer.json()} != {202}:
        raise NotAsPromised(f"usage was not taken: {answer.text[:300]}")
    await asyncio.gather(*(stage.clients.complete(ask) for ask in asking.first(stage.trial, tenant, sink)))
