"""What champion and challenger made of a headline is kept once, whole, and counts as nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from herald.news.comparison import ModelAnswer, ModelComparison
from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.ledger import Ledger
from herald.taxonomy import Direction, EventType

pytestmark = pytest.mark.services

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def answered(model: str, *, tradable: bool = True) -> ModelAnswer:
    return ModelAnswer(
        model=model,
        event_type=EventType.LISTING,
        direction=Direction.BULL,
        tradable=tradable,
        tradable_p=0.9,
        severity=0.5,
    )


def comparison(challenger: str = "v2", *, agree: bool = True, **values: Any) -> ModelComparison:
    fields: dict[str, Any] = {
        "comparison_id": f"e1:v1:{challenger}",
        "event_id": "e1",
        "source": "wire",
        "headline": "nul \x00 and words",
        "champion": answered("v1"),
        "challenger": answered(challenger, tradable=agree),
        "agree": agree,
        "at": AT,
    }
    return ModelComparison(**fields | values)


async def test_a_comparison_is_kept_once_however_often_it_is_delivered(postgres: Postgres) -> None:
    ledger, one, other = Ledger(postgres), comparison(), comparison("v3", agree=False)
    await ledger.store(one)
    await ledger.store(one, other, one)
    await ledger.store(comparison(agree=False, at=AT + timedelta(seconds=9)))
    found = await postgres.rows(
        "SELECT comparison_id, event_id, champion, challenger, agree, at FROM model_comparisons ORDER BY challenger"
    )
    assert found == [("e1:v1:v2", "e1", "v1", "v2", True, AT), ("e1:v1:v3", "e1", "v1", "v3", False, AT)]
    [(document,)] = await postgres.rows("SELECT document FROM model_comparisons WHERE challenger = 'v3'")
    kept = ModelComparison.model_validate(document)
    assert (kept.champion, kept.challenger) == (other.champion, other.challenger)
    assert kept.headline.startswith("nul \ufffd and words")


async def test_a_comparison_counts_as_nothing_else(postgres: Postgres) -> None:
    ledger = Ledger(postgres)
    await ledger.store(comparison())
    assert await ledger.overview() == {"items": {}, "decisions": {}, "orders": {}, "dead_letters": {}}
    assert await ledger.explain("e1") is None
