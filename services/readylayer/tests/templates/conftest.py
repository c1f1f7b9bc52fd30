"""One run of a template over uploaded assets."""

from typing import Any

import pytest

from jobforge.readylayer.templates.asset_optimize import Inputs, Outputs, run
from jobforge.readylayer.tools import AssetLimits

LIMITS = AssetLimits(max_pixels=1_000_000, max_bytes=200_000)


class Work:
    """One run over a set of uploaded assets, in real child processes."""

    def __init__(self, job: Any) -> None:
        self.job = job

    async def optimize(self, asset: bytes, limits: AssetLimits = LIMITS, **inputs: Any) -> Outputs:
        self.job.objects["asset", "hero"] = asset
        request: dict[str, Any] = {"asset_id": "hero", "formats": ["webp"], "sizes": [64], **inputs}
        outputs = await run(Inputs.model_validate(request), self.job, limits=limits)
        assert isinstance(outputs, Outputs)
        return outputs


@pytest.fixture
def work(recording_job: Any) -> Work:
    return Work(recording_job)
