"""What ``configs/sources.yaml`` may say: where news comes from, how often it is asked for, how far it is believed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from herald.documents import Document
from herald.messages import Share, UtcTime
from herald.news.profiles import SourceProfile
from herald.sources.addresses import url_fault

EVERY_S_MIN = 5.0


def _web(url: str) -> str:
    return _checked(url, ("http", "https"))


def _socket(url: str) -> str:
    return _checked(url, ("ws", "wss"))


def _checked(url: str, schemes: tuple[str, ...]) -> str:
    fault = url_fault(url, schemes)
    if fault:
        raise ValueError(f"{fault}; give an address such as {schemes[-1]}://example.com/news")
    return url


WebUrl = Annotated[str, AfterValidator(_web)]
SocketUrl = Annotated[str, AfterValidator(_socket)]
SourceName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(?:.*\S)?$")]


class Belief(Document):
    """How far a source is believed; see ``SourceProfile``."""

    trust: Share = 0.5
    allow_listed: bool = False
    verified: bool = False
    venue: str = ""
    wire: str = ""

    def profile(self, name: str) -> SourceProfile:
        """Return the profile of a source of this name."""
        return SourceProfile(
            name=name,
            trust=self.trust,
            allow_listed=self.allow_listed,
            verified=self.verified,
            venue=self.venue,
            wire=self.wire,
        )


class JsonFields(Document):
    """Where an item of a JSON answer keeps what; dotted paths, a number picks from a list, empty for none."""

    title: str = "title"
    url: str = "url"
    summary: str = "summary"
    published_at: str = "published_at"
    id: str = "id"


class _Named(Belief):
    name: SourceName
    group: str = Field(default="main", min_length=1, description="sources of one group share one collector")
    enabled: bool = True
    max_items: int = Field(default=500, ge=1, le=2000, description="entries read of one document")


class _Polled(_Named):
    url: WebUrl
    every_s: float = Field(default=EVERY_S_MIN, ge=EVERY_S_MIN, le=86_400)
    timeout_s: float = Field(default=10.0, gt=0, le=60, description="for one whole fetch with its redirects")
    max_bytes: int = Field(default=2 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    allow_private_address: bool = Field(default=False, description="for a server on this machine or network only")


class RssSourceConfig(_Polled):
    """A feed: RSS, Atom or CDF."""

    kind: Literal["rss"]


class JsonSourceConfig(_Polled):
    """An HTTP interface that answers with JSON."""

    kind: Literal["json"]
    items: str = Field(default="", description="path to the list of items; empty where the answer is the list")
    fields: JsonFields = JsonFields()
    where: dict[str, str] = Field(default_factory=dict, description="only items whose field has this value")
    url_template: str = Field(default="", description="the item's page, {id} and {url} filled in")
    cursor_param: str = Field(default="", description="query parameter that asks for what is newer")
    cursor_path: str = Field(default="", description="where the answer states the next cursor")
    cursor_field: str = Field(default="", description="the item's field whose highest value is the next cursor")

    @model_validator(mode="after")
    def _cursor_is_whole(self) -> Self:
        if bool(self.cursor_param) != bool(self.cursor_path or self.cursor_field):
            raise ValueError("a cursor needs cursor_param and one of cursor_path and cursor_field; give both or none")
        return self


class HtmlSourceConfig(_Polled):
    """A page without a feed, watched for new items."""

    kind: Literal["html"]
    item: str = Field(min_length=1, description="CSS selector of one item")
    title: str = Field(default="", description="selector inside the item; empty takes all its text")
    link: str = Field(default="", description="selector inside the item; empty takes its first link")
    time: str = ""
    summary: str = ""


class WebSocketSourceConfig(_Named):
    """A stream of JSON messages."""

    kind: Literal["websocket"]
    url: SocketUrl
    items: str = Field(default="", description="path to the item or list of items in a message")
    fields: JsonFields = JsonFields()
    where: dict[str, str] = Field(default_factory=dict, description="only items whose field has this value")
    url_template: str = Field(default="", description="the item's page, {id} and {url} filled in")
    subscribe: str = Field(default="", description="message sent after connecting; {last_id} is filled in")
    resume_param: str = Field(default="", description="query parameter that asks for what followed the last id")
    timeout_s: float = Field(default=10.0, gt=0, le=60, description="for connecting")
    wait_s: float = Field(default=1.0, gt=0, le=30, description="how long one look waits for a message")
    heartbeat_s: float = Field(default=15.0, ge=1, le=300)
    queue_max: int = Field(default=1000, ge=1, le=100_000)
    message_bytes_max: int = Field(default=256 * 1024, ge=1024, le=16 * 1024 * 1024)
    backoff_s: float = Field(default=1.0, ge=0.05, le=60)
    backoff_max_s: float = Field(default=60.0, ge=1, le=3600)
    allow_private_address: bool = Field(default=False, description="for a server on this machine or network only")


class RecordedSourceConfig(_Named):
    """News from a file: Parquet, or lines of NewsItem or RawItem. ``start <= time < end``."""

    kind: Literal["recorded"]
    path: Path
    start: UtcTime | None = None
    end: UtcTime | None = None
    rows_max: int = Field(default=2_000_000, ge=1)

    @field_validator("start", "end", mode="before")
    @classmethod
    def _date_is_utc(cls, value: object) -> object:
        """Take a YAML time without a zone as UTC."""
        if isinstance(value, datetime) and value.tzinfo is None:
            return value.isoformat() + "Z"
        return value


PolledConfig = RssSourceConfig | JsonSourceConfig | HtmlSourceConfig
SourceConfig = Annotated[
    RssSourceConfig | JsonSourceConfig | HtmlSourceConfig | WebSocketSourceConfig | RecordedSourceConfig,
    Field(discriminator="kind"),
]


class SourcesDocument(Document):
    """The whole of ``configs/sources.yaml``."""

    user_agent: str = Field(default="Herald/0.1 (news reader)", min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")
    sources: tuple[SourceConfig, ...] = ()
    profiles: dict[str, Belief] = Field(default_factory=dict, description="sources that only recordings name")
    default_profile: Belief = Belief(trust=0.3)

    @field_validator("sources")
    @classmethod
    def _names_are_unique(cls, sources: tuple[SourceConfig, ...]) -> tuple[SourceConfig, ...]:
        twice = [name for name, count in Counter(source.name.casefold() for source in sources).items() if count > 1]
        if twice:
            raise ValueError(f"the name {twice[0]!r} is given to more than one source; rename one")
        return sources

    def enabled(self) -> tuple[SourceConfig, ...]:
        """Return the sources that are to be collected."""
        return tuple(source for source in self.sources if source.enabled)

    def by_group(self) -> dict[str, tuple[SourceConfig, ...]]:
        """Return the enabled sources of each collector, groups in the order of the file."""
        groups: dict[str, tuple[SourceConfig, ...]] = {}
        for source in self.enabled():
            groups[source.group] = (*groups.get(source.group, ()), source)
        return groups

    def profile_of(self, name: str) -> SourceProfile:
        """Return what is believed of a source, by its name in any case; the default profile for a stranger."""
        wanted = name.casefold()
        known: list[tuple[str, Belief]] = [(source.name, source) for source in self.sources]
        known += self.profiles.items()
        belief = next((belief for key, belief in known if key.casefold() == wanted), self.default_profile)
        return belief.profile(name)

    def at_server(self, host: str, port: int) -> SourcesDocument:
        """Return the document with every address moved to another server, for the demo's local one."""
        moved = (
            source
            if isinstance(source, RecordedSourceConfig)
            else source.model_copy(update={"url": urlunsplit(urlsplit(source.url)._replace(netloc=f"{host}:{port}"))})
            for source in self.sources
        )
        return self.model_copy(update={"sources": tuple(moved)})


@dataclass(frozen=True, slots=True)
class Difference:
    """What a new document changes: to start, to stop by name, to restart with their snapshots."""

    added: tuple[SourceConfig, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[SourceConfig, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True where nothing has to be done."""
        return not (self.added or self.removed or self.changed)


def difference(old: SourcesDocument, new: SourcesDocument) -> Difference:
    """Compare two documents; a source that is switched off counts as absent."""
    before = {source.name: source for source in old.enabled()}
    after = {source.name: source for source in new.enabled()}
    return Difference(
        added=tuple(source for name, source in after.items() if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(source for name, source in after.items() if name in before and before[name] != source),
    )
