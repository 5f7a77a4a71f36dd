"""What asking one address again and again needs: its rhythm, and what is known of its last version."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from herald.ports import Rejected
from herald.sources.configuration import PolledConfig
from herald.sources.fetching import Fetched, Fetcher, FetchLimits, RetryLater, Validators
from herald.sources.inflation import Unreadable
from herald.sources.seen import key_of

_CONNECT_S_MAX = 5.0


class Polling:
    """Fetches an address where it may have changed. Its state moves only with ``accept``, after the body was read."""

    def __init__(self, config: PolledConfig, http: Fetcher, snapshot: dict[str, Any]) -> None:
        is_same = snapshot.get("url") == config.url
        self._config = config
        self._http = http
        self._validators = Validators(snapshot["etag"], snapshot["last_modified"]) if is_same else Validators()
        self._digest = str(snapshot["digest"]) if is_same else ""
        self._asked_at: datetime | None = None
        self._not_before: datetime | None = None

    async def fetch(self, now: datetime, params: dict[str, str] | None = None) -> Fetched | Rejected | None:
        """Return the new body, None where nothing changed, a rejection (once) for a body that cannot be taken."""
        self._asked_at = now
        config = self._config
        limits = FetchLimits(
            total_s=config.timeout_s,
            connect_s=min(config.timeout_s, _CONNECT_S_MAX),
            read_s=config.timeout_s,
            max_bytes=config.max_bytes,
        )
        try:
            answer = await self._http.get(
                config.url,
                limits=limits,
                validators=self._validators,
                params=params,
                allow_private=config.allow_private_address,
            )
        except RetryLater as error:
            self._not_before = now + timedelta(seconds=error.retry_after_s or 0.0)
            raise
        except Unreadable as error:
            return self._rejected_once(Rejected(error.code, f"{config.url}: {error.detail}"))
        if answer.not_modified or self._digest == _digest(answer.body):
            return None
        return answer

    def accept(self, answer: Fetched) -> None:
        """Remember a version as read, so that only another one is read again."""
        self._validators = answer.validators()
        self._digest = _digest(answer.body)

    def next_wake_up(self, now: datetime) -> datetime:
        """Return when the address may be asked again."""
        if self._asked_at is None:
            return now
        due = self._asked_at + timedelta(seconds=self._config.every_s)
        return max(due, self._not_before) if self._not_before else due

    def snapshot(self) -> dict[str, Any]:
        """Return what is known of the last version."""
        return {
            "url": self._config.url,
            "etag": self._validators.etag,
            "last_modified": self._validators.last_modified,
            "digest": self._digest,
        }

    def _rejected_once(self, rejected: Rejected) -> Rejected | None:
        """Report a bad body when it first comes, not at every look."""
        key = key_of(rejected.code, rejected.detail)
        is_repeated, self._digest = self._digest == key, key
        self._validators = Validators()
        return None if is_repeated else rejected


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:32]
