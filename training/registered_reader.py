"""A registered model as MLflow runs it. MLflow keeps this file beside the model and executes it at each load.

It needs Herald installed where it runs, of the taxonomy that the model was trained for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from herald.inference.text_model import load_model
from herald.news.gazetteer import parse_gazetteer
from herald.news.normalise import MalformedItem
from herald.news.reading_desk import TextDesk
from herald.news.rulebook import parse_rulebook

_NOW = datetime(2025, 1, 1, tzinfo=UTC)
"""A headline is read as if it came now; any time does, and one that stands still gives the same answer again."""


class HeadlineReader(PythonModel):
    """Judges a column of headlines."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model's files, and the rules and names whose evidence it weighs. Raises ``ModelUnusableError``."""
        parts = {name: Path(path) for name, path in context.artifacts.items()}
        self._model = load_model(parts["model"])
        rules, names = (parts[name].read_text("utf-8") for name in ("rules", "gazetteer"))
        self._desk = TextDesk(parse_rulebook(rules, "rules.yaml"), parse_gazetteer(names, "gazetteer.csv"))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow gives it
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow gives it
    ) -> pd.DataFrame:
        """Return a row for each row of the column ``text``: likeliest type and direction, probabilities, severity."""
        texts = [str(text) for text in model_input["text"].fillna("")]
        judgements = self._model.judge(texts, [self._evidence(text) for text in texts])
        return pd.DataFrame(
            {
                "event_type": [str(one.event_type) for one in judgements],
                "event_type_p": [one.event_type_p for one in judgements],
                "direction": [str(one.direction) for one in judgements],
                "tradable_p": [one.tradable_p for one in judgements],
                "severity": [one.severity for one in judgements],
            }
        )

    def _evidence(self, text: str) -> tuple[str, ...]:
        try:
            return self._desk.read(text, _NOW).evidence
        except MalformedItem:
            return ()


mlflow.models.set_model(HeadlineReader())
