"""What this machine offers to run a plane: Python, uv, Docker with its images, or Java, Maven and Go, and room."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "missing", "note"]
IMAGES = (
    "apache/kafka:4.3.1",
    "valkey/valkey:9",
    "jaegertracing/jaeger:2.20.0",
    "python:3.11-slim-bookworm",
)
DISK_NEEDED = 6 * 1024**3
"""Bytes for images or for the native build (Go's caches take most of it)."""
JAVA_NEEDED = 17
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: ``missing`` breaks its path, ``note`` is worth knowing; ``remedy`` says what to do."""

    group: Literal["machine", "docker", "native", "ports", "plane"]
    name: str
    state: State
    found: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """The check as plain data."""
        return asdict(self)


def check_machine() -> Iterator[Check]:
    """What both ways of running need."""
    version = ".".join(map(str, sys.version_info[:3]))
    new_enough = sys.version_info >= (3, 11)
    yield Check("machine", "Python", "ok" if new_enough else "missing", version, "" if new_enough else "Python 3.11+")
    uv = _told("uv", "--version")
    yield Check("machine", "uv", "ok" if uv else "missing", uv or "not found", "" if uv else "pip install uv")
    yield from _check_cache()


def _check_cache() -> Iterator[Check]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jobforge"
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    writable = os.access(there, os.W_OK | os.X_OK)
    remedy = "" if writable else "make it writable, or set XDG_CACHE_HOME"
    yield Check("machine", "cache folder", "ok" if writable else "missing", str(cache), remedy)
    free = shutil.disk_usage(there).free
    enough = free >= DISK_NEEDED
    remedy = "" if enough else f"free {DISK_NEEDED / 1024**3:.0f} GiB there, or set XDG_CACHE_HOME to another disk"
    yield Check("machine", "disk space", "ok" if enough else "note", f"{free / 1024**3:.1f} GiB free", remedy)


def check_docker() -> Iterator[Check]:
    """An engine that answers and can get the images."""
    get = "install a Docker engine (https://docs.docker.com/engine/install)"
    if shutil.which("docker") is None:
        yield Check("docker", "Docker engine", "missing", "no docker command", get)
        return
    engine = _told("docker", "version", "--format", "{{.Server.Version}}")
    if not engine:
        yield Check("docker", "Docker engine", "missing", "no engine answers", "start it, or see DOCKER_HOST")
        return
    yield Check("docker", "Docker engine", "ok", engine)
    compose = _told("docker", "compose", "version", "--short")
    remedy = "" if compose else "install the compose plugin (https://docs.docker.com/compose/install)"
    yield Check("docker", "Docker Compose", "ok" if compose else "missing", compose or "not found", remedy)
    for image in IMAGES:
        yield _check_image(image)


def _check_image(image: str) -> Check:
    if _told("docker", "image", "inspect", "--format", "{{.Id}}", image):
        return Check("docker", image, "ok", "is here")
    if _told("docker", "manifest", "inspect", image, seconds=20):
        return Check("docker", image, "ok", "can be pulled")
    return Check("docker", image, "missing", "cannot be had", f"see why with: docker pull {image}")


def check_native() -> Iterator[Check]:
    """What runs Kafka and Jaeger without containers."""
    told = _told("java", "-version")
    version = re.search(r'version "(\d+)', told or "")
    java = int(version[1]) if version else 0
    get = "install a JDK 17 or newer (Debian: apt-get install openjdk-17-jdk-headless; macOS: brew install openjdk)"
    good = java >= JAVA_NEEDED
    yield Check(
        "native", "Java 17+", "ok" if good else "missing", f"Java {java}" if java else "not found", "" if good else get
    )
    maven = _told("mvn", "-v")
    get = "install Maven (Debian: apt-get install maven; macOS: brew install maven)"
    yield Check("native", "Maven", "ok" if maven else "missing", _first(maven), "" if maven else get)
    go = _told("go", "version")
    get = "without it traces are kept nowhere; install Go (https://go.dev/dl)"
    yield Check("native", "Go", "ok" if go else "note", _first(go), "" if go else get)


def _first(text: str) -> str:
    return text.splitlines()[0] if text else "not found"


def _told(*command: str, seconds: float = 10) -> str:
    """What a command prints, empty when it fails or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return _ANSI.sub("", done.stdout + done.stderr).strip() if done.returncode == 0 else ""
