"""What this machine offers: programs on the path and their versions, and how to get what is missing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

JAVA_NEEDED = 17
HINTS = {
    "java": "Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk)",
    "mvn": "Maven (Debian: apt-get install maven; macOS: brew install maven)",
    "go": "Go 1.23 or newer (https://go.dev/dl; Debian: apt-get install golang; macOS: brew install go)",
    "docker": "a Docker engine (https://docs.docker.com/engine/install)",
}


class Missing(Exception):
    """The machine lacks something that cannot be done without; the message says what, and how to get it."""


def executable(name: str, why: str) -> str:
    """The program's path; raises ``Missing`` with the reason and the way to get it."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{why}, and {name} is not on the PATH: install {HINTS.get(name, name)}")
    return found


def java() -> str:
    """A Java that can run Kafka, from JAVA_HOME or the PATH; raises ``Missing``."""
    home = os.environ.get("JAVA_HOME")
    inside = Path(home) / "bin" / "java" if home else None
    found = str(inside) if inside and inside.exists() else executable("java", "Kafka runs on Java")
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', told.stderr + told.stdout)
    if version is None or int(version.group(1)) < JAVA_NEEDED:
        seen = version.group(1) if version else "unknown"
        raise Missing(f"Kafka needs Java {JAVA_NEEDED}, and {found} is version {seen}: install {HINTS['java']}")
    return found


def has(name: str) -> bool:
    """Whether a program is on the PATH."""
    return shutil.which(name) is not None
