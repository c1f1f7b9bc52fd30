"""Pictures made on the spot."""

from pathlib import Path

import numpy as np
import pytest
import pyvips

from jobforge.testkit.recording_job import RecordingJob

DATA = Path(__file__).parent / "data"


@pytest.fixture
def photograph() -> bytes:
    """A photograph as an uploaded PNG, 256 pixels wide."""
    return (DATA / "kodim23-256.png").read_bytes()


@pytest.fixture(scope="session")
def scene() -> pyvips.Image:
    """A 160 x 120 picture with gradients, an edge and a little noise: red on the left, its top left corner white."""
    rows, columns = np.mgrid[0:120, 0:160]
    noise = np.random.default_rng(7).normal(0, 4, (120, 160))
    pixels = np.stack([240 - columns, rows * 1.5, columns * 0.8 + rows * 0.4], axis=2) + noise[:, :, None]
    pixels[:40, :50] = 255
    return pyvips.Image.new_from_array(np.clip(pixels, 0, 255).astype(np.uint8), interpretation="srgb")


@pytest.fixture
def recording_job() -> RecordingJob:
    return RecordingJob()
