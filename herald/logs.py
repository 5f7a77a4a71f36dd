"""Structured logs on stderr: one line an event, readable on a terminal, JSON elsewhere."""

from __future__ import annotations

import logging
import sys

import structlog

FIRST_LINE_MAX = 300


def configure_logs(level: int = logging.INFO) -> None:
    """Set the form and the level of all logs of this process. Called once, by whoever owns the process."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, cut short; its class where it says nothing.

    Ray and databases put whole stack traces into the text.
    """
    return next(iter(str(error).splitlines()), "")[:FIRST_LINE_MAX] or type(error).__name__
