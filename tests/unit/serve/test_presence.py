"""Whether something serves, as a process without a cluster sees it."""

import ray

from serve.presence import serve_runs


def test_who_has_joined_no_cluster_starts_none_to_ask() -> None:
    assert not serve_runs()
    assert not ray.is_initialized()
