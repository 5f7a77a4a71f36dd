"""Whether Ray Serve runs on the cluster, without its library, which takes seconds of a core to load."""

from __future__ import annotations

import ray

CONTROLLER, NAMESPACE = "SERVE_CONTROLLER_ACTOR", "serve"
"""Where Ray Serve's controller is found."""


def serve_runs() -> bool:
    """Tell whether something may serve. False in a process that has joined no cluster."""
    if not ray.is_initialized():
        return False
    try:
        ray.get_actor(CONTROLLER, namespace=NAMESPACE)
    except ValueError:
        return False
    return True
