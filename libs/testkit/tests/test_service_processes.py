"""Service processes of end-to-end tests: started, killed and started again on the real plane."""

from pathlib import Path

import httpx

from jobforge.testkit.backends import Plane
from jobforge.testkit.processes import Services


async def test_a_killed_service_starts_again_on_its_port(clean_plane: Plane, tmp_path: Path) -> None:
    """Tests can crash a service and bring it back under the same address; nothing of it is left afterwards."""
    environment = clean_plane.environment(artifacts=tmp_path / "artifacts")
    async with Services(environment, logs=tmp_path / "logs") as services:
        await services.start("echo")
        first, url = services["echo"].pid, services["echo"].url
        services["echo"].kill()
        assert not services["echo"].alive
        await services.start("echo")
        assert services["echo"].pid != first
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/livez")).status_code == httpx.codes.OK
    assert not services["echo"].alive
