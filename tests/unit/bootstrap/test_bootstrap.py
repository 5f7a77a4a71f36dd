"""The composition root: what the wiring says is what is opened, and what is wrong is told before anything runs."""

from __future__ import annotations

import pickle
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from herald.bootstrap import adapters, configuration, servers
from herald.bootstrap.recordings import opening_market, recorded_span, tape_of
from herald.bootstrap.wiring import NOWHERE, RECORDED_GROUP, Recording, ServedModel, Wiring, service_addresses, wire
from herald.bus.memory import MemoryBus
from herald.bus.prefixed import PrefixedBus
from herald.clocks import SimulatedClock, WallClock
from herald.documents import ConfigurationError
from herald.inference.pretrained import EncoderNotFoundError
from herald.inference.serving import ModelsDocument
from herald.market.board import QuoteBoard
from herald.market.tape import TapeMarket
from herald.news.stories import CorrelationPolicy
from herald.settings import PROJECT_ROOT, Settings, load_settings
from herald.stores.embedded.addresses import Addresses
from herald.stores.embedded.stack import EmbeddedStack
from herald.stores.named_servers import NamedServers
from herald.venues.paper import PaperVenue

HACK, HEIST = "Uniswap hacked for $120M", "Attacker drains $120 million from Uniswap"
T0 = datetime(2025, 6, 7, 12, 0, tzinfo=UTC)
BARS = "open_time,open,high,low,close,volume\n2025-06-07 12:00:00+00:00,100,101,99,100,50\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings on a copy of the configuration that a test may spoil."""
    shutil.copytree(PROJECT_ROOT / "configs", tmp_path / "configs")
    return load_settings(home=tmp_path / "home", configs=tmp_path / "configs")


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    news = tmp_path / "news.jsonl"
    news.write_text('{"headline": "a", "published_at": "2025-06-07T12:00:30Z"}\n'
                    '{"headline": "b", "published_at": "2025-06-07T12:05:00Z"}\n')  # fmt: skip
    bars = tmp_path / "SOLUSDT_1m.csv"
    bars.write_text(BARS)
    return Recording(news, (bars,))


@pytest.fixture
def replay(settings: Settings, recording: Recording) -> Wiring:
    return Wiring(settings, NOWHERE, recording=recording)


# -- wiring ---------------------------------------------------------------------------------------------------------


def test_a_wiring_travels_to_another_process_as_it_is(replay: Wiring) -> None:
    assert replay.configs == replay.settings.configs
    assert pickle.loads(pickle.dumps(replay)) == replay


def test_a_run_is_a_replay_where_something_is_recorded(settings: Settings, replay: Wiring) -> None:
    assert (wire(settings, NOWHERE).is_replay, replay.is_replay) == (False, True)


def test_the_addresses_of_the_services_profile_are_those_of_the_settings(settings: Settings) -> None:
    named = load_settings(
        profile="services", redis_url="redis://r", postgres_url="postgresql://p", clickhouse_url="clickhouse://c",
        kafka="k:9092", configs=settings.configs,
    )  # fmt: skip
    assert service_addresses(named) == Addresses("postgresql://p", "redis://r", "clickhouse://c", "", "k:9092")
    assert isinstance(servers.open_servers(named), NamedServers)


def test_the_embedded_profile_brings_its_own_servers_and_starts_none_yet(settings: Settings) -> None:
    stack = servers.open_servers(settings, mlflow=False)
    assert isinstance(stack, EmbeddedStack)
    assert not (settings.home / "postgres").exists()


def test_the_champion_reads_unless_the_settings_say_that_the_rules_do(settings: Settings) -> None:
    rules = settings.model_copy(update={"model": "rules"})
    assert wire(settings, NOWHERE).model is ServedModel.CHAMPION
    assert wire(rules, NOWHERE).model is ServedModel.NONE


@pytest.mark.parametrize("named", ["champion", "rules"])
@pytest.mark.parametrize("model", list(ServedModel))
def test_what_a_command_says_of_the_model_wins_over_the_settings(
    settings: Settings, named: str, model: ServedModel
) -> None:
    assert wire(settings.model_copy(update={"model": named}), NOWHERE, model=model).model is model


def test_the_environment_says_who_reads(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERALD_MODEL", "rules")
    assert wire(load_settings(), NOWHERE).model is ServedModel.NONE
    monkeypatch.setenv("HERALD_MODEL", "v7")
    with pytest.raises(ConfigurationError, match=r"HERALD_MODEL: .*champion.*rules.*v7"):
        load_settings()


# -- adapters -------------------------------------------------------------------------------------------------------


def test_time_and_prices_are_recorded_in_a_replay_and_live_otherwise(settings: Settings, replay: Wiring) -> None:
    live = wire(settings, NOWHERE)
    assert isinstance(adapters.open_clock(live), WallClock)
    assert isinstance(adapters.open_market(live), QuoteBoard)
    assert isinstance(adapters.open_clock(replay), SimulatedClock)
    assert isinstance(adapters.open_market(replay), TapeMarket)


@pytest.mark.parametrize(("kafka", "given"), [("", None), ("h:9092", "h:9092")])
async def test_the_bus_of_the_settings_is_opened_under_the_prefix_of_the_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kafka: str, given: str | None
) -> None:
    asked: list[Any] = []

    async def opened(kind: str, **addresses: Any) -> MemoryBus:
        asked.append((kind, addresses))
        return MemoryBus()

    monkeypatch.setattr("herald.bus.opening.open_bus", opened)
    addresses = Addresses("", "redis://r", "", kafka=kafka)
    assert isinstance(await adapters.open_bus(wire(settings, addresses)), MemoryBus)
    assert isinstance(await adapters.open_bus(wire(settings, addresses, topic_prefix="run.")), PrefixedBus)
    assert asked == [("redis", {"redis_url": "redis://r", "kafka": given})] * 2


async def test_a_venue_plays_by_the_rules_of_its_name(settings: Settings) -> None:
    wiring: Any = wire(settings, NOWHERE)
    venue = await adapters.open_venue(wiring, "paper", QuoteBoard(), None)
    assert (type(venue), venue.name) == (PaperVenue, "paper")


# -- configuration --------------------------------------------------------------------------------------------------


def test_the_configuration_that_is_shipped_is_whole(settings: Settings) -> None:
    configuration.check_configuration(settings)


@pytest.mark.parametrize("name", [name for name, _ in configuration.configuration_models()])
def test_a_wrong_file_is_named_with_its_field(settings: Settings, name: str) -> None:
    file = settings.configs / name
    file.write_text(file.read_text("utf-8") + "\nno_such_field: 1\n", "utf-8")
    with pytest.raises(ConfigurationError, match=rf"{name}:\d+: no_such_field"):
        configuration.check_configuration(settings)


@pytest.mark.parametrize("name", ["rules.yaml", "gazetteer.csv"])
def test_a_file_without_which_no_headline_is_read_must_be_there(settings: Settings, name: str) -> None:
    (settings.configs / name).unlink()
    with pytest.raises(ConfigurationError, match=name):
        configuration.check_configuration(settings)


def test_how_a_model_serves_is_as_shipped_where_no_file_says_it(settings: Settings) -> None:
    shipped = configuration.models_of(wire(settings, NOWHERE))
    (settings.configs / "models.yaml").unlink()
    assert configuration.models_of(wire(settings, NOWHERE)) == shipped == ModelsDocument()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("asking: {answer_ms: 0}", r"models.yaml:1: asking.answer_ms: .*greater than 0"),
        ("asking: {cache_max: -1}", r"asking.cache_max: .*greater than 0"),
        ("asking: {anser_ms: 10}", r"asking.anser_ms: .*answer_ms"),
        ("verdict: {tradable_min: 1.5}", r"verdict.tradable_min: .*less than or equal to 1"),
        ("serving: {cpus: much}", r"serving.cpus: .*number"),
        ("serving: {replicas_min: 3, replicas_max: 2}", r"serving.*replicas_max 2 is less than replicas_min 3"),
        ("serving: [", "not valid YAML"),
    ],
)
def test_a_wrong_word_on_how_a_model_serves_is_told_with_its_cure(settings: Settings, text: str, match: str) -> None:
    (settings.configs / "models.yaml").write_text(text + "\n", "utf-8")
    with pytest.raises(ConfigurationError, match=match):
        configuration.models_of(wire(settings, NOWHERE))


def test_every_venue_that_has_an_instrument_gets_a_router(settings: Settings) -> None:
    assert configuration.venue_names(wire(settings, NOWHERE)) == ["paper"]


def test_a_quote_made_of_a_minute_bar_may_be_older_than_a_live_one(settings: Settings, replay: Wiring) -> None:
    assert configuration.quote_stale_ms(wire(settings, NOWHERE)) < 60_000 < configuration.quote_stale_ms(replay)


def test_the_version_of_the_sources_changes_with_their_file(settings: Settings) -> None:
    wiring = wire(settings, NOWHERE)
    before = configuration.sources_version(wiring)
    assert configuration.sources_version(wiring) == before
    file = settings.configs / "sources.yaml"
    file.write_text(file.read_text("utf-8") + "\n# edited\n", "utf-8")
    assert configuration.sources_version(wiring) != before


def test_a_replay_has_one_source_and_believes_of_the_others_what_the_file_says(
    settings: Settings, replay: Wiring
) -> None:
    live, recorded = configuration.sources_of(wire(settings, NOWHERE)), configuration.sources_of(replay)
    assert [source.name for source in recorded.sources] == [RECORDED_GROUP]
    assert list(recorded.by_group()) == [RECORDED_GROUP]
    for source in live.sources:
        assert recorded.profile_of(source.name) == live.profile_of(source.name)


def test_the_sources_of_a_demo_are_at_the_local_server(settings: Settings) -> None:
    wiring = wire(settings, NOWHERE, sources_file="demo-sources.yaml", news_server=("127.0.0.1", 4321))
    urls = [str(getattr(source, "url", "")) for source in configuration.sources_of(wiring).sources]
    assert urls
    assert all("//127.0.0.1:4321/" in url for url in urls)


# -- recordings -----------------------------------------------------------------------------------------------------


def test_a_bar_becomes_a_quote_that_is_known_when_the_bar_is_over(replay: Wiring) -> None:
    tape = tape_of(replay)
    assert tape.quote("paper:SOLUSDT", T0.replace(second=59)) is None
    quote = tape.quote("paper:SOLUSDT", T0.replace(minute=1))
    assert quote is not None
    assert quote.bid < 100 < quote.ask


def test_the_span_of_a_recording_is_that_of_its_items_within_the_bounds(replay: Wiring, recording: Recording) -> None:
    assert recorded_span(recording) == (T0.replace(second=30), T0.replace(minute=5), 2)
    bounded = Recording(recording.news, (), T0.replace(minute=1), T0.replace(minute=9))
    assert recorded_span(bounded) == (T0.replace(minute=5), T0.replace(minute=5), 1)
    with pytest.raises(ConfigurationError, match="no item between --from and --to"):
        recorded_span(Recording(recording.news, (), T0.replace(minute=8), None))


@pytest.mark.parametrize(
    ("names", "text", "match"),
    [
        (["NOPEUSDT_1m.csv"], BARS, "no instrument has the symbol NOPEUSDT"),
        (["SOLUSDT_1m.csv", "SOLUSDT_other.csv"], BARS, "SOLUSDT is priced by another file too"),
        (["SOLUSDT_1m.csv"], "open_time,open\n", "no column"),
    ],
)
def test_prices_that_cannot_be_used_are_told_with_their_cure(
    settings: Settings, tmp_path: Path, names: list[str], text: str, match: str
) -> None:
    paths = tuple(tmp_path / name for name in names)
    for path in paths:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=match):
        tape_of(Wiring(settings, NOWHERE, recording=Recording(tmp_path / "n", paths)))


def test_only_a_replay_has_a_tape(settings: Settings) -> None:
    with pytest.raises(RuntimeError, match="only a replay"):
        tape_of(wire(settings, NOWHERE))


def test_the_made_market_opens_alike_for_one_seed(settings: Settings) -> None:
    one, same, other = (opening_market(wire(settings, NOWHERE, market_seed=seed), 1) for seed in (7, 7, 8))
    assert one.assets
    assert one == same
    assert one != other


def test_stories_are_told_by_meaning_where_the_encoder_is_installed_else_by_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = adapters.open_meaning(CorrelationPolicy())
    assert found is not None
    assert 0.5 < found(HACK, HEIST, 60.0) < 1.0

    def missing(**_: Any) -> None:
        raise EncoderNotFoundError("the package is not installed; run `make setup`")

    monkeypatch.setattr("herald.inference.meaning.open_packaged_encoder", missing)
    assert adapters.open_meaning(CorrelationPolicy()) is None
