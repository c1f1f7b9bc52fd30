"""What tenants upload and report before the load: contracts, documents, pictures, and usage of API keys."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

CONTRACTS = ("supply", "lease")
DOCUMENTS = ("starting", "stopping", "cleaning", "repairing", "storing", "ordering")
PICTURES = ("sunrise", "sunset")
LETTER = "letter"
"""An asset that is no picture."""
PRESENTATION = "presentation"
"""A document that is none that can be read."""
QUERIES = ("which lever starts the pump", "cleaning the filter", "spare parts", "winter")
TARGET = "site"
CACHED_HOST = "www.example.com"
USES = 40
"""Usage events of each tenant."""

_CONTRACT = """{name} AGREEMENT

This {name} Agreement of {mark} is made on March 3, 2021 by and between Northwind Trading, Inc. ("Supplier") and
Fabrikam Retail LLC ("Customer"). It expires on March 3, 2031. Either party may end it with 60 days' written notice.
This Agreement is governed by the laws of the State of New York.
"""
_DOCUMENT = """# {name} the pump

{mark} owns this pump. Before {name} it, look at the green lever: it stands upright before anybody starts the pump.

## In winter

When {name} in winter, empty the filter first. Spare parts are ordered with form 12; {name} takes about 20 minutes.
"""
_BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Upload:
    """One object."""

    kind: str
    name: str
    content_type: str
    data: bytes


def uploads(mark: str) -> Iterator[Upload]:
    """Everything that a tenant uploads; ``mark`` stands in its texts."""
    for name in CONTRACTS:
        text = _CONTRACT.format(name=name.capitalize(), mark=mark)
        yield Upload("contract", name, "text/plain", text.encode())
    for name in DOCUMENTS:
        yield Upload("document", name, "text/markdown", _DOCUMENT.format(name=name, mark=mark).encode())
    for name, warmth in zip(PICTURES, (255, 120), strict=True):
        yield Upload("asset", name, "image/png", _picture(warmth))
    yield Upload("asset", LETTER, "text/plain", b"Dear reader, this is no picture.")
    yield Upload("document", PRESENTATION, "application/octet-stream", _picture(0))


def usage(tenant: str) -> list[dict[str, Any]]:
    """The events of a tenant's API keys, one every two hours."""
    return [_use(tenant, number) for number in range(USES)]


def _use(tenant: str, number: int) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "event_type": "keys.usage.recorded",
        "event_id": str(uuid5(NAMESPACE_URL, f"{tenant}/{number}")),
        "trace_id": f"usage-{tenant}-{number}",
        "source_app": "keys",
        "payload": {"key_id": f"key-{number % 3}", "requests": number, "bytes_transferred": 10 * number},
        "occurred_at": (_BEGIN + timedelta(hours=2 * number)).isoformat(),
    }


def _picture(warmth: int) -> bytes:
    """A PNG of 64 x 48 pixels with a slope in each direction."""
    from PIL import Image

    red, green = Image.linear_gradient("L"), Image.linear_gradient("L").rotate(90)
    blue = Image.new("L", red.size, warmth)
    held = io.BytesIO()
    Image.merge("RGB", (red, green, blue)).resize((64, 48)).save(held, "PNG")
    return held.getvalue()
