"""The ``herald`` command. Each command imports what it needs when it runs, so that ``--help`` answers at once."""

from __future__ import annotations

import sys

from herald.cli.application import app
from herald.cli.exits import FOUND_FAILURE, INTERRUPTED, WRONG_USE


def main() -> None:
    """Run the command line; errors that have a cure are shown as one, not as a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        from herald.documents import ConfigurationError
        from herald.ports import PortError

        if not isinstance(error, ConfigurationError | PortError):
            raise
        sys.stderr.write(f"herald: {error}\n")
        sys.exit(WRONG_USE if isinstance(error, ConfigurationError) else FOUND_FAILURE)
