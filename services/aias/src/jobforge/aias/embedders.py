"""Who makes the vectors: the table that ships with the service, or an embedding endpoint that the operator names."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, HttpUrl, SecretStr, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobforge.aias.errors import EmbeddingsRefused, EmbeddingsUnavailable, EmbeddingsUnusable

BUILT_IN = "wordllama-l2-supercat"
BUILT_IN_DIMENSIONS = 256
AT_ONCE = 64
"""Texts of one request to an endpoint."""
_TELLS = 300
_VECTORS = TypeAdapter(list[list[float]])


class EmbeddingSettings(BaseSettings):
    """An endpoint that speaks OpenAI's embeddings protocol; ``JOBFORGE_AIAS_EMBEDDINGS_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="JOBFORGE_AIAS_EMBEDDINGS_", frozen=True, extra="ignore")

    url: HttpUrl | None = Field(default=None, description="What /embeddings is appended to; unset: the built-in table.")
    key: SecretStr | None = Field(default=None, description="Sent as a bearer token.")
    model: str = Field(default="text-embedding-3-small", min_length=1)
    timeout: float = Field(default=30.0, gt=0, description="Seconds for one request.")


class Embedder:
    """The one source of vectors that a service has; an index remembers its ``name``."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        self._settings = settings
        self.built_in = settings.url is None
        self.name = BUILT_IN if self.built_in else f"endpoint:{settings.model}"

    async def ask(self, texts: Sequence[str]) -> list[list[float]]:
        """The endpoint's vectors, one for each text.

        Raises ``EmbeddingsUnavailable``, ``EmbeddingsRefused`` or ``EmbeddingsUnusable``.
        """
        import httpx

        headers = {}
        if self._settings.key is not None:
            headers["Authorization"] = f"Bearer {self._settings.key.get_secret_value()}"
        rows: list[list[float]] = []
        async with httpx.AsyncClient(timeout=self._settings.timeout, headers=headers) as client:
            for first in range(0, len(texts), AT_ONCE):
                some = list(texts[first : first + AT_ONCE])
                try:
                    answer = await client.post(self._address, json={"model": self._settings.model, "input": some})
                except httpx.HTTPError as error:
                    why = f"{self._address} did not answer: {type(error).__name__} (JOBFORGE_AIAS_EMBEDDINGS_URL)"
                    raise EmbeddingsUnavailable(why) from None
                self._check(answer.status_code, answer.text)
                rows += vectors_of(answer.content, len(some))
        if len({len(row) for row in rows}) > 1:
            raise EmbeddingsUnusable(f"{self._address} gave vectors of several dimensions")
        return rows

    @property
    def _address(self) -> str:
        return f"{str(self._settings.url).rstrip('/')}/embeddings"

    def _check(self, status: int, said: str) -> None:
        if status == 200:
            return
        why = f"{self._address} answered {status}: {said[:_TELLS]}"
        if status in (408, 429) or status >= 500:
            raise EmbeddingsUnavailable(why)
        raise EmbeddingsRefused(f"{why} (see JOBFORGE_AIAS_EMBEDDINGS_KEY and _MODEL)")


def vectors_of(body: bytes, expected: int) -> list[list[float]]:
    """The vectors of an endpoint's answer, in the order of the texts; raises ``EmbeddingsUnusable``."""
    try:
        document = _ANSWER.validate_json(body)
        items = sorted(document["data"], key=lambda item: int(item["index"]))
        rows = _VECTORS.validate_python([item["embedding"] for item in items])
    except (ValidationError, LookupError, TypeError, ValueError) as error:
        raise EmbeddingsUnusable(f"the answer is no list of vectors: {str(error)[:_TELLS]}") from None
    if len(rows) != expected or not rows[0] or not all(-1e30 < number < 1e30 for row in rows for number in row):
        raise EmbeddingsUnusable(f"the answer has {len(rows)} usable vectors, and {expected} were asked for")
    return rows


_ANSWER = TypeAdapter(dict[str, Any])
