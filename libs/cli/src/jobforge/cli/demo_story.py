"""What the demonstration does: the guide's two apps, with one real file each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Chapter:
    """One app of the guide: the file it uploads, the event it states and the job it requests."""

    app: str
    about: str
    file: str
    kind: str
    object_id: str
    media_type: str
    event_type: str
    payload: Mapping[str, Any]
    template_key: str
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def content(self) -> bytes:
        """The bytes of its file."""
        return (files("jobforge.cli") / "demo_data" / self.file).read_bytes()


SETTLER = Chapter(
    app="settler",
    about="a contract filed with the SEC (CUAD v1, The Atticus Project, CC BY 4.0)",
    file="contract.pdf",
    kind="contract",
    object_id="demo-contract",
    media_type="application/pdf",
    event_type="settler.contract.uploaded",
    payload={"contract_id": "demo-contract", "status": "pending_processing"},
    template_key="settler.contract.process",
    inputs={"contract_id": "demo-contract", "analysis_type": "full"},
)
READYLAYER = Chapter(
    app="readylayer",
    about="a photograph (Kodak Lossless True Color Image Suite)",
    file="photograph.png",
    kind="asset",
    object_id="demo-photograph",
    media_type="image/png",
    event_type="readylayer.asset.uploaded",
    payload={"asset_id": "demo-photograph", "optimization_pending": True},
    template_key="readylayer.asset.optimize",
    inputs={"asset_id": "demo-photograph", "formats": ["webp", "avif"], "sizes": [320, 640, 768]},
)
CHAPTERS = (SETTLER, READYLAYER)
