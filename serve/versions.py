"""Versions of the classifier as applications of Ray Serve, side by side: started, asked and ended by their name."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

import structlog
from ray import serve as ray_serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.api import _run  # the public call waits for ever for a replica that no node has room for
from ray.serve.exceptions import RayServeException
from ray.serve.schema import ApplicationStatus

from herald.inference.serving import ModelFailedError, ModelPlace, ServingPolicy
from herald.logs import first_line
from herald.news.judgement import Judgement
from herald.ports import Asked, Refused, Unavailable
from serve.classifier import PROBE, serve_deployment
from serve.presence import serve_runs

PREFIX = "classifier-"
_POLL_S = 0.1
_QUIET = {"log_level": "WARNING", "enable_access_log": False}

log = structlog.get_logger()


def app_of(model: str) -> str:
    """Return the name of a model's application."""
    return f"{PREFIX}{model}"


def start(place: ModelPlace, policy: ServingPolicy) -> None:
    """Bring a version to serve, and return once it answers. Raises ``ModelFailedError``.

    Nothing listens on the network: only the actors of the cluster can ask. A version that serves already is left as
    it is. Blocks for seconds; use it off the event loop.
    """
    name = app_of(place.name)
    if name in running():
        return
    try:
        ray_serve.start(proxy_location="Disabled", logging_config=_QUIET)
        _run(_application(place, policy), name=name, route_prefix=None, _blocking=False)
        _await_running(name, policy.start_limit_s)
    except (RayServeException, RayError, RuntimeError, TimeoutError, ValueError) as error:
        found = str(error) if isinstance(error, TimeoutError) else _why(name) or str(error)
        end(place.name)
        raise ModelFailedError(f"model {place.name} does not serve: {found}") from error


def _await_running(name: str, limit_s: float) -> None:
    """Return once it serves. Raises ``RuntimeError`` where it cannot, ``TimeoutError`` where it does not in time."""
    deadline = time.monotonic() + limit_s
    while (status := applications().get(name)) is not ApplicationStatus.RUNNING:
        if status is ApplicationStatus.DEPLOY_FAILED:
            raise RuntimeError("it cannot be deployed")
        if time.monotonic() > deadline:
            raise TimeoutError(f"not ready after {limit_s:.0f} s; is there a node with room for it?")
        time.sleep(_POLL_S)


def end(model: str) -> None:
    """End a version; questions that it holds are answered first. Nothing where it does not run."""
    if app_of(model) in applications():
        ray_serve.delete(app_of(model))


def running() -> set[str]:
    """Return the names of the applications that serve."""
    return {name for name, status in applications().items() if status is ApplicationStatus.RUNNING}


def applications() -> dict[str, ApplicationStatus]:
    """Return Herald's applications with their states; none where Serve was never started."""
    try:
        found = ray_serve.status().applications
    except (RayServeException, RayError):
        return {}
    return {name: one.status for name, one in found.items() if name.startswith(PREFIX)}


def missing(models: Collection[str]) -> set[str]:
    """Return those of ``models`` that Serve does not hold, as after another's ``serve delete``.

    None of them where Serve cannot be asked now.
    """
    if not serve_runs():
        return set(models)
    try:
        found = ray_serve.status().applications
    except (RayServeException, RayError):
        return set()
    held = {name for name, one in found.items() if one.status is not ApplicationStatus.DELETING}
    return {model for model in models if app_of(model) not in held}


class ServedJudge:
    """Asks one version. Opened with ``open_judge``."""

    def __init__(self, version: str, handle: Any) -> None:
        self.version = version
        self._handle = handle

    async def judge(self, asked: Sequence[Asked]) -> list[Judgement]:
        """Return one judgement a headline.

        Raises ``Unavailable`` where the version is gone or refuses more work, ``Refused`` where its code failed on what
        was asked.
        """
        try:
            judged: list[Judgement] = await self._handle.judge.remote(list(asked))
        except RayTaskError as error:
            if isinstance(error, RayServeException):
                raise Unavailable(self._told(error)) from error
            raise Refused(self._told(error.cause)) from error
        except (RayServeException, RayError) as error:
            raise Unavailable(self._told(error)) from error
        return judged

    def _told(self, error: BaseException) -> str:
        return f"classifier {self.version}: {type(error).__name__}: {first_line(error)}"

    async def warm(self) -> None:
        """Ask once, so that the first real question finds the way open. Raises ``Unavailable`` or ``Refused``."""
        await self.judge([PROBE])


def open_judge(model: str) -> ServedJudge:
    """Return what asks a version that serves. Raises ``Unavailable``. Blocks; use it off the event loop."""
    try:
        return ServedJudge(model, ray_serve.get_app_handle(app_of(model)))
    except (RayServeException, RayError) as error:
        raise Unavailable(f"classifier {model} does not serve: {first_line(error)}") from error


def replica_pids(model: str) -> list[int]:
    """Return the processes of a version's replicas, on whatever machine."""
    application = _details().get(app_of(model))
    deployments = application.deployments.values() if application is not None else ()
    return [one.pid for deployment in deployments for one in deployment.replicas if one.pid is not None]


def _why(name: str) -> str:
    """Return the last line of what Serve says of an application's deployments: the error of the replica."""
    application = ray_serve.status().applications.get(name)
    messages = [one.message for one in application.deployments.values()] if application is not None else []
    lines = [line.strip() for message in messages for line in message.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line]
    return (errors or lines or [""])[-1][:500]


def _details() -> Any:
    from ray.serve.context import _get_global_client  # noqa: PLC0415 - no public call tells the processes of replicas

    client = _get_global_client()
    if client is None:
        return {}
    from ray.serve.schema import ServeInstanceDetails  # noqa: PLC0415 - likewise

    return ServeInstanceDetails(**client.get_serve_details()).applications


def _application(place: ModelPlace, policy: ServingPolicy) -> Any:
    options = serve_deployment.options(
        ray_actor_options={"num_cpus": policy.cpus, "num_gpus": policy.gpus},
        autoscaling_config={
            "min_replicas": policy.replicas_min,
            "max_replicas": policy.replicas_max,
            "target_ongoing_requests": policy.ongoing_target,
        },
        max_ongoing_requests=policy.ongoing_max,
        max_queued_requests=policy.queued_max,
        health_check_period_s=policy.check_period_s,
        health_check_timeout_s=policy.check_limit_s,
        graceful_shutdown_timeout_s=policy.drain_s,
        logging_config=_QUIET,
    )
    return options.bind(place, policy.threads, policy.batch_max, policy.batch_wait_ms / 1000)


def end_all() -> None:
    """End every version; for the end of a Herald whose Ray goes on."""
    for name in applications():
        ray_serve.delete(name)
