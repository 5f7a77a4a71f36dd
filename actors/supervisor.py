"""The supervisor: sees that every actor answers, and that the sources are those of the file."""

from __future__ import annotations

import asyncio
from typing import Any

import ray
import structlog
from ray.exceptions import RayError

from actors.deployment import Part, create, parts_of
from actors.peers import COLLECTOR, SUPERVISOR, Peer
from actors.shell import Health, Shell
from herald.bootstrap.configuration import sources_version
from herald.bootstrap.wiring import Wiring
from herald.documents import ConfigurationError
from herald.ports import PortError, Unavailable

CHECK_PERIOD_S = 2.0
ANSWER_TIMEOUT_S = 5.0
MISSES_MAX = 3
START_PATIENCE_S = 60.0
"""How long a process that was just started may take to its first answer: a crowded machine takes many seconds."""

log = structlog.get_logger()


class SupervisorShell(Shell):
    """Watches over the others.

    Guarantees: Ray restarts a process that ended; this actor ends one that no longer answers (and gives the next time
    to begin), creates one that is missing, and hands a changed list of sources to the collectors. A file that cannot be
    used is reported and the old list stays. Killing the supervisor harms no other actor; the next one hands the list
    over again, since it may have changed meanwhile.
    """

    def __init__(self, wiring: Wiring) -> None:
        """Begin with the addresses and files of ``wiring``."""
        self._wiring = wiring
        self._misses: dict[str, int] = {}
        self._patient_until: dict[str, float] = {}
        self._healths: dict[str, Health] = {}
        self._sources_version = ""
        self._parts: list[Part] = []
        super().__init__(SUPERVISOR)

    async def report(self) -> list[Health]:
        """Return the last known health of every actor."""
        await self.ready()
        return [self._healths[name] for name in sorted(self._healths)]

    async def check(self) -> None:
        """Ask every actor how it is, once."""
        await asyncio.gather(*(self._check(part) for part in self._parts))

    async def _begin(self) -> None:
        self._parts = parts_of(self._wiring)
        self._keep(self._watch(), "watch")

    async def _watch(self) -> None:
        while True:
            await self.check()
            await self._reload_sources()
            await asyncio.sleep(CHECK_PERIOD_S)

    async def _check(self, part: Part) -> None:
        try:
            health: Health = await Peer(part.name).call("health", timeout_s=ANSWER_TIMEOUT_S)
        except Unavailable as error:
            missed = self._misses[part.name] = self._misses.get(part.name, 0) + 1
            self._healths[part.name] = Health(part.name, 0, ready=False, detail={"error": str(error)})
            if missed >= MISSES_MAX and asyncio.get_running_loop().time() >= self._patient_until.get(part.name, 0.0):
                self._revive(part)
        else:
            self._misses[part.name] = 0
            self._patient_until.pop(part.name, None)
            self._healths[part.name] = health

    def _revive(self, part: Part) -> None:
        log.error("actor does not answer; it is restarted", actor=part.name, misses=self._misses[part.name])
        self._misses[part.name] = 0
        try:
            ray.kill(create(part), no_restart=False)
        except RayError as error:
            log.error("actor could not be restarted", actor=part.name, error=str(error))
        else:
            self._be_patient_with(part)

    def _be_patient_with(self, part: Part) -> None:
        self._patient_until[part.name] = asyncio.get_running_loop().time() + START_PATIENCE_S

    async def _reload_sources(self) -> None:
        if self._wiring.is_replay:
            return
        try:
            version = sources_version(self._wiring)
            if version == self._sources_version:
                return
            self._sources_version = version
            parts = parts_of(self._wiring)
        except ConfigurationError as error:
            log.error("sources not reloaded; the old list stays", error=str(error))
            return
        await self._hand_over(parts)

    async def _hand_over(self, parts: list[Part]) -> None:
        """Tell every collector of the new list, also one whose group is gone, and create those of new groups."""
        known = {part.name for part in self._parts}
        self._parts = parts
        for part in parts:
            if part.name not in known:
                create(part)
                self._be_patient_with(part)
                log.info("collector created", actor=part.name)
        for name in sorted(name for name in known if name.startswith(COLLECTOR)):
            try:
                changes: dict[str, Any] = await Peer(name).call("reload")
            except PortError as error:
                log.error("collector did not take the new list", actor=name, error=str(error))
            else:
                log.info("sources reloaded", actor=name, **changes)


RemoteSupervisor = ray.remote(max_restarts=-1, num_cpus=0)(SupervisorShell)
