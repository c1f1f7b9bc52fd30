"""The plane in containers: whether this machine can run it, and starting, stopping and showing it with compose."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from jobforge.native.containers import COMPOSE_FILE
from jobforge.native.places import INFRA, ROOT, RUNTIME
from jobforge.native.ports import JAEGER, KAFKA, OTLP_GRPC, OTLP_HTTP, REDIS, require_free
from jobforge.native.processes import DidNotStart
from jobforge.native.say import Say
from jobforge.native.services import registered

ENGINE_TIMEOUT = 15
WAIT_TIMEOUT = 300
DOCKERFILE = INFRA / "docker" / "service.Dockerfile"


def why_not(say: Say) -> str | None:
    """Why Docker cannot be used here, or None; missing images are pulled, which may take minutes."""
    try:
        if _quiet(["docker", "version", "--format", "{{.Server.Version}}"]):
            return "no Docker engine answers"
        if _quiet(["docker", "compose", "version"]):
            return "docker has no compose plugin"
    except FileNotFoundError:
        return "docker is not on the PATH"
    except subprocess.TimeoutExpired:
        return f"the Docker engine did not answer within {ENGINE_TIMEOUT} s"
    for image in needed_images():
        if _quiet(["docker", "image", "inspect", image]):
            say(f"pulling {image}")
            if subprocess.run(["docker", "pull", "-q", image], check=False, stdin=subprocess.DEVNULL).returncode:
                return f"the image {image} cannot be pulled"
    return None


def needed_images(compose_file: Path = COMPOSE_FILE, dockerfile: Path = DOCKERFILE) -> list[str]:
    """Images of others that the plane runs or is built on."""
    services = yaml.safe_load(compose_file.read_text(encoding="utf-8"))["services"].values()
    run = {str(service["image"]) for service in services if "build" not in service}
    built_on = set(re.findall(r"^FROM (\S+)", dockerfile.read_text(encoding="utf-8"), re.MULTILINE))
    return sorted(run | built_on)


def _quiet(command: Sequence[str]) -> bool:
    """Run a command and say whether it failed."""
    done = subprocess.run(
        list(command), capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=ENGINE_TIMEOUT
    )
    return done.returncode != 0


def compose(*arguments: str) -> int:
    """Run ``docker compose`` on the plane's file with the terminal as it is; returns its exit code."""
    command = ["docker", "compose", "--project-directory", str(ROOT), "-f", str(COMPOSE_FILE), *arguments]
    return subprocess.run(command, check=False, cwd=ROOT, env=dict(os.environ) | _certificates()).returncode


def _certificates() -> dict[str, str]:
    """The machine's own bundle of certificates for the builds, copied to where the builder may read it."""
    bundle = os.environ.get("SSL_CERT_FILE")
    if not bundle or not Path(bundle).is_file():
        return {}
    RUNTIME.mkdir(parents=True, exist_ok=True)
    copied = Path(shutil.copyfile(bundle, RUNTIME / "certificates.pem"))
    return {"JOBFORGE_BUILD_CERTIFICATES": str(copied)}


def running() -> set[str]:
    """Names of the plane's services that run in containers; empty without an engine."""
    command = ["docker", "compose", "--project-directory", str(ROOT), "-f", str(COMPOSE_FILE), "ps", "--services"]
    try:
        done = subprocess.run(
            [*command, "--status", "running"], capture_output=True, text=True, check=False, timeout=ENGINE_TIMEOUT
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return set()
    return set(done.stdout.split()) if done.returncode == 0 else set()


def up(say: Say) -> bool:
    """Build what changed and start what is missing; returns whether anything was started. Raises ``DidNotStart``."""
    wanted = {"kafka", "valkey", "jaeger", *(service.name for service in registered())}
    before = running()
    if wanted <= before:
        say("the plane is already running")
        return False
    if not before:
        require_free([KAFKA, REDIS, JAEGER, OTLP_GRPC, OTLP_HTTP, *(service.port for service in registered())])
    say("building and starting the containers (the first build takes some minutes)")
    if compose("up", "--build", "--detach", "--wait", "--wait-timeout", str(WAIT_TIMEOUT)):
        compose("logs", "--tail", "20")
        if not before:
            compose("down")
        raise DidNotStart("docker compose could not start the plane; its last lines of log are above")
    for service in registered():
        say(f"{service.name} is ready at {service.url}")
    say(f"Jaeger is ready at http://127.0.0.1:{JAEGER.number()}")
    return True


def down(say: Say, *, volumes: bool = False) -> None:
    """Stop and remove the containers; the volumes stay unless they are to go as well."""
    say("stopping the containers")
    compose("down", "--timeout", os.environ.get("JOBFORGE_STOP_TIMEOUT", "28"), *(["--volumes"] if volumes else []))
