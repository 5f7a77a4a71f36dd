"""The YAML files of the configuration folder, parsed for those who need them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herald.bootstrap.wiring import NOWHERE, RECORDED_GROUP, Wiring
from herald.documents import ConfigurationError, Document, load_document
from herald.settings import Settings

if TYPE_CHECKING:
    from herald.inference.serving import ModelsDocument
    from herald.news.correlate import CorrelationPolicy
    from herald.news.gazetteer import Gazetteer
    from herald.news.rulebook import Rulebook
    from herald.sources.configuration import SourceConfig, SourcesDocument
    from herald.trading.directory import Directory
    from herald.trading.playbooks import PlaybookBook
    from herald.trading.risk_limits import RiskLimits
    from herald.trading.venue_rules import VenuesDocument


def rulebook_of(wiring: Wiring) -> Rulebook:
    """Load the rules by which headlines are read."""
    from herald.news.rulebook import parse_rulebook

    path = wiring.configs / "rules.yaml"
    return parse_rulebook(_text(path), str(path))


def gazetteer_of(wiring: Wiring) -> Gazetteer:
    """Load the names of assets, venues, organisations and people."""
    from herald.news.gazetteer import parse_gazetteer

    path = wiring.configs / "gazetteer.csv"
    return parse_gazetteer(_text(path), str(path))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({error}); restore it, or set HERALD_CONFIGS") from error


def story_policy(wiring: Wiring) -> CorrelationPolicy:
    """Return the rules by which reports are one story."""
    from herald.news.correlate import CorrelationPolicy

    path = wiring.configs / "stories.yaml"
    return load_document(path, CorrelationPolicy) if path.exists() else CorrelationPolicy()


def playbooks_of(wiring: Wiring) -> PlaybookBook:
    """Load the playbooks."""
    from herald.trading.playbooks import PlaybookBook

    return load_document(wiring.configs / "playbooks.yaml", PlaybookBook)


def directory_of(wiring: Wiring) -> Directory:
    """Load the instruments that may be traded."""
    from herald.trading.directory import Directory, Instruments

    return Directory(load_document(wiring.configs / "instruments.yaml", Instruments))


def risk_limits(wiring: Wiring) -> RiskLimits:
    """Load the limits."""
    from herald.trading.risk_limits import RiskLimits

    return load_document(wiring.configs / "risk.yaml", RiskLimits)


def venues_of(wiring: Wiring) -> VenuesDocument:
    """Load the venues and their rules."""
    from herald.trading.venue_rules import VenuesDocument

    return load_document(wiring.configs / "venues.yaml", VenuesDocument)


def venue_names(wiring: Wiring) -> list[str]:
    """Return the venues that have an instrument, each of which gets a router."""
    return sorted({instrument.venue for instrument in directory_of(wiring).all()})


def quote_stale_ms(wiring: Wiring) -> int:
    """Return the age above which a quote is not traded on; one made of minute bars may be a minute old."""
    limits = risk_limits(wiring)
    return limits.replay_quote_stale_ms if wiring.is_replay else limits.quote_stale_ms


def models_of(wiring: Wiring) -> ModelsDocument:
    """Load how the trained model serves and when it is believed."""
    from herald.inference.serving import ModelsDocument

    path = wiring.configs / "models.yaml"
    return load_document(path, ModelsDocument) if path.exists() else ModelsDocument()


def configuration_models() -> list[tuple[str, type[Document]]]:
    """List every file of the configuration folder with the model that it must fit."""
    from herald.inference.serving import ModelsDocument
    from herald.market.opening import MarketOpening
    from herald.news.rulebook import RuleDocument
    from herald.sources.configuration import SourcesDocument
    from herald.trading.directory import Instruments
    from herald.trading.playbooks import PlaybookBook
    from herald.trading.risk_limits import RiskLimits
    from herald.trading.venue_rules import VenuesDocument

    return [
        ("demo-market.yaml", MarketOpening),
        ("models.yaml", ModelsDocument),
        ("sources.yaml", SourcesDocument),
        ("demo-sources.yaml", SourcesDocument),
        ("rules.yaml", RuleDocument),
        ("playbooks.yaml", PlaybookBook),
        ("instruments.yaml", Instruments),
        ("risk.yaml", RiskLimits),
        ("venues.yaml", VenuesDocument),
    ]


def check_configuration(settings: Settings) -> None:
    """Load every file once. Raises ``ConfigurationError`` for the first that cannot be used."""
    wiring = Wiring(settings, NOWHERE)
    for name, model in configuration_models():
        if name != "rules.yaml" and (settings.configs / name).exists():
            load_document(settings.configs / name, model)
    rulebook_of(wiring)
    gazetteer_of(wiring)


def sources_of(wiring: Wiring) -> SourcesDocument:
    """Load the sources: those of the file, at the local news server where there is one, or the recorded one."""
    from herald.sources.configuration import RecordedSourceConfig, SourcesDocument

    document = load_document(wiring.configs / wiring.sources_file, SourcesDocument)
    if wiring.recording is not None:
        recorded = RecordedSourceConfig(
            name=RECORDED_GROUP,
            kind="recorded",
            group=RECORDED_GROUP,
            path=wiring.recording.news,
            max_items=1,
            start=wiring.recording.begin,
            end=wiring.recording.end,
        )
        belief = {source.name: _belief_of(source) for source in document.sources}
        return document.model_copy(update={"sources": (recorded,), "profiles": {**belief, **document.profiles}})
    return document.at_server(*wiring.news_server) if wiring.news_server else document


def _belief_of(source: SourceConfig) -> Any:
    from herald.sources.configuration import Belief

    return Belief(**{name: getattr(source, name) for name in Belief.model_fields})


def sources_version(wiring: Wiring) -> str:
    """Return a hash of the sources file, which changes when it is edited. Raises ``ConfigurationError``."""
    return hashlib.sha256(_text(wiring.configs / wiring.sources_file).encode()).hexdigest()
