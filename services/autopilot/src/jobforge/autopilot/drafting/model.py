"""Asks a language model behind an endpoint of OpenAI's chat protocol, and reads its answer as it comes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, Field, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.autopilot.drafting.failures import (
    ModelCutOff,
    ModelNotConfigured,
    ModelRefused,
    ModelTimedOut,
    ModelUnavailable,
    ModelUnusable,
)
from jobforge.autopilot.drafting.matching import hidden

Heard = Callable[[int], Awaitable[None]]
_DONE = "[DONE]"


class ModelSettings(BaseSettings):
    """An endpoint that speaks OpenAI's chat completions; ``JOBFORGE_LLM_<NAME>``."""

    # A validation error would otherwise show the key.
    model_config = SettingsConfigDict(
        env_prefix="JOBFORGE_LLM_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    url: HttpUrl | None = Field(default=None, description="What /chat/completions is appended to; unset: no model.")
    api_key: SecretStr | None = Field(default=None, description="Sent as a bearer token.")
    model: str = Field(default="", description="Which model of the endpoint.")
    timeout: float = Field(default=30.0, gt=0, description="Seconds of silence.")
    total_timeout: float = Field(default=150.0, gt=0, le=280, description="Seconds for one answer.")
    max_tokens: int = Field(default=4_000, gt=0, description="Of one answer.")
    input_price: float = Field(default=0.0, ge=0, description="Of a million tokens that are sent, in any currency.")
    output_price: float = Field(default=0.0, ge=0, description="Of a million tokens that come back.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.url is None) != (not self.model):
            raise ValueError("JOBFORGE_LLM_URL and JOBFORGE_LLM_MODEL are set together or not at all")
        if self.url is None and self.api_key is not None:
            raise ValueError("JOBFORGE_LLM_API_KEY needs JOBFORGE_LLM_URL, which is not set")
        if self.url is not None and (self.url.username or self.url.password):
            raise ValueError("JOBFORGE_LLM_URL holds no user and no password; use JOBFORGE_LLM_API_KEY")
        return self


class Usage(BaseModel):
    """What the endpoint counted."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class _Delta(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Chunk(BaseModel):
    """One event of the stream; an endpoint that fails in the middle sends ``error`` instead."""

    choices: list[_Choice] = []
    usage: Usage | None = None
    error: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said; ``usage`` is None where the endpoint does not count."""

    text: str
    usage: Usage | None


class Model:
    """The one model that a service may ask."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self.configured = settings.url is not None
        self.name = f"model:{settings.model}"

    async def answer(self, messages: Sequence[dict[str, str]], heard: Heard) -> Answer:
        """The model's answer; ``heard`` is told its length so far. Raises one of ``failures.Model...``."""
        if not self.configured:
            raise ModelNotConfigured("writer: the service has no model; set JOBFORGE_LLM_URL and JOBFORGE_LLM_MODEL")
        import httpx

        try:
            async with asyncio.timeout(self._settings.total_timeout):
                return await self._ask(messages, heard)
        except (TimeoutError, httpx.TimeoutException) as error:
            limit = "TOTAL_TIMEOUT" if isinstance(error, TimeoutError) else "TIMEOUT"
            raise ModelTimedOut(f"{self._address} was not done in time (JOBFORGE_LLM_{limit})") from None
        except httpx.HTTPError as error:
            why = f"{self._address} did not answer: {type(error).__name__} (JOBFORGE_LLM_URL)"
            raise ModelUnavailable(why) from None

    def cost(self, usage: Usage) -> float:
        """Of one answer, by the prices that are set."""
        given = self._settings
        return (usage.prompt_tokens * given.input_price + usage.completion_tokens * given.output_price) / 1e6

    @property
    def _address(self) -> str:
        url = self._settings.url
        assert url is not None
        # Without its query, which may hold what nobody should see.
        port = f":{url.port}" if url.port else ""
        return f"{url.scheme}://{url.host}{port}{(url.path or '').rstrip('/')}/chat/completions"

    async def _ask(self, messages: Sequence[dict[str, str]], heard: Heard) -> Answer:
        import httpx

        from jobforge.autopilot.drafting.streaming import check, events

        key = self._settings.api_key.get_secret_value() if self._settings.api_key else ""
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        asked = {
            "model": self._settings.model,
            "messages": list(messages),
            "max_tokens": self._settings.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        client: httpx.AsyncClient = await asyncio.to_thread(httpx.AsyncClient, timeout=self._settings.timeout)
        query = self._settings.url.query if self._settings.url else None
        target = f"{self._address}?{query}" if query else self._address
        async with client, client.stream("POST", target, json=asked, headers=headers) as response:
            await check(response, self._address, key)
            return await _read(events(response), key, heard)


async def _read(stream: AsyncIterator[str], key: str, heard: Heard) -> Answer:
    text, refusal = "", ""
    usage, finish = None, None
    async for data in stream:
        if data == _DONE:
            break
        chunk = _chunk(data)
        usage = chunk.usage or usage
        for choice in chunk.choices[:1]:
            finish = choice.finish_reason or finish
            refusal += choice.delta.refusal or ""
            if choice.delta.content:
                text += choice.delta.content
                await heard(len(text))
    _judge(finish, hidden(refusal, key))
    return Answer(hidden(text, key), usage)


def _chunk(data: str) -> _Chunk:
    try:
        chunk = _Chunk.model_validate_json(data)
    except ValidationError:
        raise ModelUnusable("the endpoint streams what is not OpenAI's chat protocol (JOBFORGE_LLM_URL)") from None
    if chunk.error is not None:
        raise ModelUnavailable("the endpoint failed in the middle of its answer")
    return chunk


def _judge(finish: str | None, refusal: str) -> None:
    if refusal or finish == "content_filter":
        raise ModelRefused(f"topic: the model declines: {refusal[:200] or 'its filter'!r}; change the topic")
    if finish == "length":
        raise ModelCutOff("max_words: the answer was cut off; ask for fewer words, or raise JOBFORGE_LLM_MAX_TOKENS")
    if finish is None:
        raise ModelUnavailable("the endpoint broke its answer off")
