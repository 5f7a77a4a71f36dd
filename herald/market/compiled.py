"""How a kernel is compiled: once, for plain floats and integers, kept on disk between processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

KernelT = TypeVar("KernelT", bound=Callable[..., Any])


def kernel(function: KernelT) -> KernelT:
    """Compile a function with numba; its compiled form is cached beside the source, so only the first run waits."""
    return cast("KernelT", njit(cache=True)(function))
