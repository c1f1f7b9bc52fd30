"""Where a service's process runs, as manifests show it."""

import platform
import socket
from importlib.metadata import PackageNotFoundError, version

from jobforge.contracts.runs import Environment


def environment_of(service: str) -> Environment:
    """Where this process runs; a service that is no package of the plane has the version ``0``."""
    try:
        release = version(f"jobforge-{service}")
    except PackageNotFoundError:
        release = "0"
    return Environment(
        service=service,
        version=release,
        python=platform.python_version(),
        platform=platform.platform(),
        host=socket.gethostname(),
    )
