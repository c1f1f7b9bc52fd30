"""What the service is told of a model's endpoint, and what an endpoint tells of its own patience."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from pydantic import HttpUrl, SecretStr, ValidationError

from jobforge.autopilot.drafting.model import Model, ModelSettings
from jobforge.autopilot.drafting.streaming import retry_after

KEY = "sk-a-key-that-nobody-may-see"


@pytest.mark.parametrize(
    "variables",
    [
        {"JOBFORGE_LLM_URL": "http://127.0.0.1:1/v1", "JOBFORGE_LLM_API_KEY": KEY},
        {"JOBFORGE_LLM_MODEL": "m", "JOBFORGE_LLM_API_KEY": KEY},
        {"JOBFORGE_LLM_API_KEY": KEY},
        {"JOBFORGE_LLM_URL": f"https://u:{KEY}@models.example/v1", "JOBFORGE_LLM_MODEL": "m"},
        {"JOBFORGE_LLM_URL": f"not an address {KEY}", "JOBFORGE_LLM_MODEL": "m"},
    ],
)
def test_half_a_setting_is_refused_without_showing_the_key(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """When the service starts."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as raised:
        ModelSettings()
    assert "JOBFORGE_LLM" in str(raised.value) or "url" in str(raised.value)
    assert KEY not in str(raised.value)


def test_empty_variables_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container has them whose host sets nothing."""
    for name in ("URL", "MODEL", "API_KEY", "TIMEOUT"):
        monkeypatch.setenv(f"JOBFORGE_LLM_{name}", "")
    assert not Model(ModelSettings()).configured


def test_nothing_that_shows_a_model_shows_its_key() -> None:
    """Neither settings nor the tool made of them."""
    settings = ModelSettings(url=HttpUrl("https://models.example/v1"), model="m", api_key=SecretStr(KEY))
    assert KEY not in repr(settings) + repr(Model(settings)) + repr(vars(Model(settings)))


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("0", 0, 0),
        ("90", 90, 90),
        ("999999999999", 600, 600),
        pytest.param(format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True), 600, 600, id="tomorrow"),
        pytest.param(format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True), 0, 0, id="yesterday"),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_ten_minutes(said: str, least: int, most: int) -> None:
    """The longest that a retry waits."""
    found = retry_after(httpx.Headers({"Retry-After": said}))
    assert found is not None
    assert least <= found.total_seconds() <= most


@pytest.mark.parametrize("said", ["", "soon", "-5", "²"])
def test_a_retry_after_that_says_nothing_is_none(said: str) -> None:
    """The template's own backoff counts then."""
    assert retry_after(httpx.Headers([(b"Retry-After", said.encode())])) is None
