"""Ways to hosts: a name is resolved once in a scan, its addresses are checked, and only they are called."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

from jobforge.autopilot.scanning.failures import TargetNotAllowed, TargetTimeout, TargetUnresolvable
from jobforge.autopilot.scanning.places import Place
from jobforge.chassis.public_addresses import is_public

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host, best first; raises ``OSError`` or ``UnicodeError`` if there are none."""


@dataclass(frozen=True, slots=True)
class Route:
    """Checked addresses of a host, best first, and the seconds that finding them took."""

    addresses: tuple[str, ...]
    resolving: float


async def resolve(host: str, port: int) -> list[str]:
    """As this machine resolves names."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Routes:
    """The ways of one scan; hosts and ports in ``private`` may have addresses that are not public.

    ``known`` are ways that were found and checked before.
    """

    def __init__(
        self,
        private: frozenset[tuple[str, int]],
        patience: float,
        asked: Resolve = resolve,
        known: Mapping[tuple[str, int], Route] | None = None,
    ) -> None:
        self.private = private
        self._patience = patience
        self._asked = asked
        self.known = dict(known or {})
        self._turn = asyncio.Lock()

    async def to(self, place: Place) -> Route:
        """The way to a place, the same each time.

        Raises ``TargetNotAllowed`` if any of its addresses is not public, ``TargetUnresolvable`` or ``TargetTimeout``.
        """
        key = place.host, place.port
        async with self._turn:
            if key not in self.known:
                self.known[key] = await self._found(place)
            return self.known[key]

    async def _found(self, place: Place) -> Route:
        began = perf_counter()
        try:
            async with asyncio.timeout(self._patience):
                addresses = await self._asked(place.host, place.port)
        except TimeoutError as error:
            raise TargetTimeout(f"target: {place.host} was not resolved within {self._patience:g} s") from error
        except (OSError, UnicodeError) as error:
            raise TargetUnresolvable(f"target: {place.host} has no address; check its spelling") from error
        if not addresses:
            raise TargetUnresolvable(f"target: {place.host} has no address; check its spelling")
        if (place.host, place.port) not in self.private and not all(map(is_public, addresses)):
            raise TargetNotAllowed(
                f"target: {place.authority} has an address that is not public; if it is meant to be scanned, register "
                f"it with allow_private in the file that JOBFORGE_TARGETS_FILE names"
            )
        return Route(tuple(addresses), perf_counter() - began)
