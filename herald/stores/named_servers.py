"""The servers of the services profile: somebody else runs them, Herald knows their addresses."""

from __future__ import annotations

import asyncio

from herald.stores.embedded.addresses import Addresses
from herald.stores.embedded.stack import Progress, quiet


class NamedServers:
    """Answers like ``EmbeddedStack`` for servers that are neither started nor stopped here."""

    def __init__(self, addresses: Addresses) -> None:
        """Keep the addresses."""
        self.addresses = addresses

    @property
    def pids(self) -> dict[str, int | None]:
        """Return nothing: these are not our processes."""
        return {}

    async def start(self, progress: Progress = quiet, *, mlflow_later: bool = False) -> Addresses:  # noqa: ARG002
        """Return the addresses."""
        progress("servers", "named by the settings")
        return self.addresses

    def begin_mlflow(self, progress: Progress = quiet) -> None:
        """Do nothing: it runs elsewhere."""

    async def until_complete(self) -> None:
        """Return at once."""

    async def watch(self, progress: Progress = quiet) -> None:  # noqa: ARG002 - nothing to report
        """Wait for ever: whoever runs them restarts them."""
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Leave them running."""
