"""The async client."""

import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar
from uuid import UUID

import anyio
import httpx
from httpx_sse import EventSource, SSEError
from tenacity import AsyncRetrying

from jobforge.client import flows, reads, transport, writes
from jobforge.client.endpoints import signed_as
from jobforge.client.errors import JobForgeError
from jobforge.client.exchange import Call, check
from jobforge.client.options import Options
from jobforge.client.repeats import Deadline, repetition
from jobforge.client.watching import Watch
from jobforge.contracts.jobs import Job

P = ParamSpec("P")
T = TypeVar("T")


def _sends(make: Callable[P, Call[T]]) -> Callable[Concatenate["AsyncJobForgeClient", P], Coroutine[Any, Any, T]]:
    """A method that makes the described call."""

    @signed_as(make)
    async def method(self: "AsyncJobForgeClient", *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._send(make(*args, **kwargs))

    return method  # type: ignore[no-any-return]  # the decorator changes only how it introduces itself


def _follows(
    make: Callable[P, flows.Flow[T]],
) -> Callable[Concatenate["AsyncJobForgeClient", P], Coroutine[Any, Any, T]]:
    """A method that goes through the described flow of calls."""

    @signed_as(make)
    async def method(self: "AsyncJobForgeClient", *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._follow(make(*args, **kwargs))

    return method  # type: ignore[no-any-return]  # the decorator changes only how it introduces itself


class AsyncJobForgeClient:
    """JobForge for async code: the names and arguments of ``JobForgeClient``, with ``await``.

    An async context manager, to be used in one event loop.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        query_url: str | None = None,
        api_key: str | None = None,
        timeout: float | None = None,
    ) -> None:
        self.options = Options.resolve(url=url, query_url=query_url, api_key=api_key, timeout=timeout)
        self._http = httpx.AsyncClient(**transport.http_options(self.options))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    submit_event = _sends(writes.submit_event)
    submit_events = _follows(flows.submit_events)
    request_job = _sends(writes.request_job)
    cancel_job = _sends(writes.cancel_job)
    put_object = _sends(writes.put_object)
    get_job = _follows(flows.get_job)
    wait = _follows(flows.wait)
    list_runs = _sends(reads.list_runs)
    get_run_manifest = _follows(flows.get_run_manifest)
    get_report = _sends(reads.get_report)
    get_artifact = _sends(reads.get_artifact)
    list_events = _sends(reads.list_events)
    get_trace = _sends(reads.get_trace)
    list_templates = _sends(reads.list_templates)
    get_template = _sends(reads.get_template)
    set_template = _sends(writes.set_template)
    list_triggers = _sends(reads.list_triggers)
    set_trigger = _sends(writes.set_trigger)
    get_flags = _sends(reads.get_flags)
    set_flag = _sends(writes.set_flag)

    async def watch(self, job_id: UUID | str, tenant_id: str) -> AsyncGenerator[Job, None]:
        """Each state of a run from now to its end, as it changes, through broken connections."""
        watch = Watch(job_id, tenant_id, patience=self.options.timeout)
        while not watch.ended:
            failure: JobForgeError | SSEError | None = None
            try:
                async with aclosing(self._stream(watch)) as states:
                    async for job in states:
                        yield job
            except (JobForgeError, SSEError) as error:
                failure = error
            if not watch.ended:
                await anyio.sleep(watch.interrupted(failure))

    async def save_artifact(self, run_id: UUID | str, name: str, path: str | os.PathLike[str], tenant_id: str) -> Path:
        """Streams an artifact into a file, checked against its digest; the file appears whole or not at all."""
        call = reads.get_artifact(run_id, name, tenant_id)
        return await self._repeatedly(call, lambda seconds: self._download(call, Path(path), seconds))

    async def _send(self, call: Call[T]) -> T:
        if not call.repeats:
            return await self._once(call, self.options.timeout)
        return await self._repeatedly(call, lambda seconds: self._once(call, seconds))

    async def _repeatedly(self, call: Call[Any], attempt: Callable[[float], Awaitable[T]]) -> T:
        deadline = Deadline(self.options.timeout)

        async def once() -> T:
            return await attempt(deadline.attempt())

        return await AsyncRetrying(**repetition(self.options.timeout))(once)

    async def _once(self, call: Call[T], seconds: float) -> T:
        with transport.failures(self.options, call):
            response = await self._http.send(self._request(call, seconds))
        return call.outcome(transport.reply_of(response))

    def _request(self, call: Call[Any], seconds: float) -> httpx.Request:
        arguments = transport.request_options(self.options, call, seconds)
        if isinstance(call.content, Path):
            arguments["headers"]["content-length"] = str(call.content.stat().st_size)
            return self._http.build_request(content=_chunks(call.content), **arguments)
        return self._http.build_request(content=call.content, **arguments)

    async def _follow(self, flow: flows.Flow[T]) -> T:
        try:
            step = next(flow)
            while True:
                try:
                    result = await self._step(step)
                except JobForgeError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(result)
        except StopIteration as end:
            value: T = end.value
            return value

    async def _step(self, step: flows.Step) -> Any:
        return await anyio.sleep(step.seconds) if isinstance(step, flows.Sleep) else await self._send(step)

    async def _stream(self, watch: Watch) -> AsyncGenerator[Job, None]:
        call = watch.call()
        with transport.failures(self.options, call):
            response = await self._http.send(self._request(call, self.options.timeout), stream=True)
            try:
                if response.is_error:
                    await response.aread()
                    check(transport.reply_of(response))
                async for event in EventSource(response).aiter_sse():
                    if job := watch.seen(event):
                        yield job
                    if watch.ended:
                        return
            finally:
                await response.aclose()

    async def _download(self, call: Call[bytes], path: Path, seconds: float) -> Path:
        part = path.with_name(f".{path.name}.part")
        digest = hashlib.sha256()
        with transport.failures(self.options, call):
            response = await self._http.send(self._request(call, seconds), stream=True)
            try:
                if response.is_error:
                    await response.aread()
                    check(transport.reply_of(response))
                async with await anyio.open_file(part, "wb") as file:
                    async for chunk in response.aiter_bytes(transport.CHUNK):
                        digest.update(chunk)
                        await file.write(chunk)
                reads.check_digest(response.headers.get("etag", ""), digest.hexdigest())
                return Path(await anyio.Path(part).replace(path))
            finally:
                await response.aclose()
                await anyio.Path(part).unlink(missing_ok=True)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(transport.CHUNK):
            yield chunk
