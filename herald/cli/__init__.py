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

        if not isinstance(error, ConfigurationError | PortError) and not _has_a_cure(error):
            raise
        sys.stderr.write(f"herald: {error}\n")
        sys.exit(WRONG_USE if isinstance(error, ConfigurationError) else FOUND_FAILURE)


def _has_a_cure(error: Exception) -> bool:
    """Tell the errors of models and their registry, without importing what only their commands need."""
    homes = {"training.mlflow_access", "training.corpus.headlines", "herald.inference.text_model"}
    homes |= {"herald.inference.pretrained", "herald.inference.bert_graph"}
    return type(error).__module__ in homes
