"""Looks at a site: fetches its page, what the page loads, and the same again, as far as the checks need it."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from jobforge.autopilot.scanning.answers import Answer
from jobforge.autopilot.scanning.browser import Browser
from jobforge.autopilot.scanning.encryption import look_at
from jobforge.autopilot.scanning.failures import (
    TargetMisbehaves,
    TargetNotAllowed,
    TargetTimeout,
    TargetUnreachable,
    TargetUnresolvable,
    TlsFailed,
)
from jobforge.autopilot.scanning.fetching import REDIRECTS, Fetcher, Limits
from jobforge.autopilot.scanning.pages import read_page
from jobforge.autopilot.scanning.places import Place
from jobforge.autopilot.scanning.results import CheckName
from jobforge.autopilot.scanning.routes import Resolve, Routes, resolve
from jobforge.autopilot.scanning.sightings import PageFacts, Resource, Sightings, TlsFacts
from jobforge.autopilot.scanning.targets import Targets
from jobforge.execution.job import Job

_OF_TARGET = (TargetMisbehaves, TargetNotAllowed, TargetTimeout, TargetUnreachable, TargetUnresolvable)
_AT_ONCE = 4
_SAMPLED_FILES = 3
"""Files of the page that are asked for again conditionally."""


@dataclass(frozen=True)
class Scanner:
    """Scans targets within limits; ``authorities`` is a PEM file in place of the system's."""

    targets: Targets
    limits: Limits = field(default_factory=Limits)
    authorities: Path | None = None
    asked: Resolve = resolve
    browser: Browser = field(default_factory=Browser)

    def place(self, target: str) -> Place:
        """Where a target is; raises ``TargetNotAllowed``."""
        return self.targets.place(target)

    async def look(self, job: Job, place: Place, wanted: Collection[CheckName]) -> Sightings:
        """All that these checks need to see; raises one of ``jobforge.autopilot.scanning.failures``."""
        routes = Routes(self.targets.private, self.limits.patience, self.asked)
        look = _Look(job, Fetcher(routes, self.limits), routes, self.limits, self.authorities)
        seen = await look.at(place, frozenset(wanted))
        if "accessibility" not in wanted or seen.facts is None:
            return seen
        await job.progress(0.7, "the page is looked at in a browser")
        return replace(seen, examined=await self.browser.examine(seen.page.place, routes))


@dataclass(frozen=True)
class _Look:
    job: Job
    fetcher: Fetcher
    routes: Routes
    limits: Limits
    authorities: Path | None

    async def at(self, place: Place, wanted: frozenset[CheckName]) -> Sightings:
        resolving = (await self.routes.to(place)).resolving
        now = datetime.now(UTC)
        try:
            hops = await self._hops(place)
        except TlsFailed as error:
            if "ssl" not in wanted:
                raise
            return Sightings(place, now, resolving, (), tls_failed=str(error))
        await self.job.progress(0.2, "the page is here")
        tls, tls_failed = await self._tls(hops) if "ssl" in wanted else (None, "")
        page = hops[-1]
        facts = await self._facts(page) if wanted & {"performance", "accessibility", "cache", "cdn"} else None
        loads = wanted & {"performance", "cache", "cdn"}
        resources = await self._resources(page, facts) if facts and loads else ()
        await self.job.progress(0.6, "its files are here")
        seen = Sightings(place, now, resolving, hops, facts=facts, resources=resources, tls=tls, tls_failed=tls_failed)
        if not loads:
            return seen
        again = self.limits.samples - 1 if "performance" in wanted else 2
        repeats = [await self.fetcher.get(page.place) for _ in range(again)]
        first_file = [each.place for each in seen.assets[:1] if "cdn" in wanted]
        file_repeats = [await self._file(each) for each in first_file for _ in range(2)]
        conditional = await self._revalidated([page, *seen.assets[:_SAMPLED_FILES]]) if "cache" in wanted else {}
        return Sightings(
            place, now, resolving, hops, facts, tuple(repeats), resources, tuple(file_repeats), conditional,
            tls, tls_failed,
        )  # fmt: skip

    async def _hops(self, place: Place) -> tuple[Answer, ...]:
        """The answers on the way to the page; each hop's address is checked as the first one's."""
        hops = [await self.fetcher.get(place)]
        while hops[-1].status in REDIRECTS and hops[-1].header("location"):
            if len(hops) > self.limits.redirects:
                raise TargetMisbehaves(f"target: {place.authority} redirects more than {self.limits.redirects} times")
            hops.append(await self.fetcher.get(hops[-1].place.joined(hops[-1].header("location"))))
        return tuple(hops)

    async def _tls(self, hops: tuple[Answer, ...]) -> tuple[TlsFacts | None, str]:
        """Of the first place on the way that is encrypted."""
        first = next((each for each in hops if each.place.scheme == "https"), None)
        if first is None:
            return None, ""
        try:
            return await self.job.in_thread(
                look_at, first.place, first.address, self.limits.patience, self.authorities
            ), ""
        except TlsFailed as error:
            return None, str(error)

    async def _facts(self, page: Answer) -> PageFacts | None:
        kind = page.header("content-type")
        if kind.partition(";")[0].strip().lower() not in ("text/html", "application/xhtml+xml") or not page.body:
            return None
        return await self.job.in_process(read_page, page.body, page.header("content-encoding"), kind)

    async def _resources(self, page: Answer, facts: PageFacts) -> tuple[Resource, ...]:
        """What the page loads, each within the limits; what may not be called is not, and says so."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(reference: str) -> Resource:
            async with turn:
                try:
                    return Resource(reference, await self._file(page.place.joined(reference)))
                except _OF_TARGET as error:
                    return Resource(reference, None, error.code)

        rest = [Resource(each, None, "beyond the limit of files") for each in facts.resources[self.limits.resources :]]
        found = await asyncio.gather(*map(one, facts.resources[: self.limits.resources]))
        return (*found, *rest)

    async def _file(self, place: Place) -> Answer:
        return await self.fetcher.get(place, most=self.limits.resource_bytes)

    async def _revalidated(self, answers: list[Answer]) -> dict[str, Answer]:
        """Answers to the question whether each is still the same."""
        found = {}
        for answer in answers:
            if tag := answer.header("etag"):
                headers = {"If-None-Match": tag}
            elif changed := answer.header("last-modified"):
                headers = {"If-Modified-Since": changed}
            else:
                continue
            found[answer.place.url] = await self.fetcher.get(answer.place, headers=headers)
        return found
