"""The ledger: everything that flowed over the bus, kept as documents with the columns that people ask by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, LiteralString

from herald.messages import ApprovedOrder, DeadLetter, Execution, ItemFate, Message, Passed, RefusedOrder, Signal
from herald.news.comparison import ModelComparison
from herald.stores.postgres.connection import Connection, Postgres
from herald.stores.postgres.json_text import for_jsonb, for_text
from herald.stores.postgres.ledger_queries import LedgerQueries
from herald.stores.postgres.orders import execution_row

_ITEM = """
INSERT INTO items (item_id, event_id, story_id, source, fate, reason, at, document)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb)
ON CONFLICT (item_id) DO UPDATE SET event_id = excluded.event_id, story_id = excluded.story_id,
    fate = excluded.fate, reason = excluded.reason, at = excluded.at, document = excluded.document
WHERE items.at <= excluded.at AND items.fate <> 'signal'
"""
_SIGNAL = """
INSERT INTO signals (event_id, revision, story_id, event_type, primary_entity, severity, at, document)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb)
ON CONFLICT DO NOTHING
"""
_DECISION = """
INSERT INTO decisions (decision_id, decision, event_id, story_id, event_type, playbook, reason, at, document)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)
ON CONFLICT DO NOTHING
"""
_EXECUTION = """
INSERT INTO executions (execution_id, client_order_id, sequence, trade_id, event_id, story_id, venue,
                        instrument_key, event_type, playbook, leg, status, at, document, published)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::json, true)
ON CONFLICT DO NOTHING
"""
_FILL = """
INSERT INTO fills (venue, fill_id, client_order_id, execution_id, trade_id, instrument_key, leg, side, quantity, price,
                   fee_usd, liquidity, at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
_DEAD_LETTER = """
INSERT INTO dead_letters (dead_letter_id, origin, reason, detail, attempts, at, payload)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (dead_letter_id) DO UPDATE SET attempts = greatest(dead_letters.attempts, excluded.attempts)
"""

_COMPARISON = """
INSERT INTO model_comparisons (comparison_id, event_id, champion, challenger, agree, at, document)
VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb)
ON CONFLICT DO NOTHING
"""

Row = tuple[Any, ...]
Rows = dict[LiteralString, list[Row]]


class Ledger:
    """Writes the messages of the bus to PostgreSQL.

    What survives: every message whose ``store`` returned. Each write is an upsert by a derived id, so a message that is
    delivered again changes nothing. An item keeps the fate ``signal`` once it has it.
    """

    def __init__(self, postgres: Postgres) -> None:
        """Write through this pool."""
        self._postgres = postgres

    async def store(self, *messages: Message) -> None:
        """Write messages of any kind in one transaction. Raises ``TypeError`` for a kind that is not kept."""
        if not messages:
            return
        rows: Rows = defaultdict(list)
        for message in messages:
            for statement, row in _rows_of(message):
                rows[statement].append(row)

        async def write(connection: Connection) -> None:
            async with connection.pipeline(), connection.transaction(), connection.cursor() as cursor:
                for statement, parameters in rows.items():
                    await cursor.executemany(statement, parameters)

        if len(messages) == 1 and len(rows) == 1:
            [(statement, [row])] = rows.items()
            await self._postgres.execute(statement, row)
        else:
            await self._postgres.run(write)

    async def overview(self) -> dict[str, dict[str, int]]:
        """Return counts of items by fate, decisions by kind, orders by status, dead letters by reason."""
        return await LedgerQueries(self._postgres).overview()

    async def explain(self, event_id: str) -> dict[str, list[dict[str, Any]]] | None:
        """Return what is recorded of one headline and its story as JSON, None where it was never heard of."""
        lineage = await LedgerQueries(self._postgres).explain(event_id)
        return lineage.as_json() if lineage.is_known else None


def _rows_of(message: Message) -> Sequence[tuple[LiteralString, Row]]:
    for kind, make in _MAKERS.items():
        if isinstance(message, kind):
            return make(message)
    kinds = ", ".join(kind.__name__ for kind in _MAKERS)
    raise TypeError(f"the ledger does not keep {type(message).__name__}; it keeps {kinds}")


def _item(item: ItemFate) -> Sequence[tuple[LiteralString, Row]]:
    row = (
        for_text(item.item_id or item.event_id),
        item.event_id,
        item.story_id,
        for_text(item.source),
        item.fate.value,
        item.reason.value,
        item.at,
        _document(item),
    )
    return [(_ITEM, row)]


def _signal(signal: Signal) -> Sequence[tuple[LiteralString, Row]]:
    row = (
        signal.event_id,
        signal.revision,
        signal.story_id,
        signal.event_type.value,
        for_text(signal.primary_entity),
        signal.severity,
        signal.ts_iso,
        _document(signal),
    )
    return [(_SIGNAL, row)]


def _decision(decision: ApprovedOrder | RefusedOrder) -> Sequence[tuple[LiteralString, Row]]:
    intent = decision.intent
    row = (
        f"{decision.decision}:{intent.event_id}:{intent.intent_id}",  # an amendment asks for its story's intent again
        decision.decision,
        intent.event_id,
        intent.story_id,
        intent.event_type.value,
        intent.playbook,
        decision.reason.value,
        decision.decided_at,
        _document(decision),
    )
    return [(_DECISION, row)]


def _passed(passed: Passed) -> Sequence[tuple[LiteralString, Row]]:
    row = (
        f"{passed.decision}:{passed.event_id}:{passed.playbook}",
        passed.decision,
        passed.event_id,
        passed.story_id,
        passed.event_type.value,
        passed.playbook,
        passed.reason.value,
        passed.decided_at,
        _document(passed),
    )
    return [(_DECISION, row)]


def _execution(execution: Execution) -> Sequence[tuple[LiteralString, Row]]:
    rows: list[tuple[LiteralString, Row]] = [(_EXECUTION, execution_row(execution))]
    for fill in execution.fills:
        row = (
            execution.venue,
            fill.fill_id,
            fill.client_order_id,
            execution.execution_id,
            execution.trade_id,
            fill.instrument_key,
            execution.leg.value,
            fill.side.value,
            fill.quantity,
            fill.price,
            fill.fee_usd,
            fill.liquidity,
            fill.at,
        )
        rows.append((_FILL, row))
    return rows


def _dead_letter(letter: DeadLetter) -> Sequence[tuple[LiteralString, Row]]:
    row = (
        letter.dead_letter_id,
        for_text(letter.origin),
        for_text(letter.reason),
        for_text(letter.detail),
        letter.attempts,
        letter.at,
        letter.payload.encode("utf-8", "surrogatepass"),
    )
    return [(_DEAD_LETTER, row)]


def _comparison(comparison: ModelComparison) -> Sequence[tuple[LiteralString, Row]]:
    row = (
        comparison.comparison_id,
        comparison.event_id,
        comparison.champion.model,
        comparison.challenger.model,
        comparison.agree,
        comparison.at,
        _document(comparison),
    )
    return [(_COMPARISON, row)]


def _document(message: Message) -> str:
    return for_jsonb(message.model_dump_json())


_MAKERS: dict[type[Message], Callable[[Any], Sequence[tuple[LiteralString, Row]]]] = {
    ItemFate: _item,
    Signal: _signal,
    ApprovedOrder: _decision,
    RefusedOrder: _decision,
    Passed: _passed,
    Execution: _execution,
    DeadLetter: _dead_letter,
    ModelComparison: _comparison,
}
