"""What ``herald status`` says to people."""

from __future__ import annotations

from typing import Any

import pytest

from herald.cli.status import is_whole, lines


def found(**other: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "trading_state": "ACTIVE",
        "trading_state_set": None,
        "started_at": "2025-06-07T12:00:00Z",
        "profile": "embedded",
        "news": "demo",
        "account": {
            "equity_usd": "100100",
            "positions": {"paper:BTCUSDT": {"quantity": "0.5", "average_price": "104000", "mark": "104100"}},
        },
        "items": {"signal RULE_MATCHED": 3},
        "decisions": {},
        "orders": {"FILLED": 2},
        "dead_letters": {},
        "actors": [{"name": "risk", "ready": True, "pid": 7, "detail": {"equity_usd": "100100", "note": ""}}],
        "addresses": {"api": "http://127.0.0.1:8800"},
    }
    return whole | other


def test_a_whole_herald_is_shown_with_account_counts_and_addresses() -> None:
    said = list(lines(found()))
    assert said[0] == "ACTIVE; started 2025-06-07T12:00:00Z, profile embedded, news demo"
    assert "  equity_usd      100,100.00" in said
    assert "  position        paper:BTCUSDT 0.5 at 104000, now 104100" in said
    assert "  items           signal RULE_MATCHED 3" in said
    assert "  orders          FILLED 2" in said
    assert "  decisions       none yet" in said
    assert "  ok   risk                 pid 7        equity_usd 100100" in said
    assert "  api             http://127.0.0.1:8800" in said
    assert is_whole(found())


def test_a_halt_is_shown_with_who_set_it_and_why() -> None:
    change = {"state": "HALTED", "reason": "DAILY_LOSS", "by": "risk", "at": "2025-06-07T12:00:01Z"}
    said = next(lines(found(trading_state="HALTED", trading_state_set=change)))
    assert said.startswith("HALTED since 2025-06-07T12:00:01Z by risk (DAILY_LOSS); started")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"account": {"error": "risk.account: ActorDiedError"}}, "account         risk.account: ActorDiedError"),
        ({"actors": {"error": "supervisor is not running"}}, "DOWN supervisor: supervisor is not running"),
        ({"actors": [{"name": "risk", "ready": False, "pid": 0, "detail": {"error": "gone"}}]}, "DOWN risk"),
    ],
)
def test_a_part_that_does_not_answer_is_shown_and_makes_it_a_failure(other: dict[str, Any], words: str) -> None:
    assert any(words in line for line in lines(found(**other)))
    assert not is_whole(found(**other))
