"""Ray on this machine or a cluster, and Herald's actors on it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.util import list_named_actors

from actors.collector import RemoteCollector
from actors.correlator import RemoteCorrelator
from actors.ledger import RemoteLedger
from actors.market_data import RemoteMarketData
from actors.model_keeper import RemoteModelKeeper
from actors.peers import (
    COLLECTOR,
    CORRELATOR,
    LEDGER,
    MARKET_DATA,
    MODELS,
    NAMESPACE,
    RISK,
    ROUTER,
    SUPERVISOR,
    TRADER,
    Peer,
)
from actors.risk import RemoteRisk
from actors.router import RemoteRouter
from actors.trader import RemoteTrader
from herald.bootstrap.configuration import sources_of, venue_names
from herald.bootstrap.wiring import ServedModel, Wiring
from herald.ports import Unavailable

OBJECT_STORE_BYTES = 100 * 1024 * 1024
LOCAL_CPUS = 4
ANSWER_LIMIT_S, LEAVE_LIMIT_S = 5.0, 30.0

Progress = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One actor of the deployment: its name, its remote class and what it is made with."""

    name: str
    remote_class: Any
    arguments: tuple[Any, ...]


def start_ray(address: str | None, dashboard_port: int, *, dashboard: bool = True) -> str:
    """Join the cluster at ``address``, or start one on this machine; returns the dashboard's address ("" without).

    Raises ``Unavailable`` where there is no cluster to join.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray would let every other program of the machine go first
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if address:
            context = _join(address)
        else:
            context = ray.init(
                address="local",
                namespace=NAMESPACE,
                num_cpus=LOCAL_CPUS,
                include_dashboard=dashboard,
                dashboard_host="127.0.0.1",
                _node_ip_address="127.0.0.1",
                dashboard_port=open_port(dashboard_port),
                object_store_memory=OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    url = getattr(context, "dashboard_url", None) or ""
    return f"http://{url}" if url else ""


def _join(address: str) -> Any:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        if port.isdigit():  # asked here, since Ray itself goes on asking for minutes
            socket.create_connection((host.strip("[]"), int(port)), ANSWER_LIMIT_S).close()
        return ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        cure = "start one (ray up, ray start --head), correct HERALD_RAY_ADDRESS, or unset it to have one started here"
        raise Unavailable(f"no Ray cluster can be joined at {address}: {error}; {cure}") from error


def open_port(wanted: int, host: str = "127.0.0.1") -> int:
    """Return ``wanted`` where nobody listens on it, else any free port: a second Herald needs its own."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate, suppress(OSError):
            candidate.bind((host, port))
            return int(candidate.getsockname()[1])
    raise OSError(f"no port of {host} is free")


def parts_of(wiring: Wiring) -> list[Part]:
    """List the actors of a deployment, those that others wait for first."""
    parts = [
        Part(RISK, RemoteRisk, (wiring,)),
        Part(TRADER, RemoteTrader, (wiring,)),
        Part(CORRELATOR, RemoteCorrelator, (wiring,)),
        Part(LEDGER, RemoteLedger, (wiring,)),
    ]
    if wiring.model is not ServedModel.NONE:
        parts.append(Part(MODELS, RemoteModelKeeper, (wiring,)))
    parts.extend(Part(f"{ROUTER}-{venue}", RemoteRouter, (wiring, venue)) for venue in venue_names(wiring))
    if not wiring.is_replay:
        parts.append(Part(MARKET_DATA, RemoteMarketData, (wiring,)))
    parts.extend(
        Part(f"{COLLECTOR}-{group}", RemoteCollector, (wiring, group)) for group in sources_of(wiring).by_group()
    )
    return parts


def create(part: Part) -> ActorHandle[Any]:
    """Create an actor, or find the one that has its name."""
    handle: ActorHandle[Any] = part.remote_class.options(
        name=part.name, namespace=NAMESPACE, lifetime="detached", get_if_exists=True
    ).remote(*part.arguments)
    return handle


async def deploy(parts: Sequence[Part], progress: Progress) -> dict[str, Any]:
    """Create all actors side by side and wait until each has begun."""
    handles: dict[str, Any] = {part.name: create(part) for part in parts}

    async def wait(name: str, handle: Any) -> None:
        beginning: Any = handle.ready.remote()
        await beginning
        progress(name, "ready")

    await asyncio.gather(*(wait(name, handle) for name, handle in handles.items()))
    return handles


async def end_leftovers(home: Path, progress: Progress) -> None:
    """End the actors that a node of this home left on a cluster when it died: they were made for its addresses.

    What they knew is durable. Raises ``Unavailable`` where they belong to the Herald of another home.
    """
    left = _names_here()
    if not left:
        return
    owner = await _owner(left)
    if owner and owner != str(home):
        raise Unavailable(
            f"the Herald of {owner} runs on this Ray cluster; stop it (HERALD_HOME={owner} herald down) or join another"
        )
    progress("actors", "of a node that died are ended")
    await undeploy(shutdown_order(left))
    async with asyncio.timeout(LEAVE_LIMIT_S):
        while set(left) & set(_names_here()):  # noqa: ASYNC110 - Ray frees a name in its own time, and does not tell
            await asyncio.sleep(0.05)


def _names_here() -> list[str]:
    return [str(named["name"]) for named in list_named_actors(all_namespaces=True) if named["namespace"] == NAMESPACE]


async def _owner(names: Sequence[str]) -> str:
    """Return the home that the first actor to answer belongs to; "" where none answers."""
    for name in names:
        with suppress(Unavailable):
            return str(await Peer(name).call("home", timeout_s=ANSWER_LIMIT_S))
    return ""


async def undeploy(names: Sequence[str], grace_s: float = 5.0) -> None:
    """Close the actors in the order of the flow, news first, then end their processes."""
    for name in names:
        try:
            handle = ray.get_actor(name, namespace=NAMESPACE)
        except ValueError:
            continue
        with suppress(ray.exceptions.RayError, TimeoutError):  # what it had not committed is delivered again
            await asyncio.wait_for(handle.close.remote(), grace_s)
        ray.kill(handle, no_restart=True)


def shutdown_order(names: Sequence[str]) -> list[str]:
    """Sort actor names so that what feeds is closed before what is fed."""
    order = (SUPERVISOR, COLLECTOR, MODELS, CORRELATOR, MARKET_DATA, TRADER, ROUTER, RISK, LEDGER)
    return sorted(names, key=lambda name: next((i for i, p in enumerate(order) if name.startswith(p)), len(order)))
