"""The reader of parties: listed names win, nothing depends on the company a text is in, and no input breaks it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from herald.inference.parties import (
    NAMES,
    PIPELINE,
    RECOGNISER,
    SETTINGS,
    TEXT_CHARS_MAX,
    WORDS,
    PartyReader,
    load_parties,
)
from herald.inference.party_forms import WordForms
from herald.inference.text_model import ModelUnusableError
from herald.news.entities import find_entities
from herald.news.gazetteer import Gazetteer
from herald.news.judgement import PartyKind
from training.corpus.headlines import Example, load_headlines
from training.parties import make_parties
from training.party_training import PartyTraining

HEADLINES = (
    "BREAKING: Cork Protocol hacked",
    "LINK in bio for free signals",
    "ONE of the largest banks fails",
    "NEAR record high, gold pauses",
    "GAS prices hit a decade high",
    "Ripple sues the SEC",
    "OP token jumps 12%",
    "MASK mandate returns in Los Angeles",
    "$PEOPLE jumps as DAO votes",
    "BTC, ETH and SOL slide",
    "1INCH exploited for $5M",
    "Binance lists A, B and C",
    "Binance lists BONK, WIF and PEPE",
    "XRP, ADA, DOGE and LINK tumble",
    "Shiba Inu, Pepe and Floki sink",
    "Coinbase to list Sui (SUI), Aptos (APT) and Sei (SEI)",
    "Gate lists Humanity (H)",
    "Powell speaks at Jackson Hole",
    "Strategy buys 1,045 BTC for $110M",
    "A new strategy for bitcoin holders",
    "Avalanche kills four skiers",
    "Avalanche upgrades",
    "Metaplanet and Semler Scientific buy more bitcoin",
    "SEC sues Coinbase as Powell and BlackRock watch the Fed and Kraken",
    "Tether freezes 4.2M USDT tied to Phemex heist",
    "SUI/USDT and SEIUSDT perpetuals open",
    "Compound interest explained",
    "Compound DAO exploited",
    "The Graph (GRT) upgrades",
    "*FED'S POWELL: RATES ON HOLD",
    "UPBIT LISTS HUMA FINANCE",
    "bitcoin falls",
    "Gold gains",
    "France bans TikTok",
    "Nobitex loses $90M",
    "#BTC #ETH to the moon 🚀🚀",
    "Thai SEC files complaint against OKX affiliate",
    "Binance\u2019s BNB slips",
    "Mt. Gox moves 10,000 BTC",
    "Trump's TRUMP token dinner",
    "Hong Kong approves spot Solana ETF",
    "Circle IPO prices at $31",
)
ODD = (
    *("", " ", "\n\t", "🚀" * 2_500, "(" * 5_000, "A" * 5_000, "a.b" * 1_700, "$" * 5_000, "Foo " * 1_250),
    *(
        "x'" * 2_500,
        "1," * 2_500,
        "\u202e\u200bAbc",
        "$1.5 billion " * 400,
        "\uff21" * 1_000,
        "\ud800 Lone Half Corp",
        "\x00",
    ),
)


@pytest.fixture(scope="module")
def examples() -> tuple[Example, ...]:
    everything = load_headlines()
    return everything[:: len(everything) // 1_200][:1_200]


@pytest.fixture(scope="module")
def reader(examples: tuple[Example, ...], packaged: Any) -> PartyReader:
    """A reader of little training, which believes every name that it proposes."""
    names = (Path(__file__).parents[3] / "configs" / "gazetteer.csv").read_text("utf-8")
    made = make_parties(
        examples[:1_000],
        examples[1_000:1_100],
        examples[1_100:],
        names=names,
        pretrained=packaged,
        training=PartyTraining(epochs=4, batch=16, warm_up=10),
        seed=3,
        report=lambda *_: None,
    ).reader
    believed = made.settings.model_copy(update={"sureness_min": 0.0, "trained_sureness_min": 0.0})
    return PartyReader(made._nlp, names, believed, made._words)


@pytest.fixture(scope="module")
def saved(reader: PartyReader, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "parties"
    reader.save(folder)
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "parties"))


def texts_of(parties: Sequence[Any]) -> list[str]:
    return [party.text for party in parties]


@pytest.mark.parametrize("headline", HEADLINES)
def test_listed_parties_are_those_of_the_gazetteers_rules_and_no_other_is_in_their_place(
    headline: str, reader: PartyReader, gazetteer: Gazetteer
) -> None:
    (found,) = reader.parties([headline])
    mentions = find_entities(headline, gazetteer).mentions
    listed = [party for party in found if party.listed]
    assert [(one.start, one.end, one.code) for one in listed] == [(m.start, m.end, m.entry.code) for m in mentions]
    ends = [0, *(party.end for party in found)]
    assert all(end <= party.start for end, party in zip(ends, found, strict=False))
    for party in found:
        assert headline[party.start : party.end] == party.text
        assert bool(party.code) is party.listed


@pytest.mark.parametrize("word", ["LINK", "MASK", "NEAR", "ONE", "GAS", "Compound"])
def test_a_word_that_the_gazetteer_judged_to_be_ordinary_is_no_party(word: str, reader: PartyReader) -> None:
    (found,) = reader.parties([next(one for one in HEADLINES if one.startswith(word))])
    assert word not in texts_of(found)


def test_listed_parties_have_their_kind(reader: PartyReader) -> None:
    (found,) = reader.parties(["SEC sues Coinbase as Powell and BlackRock watch the Fed and ETH"])
    kinds = {party.code: party.kind for party in found if party.listed}
    assert kinds == {
        "SEC": PartyKind.ORGANISATION,
        "Coinbase": PartyKind.VENUE,
        "Jerome Powell": PartyKind.PERSON,
        "BlackRock": PartyKind.COMPANY,
        "Fed": PartyKind.ORGANISATION,
        "ETH": PartyKind.ASSET,
    }


def test_amounts_are_nobodys_name(reader: PartyReader) -> None:
    headlines = ["$1.5B and 40% of 3,000 BTC", "US$220 million, £3bn", "Garden Finance loses $5.5M"]
    found = [party for parties in reader.parties(headlines) for party in parties]
    assert not [party for party in found if not party.listed and any(char.isdigit() for char in party.text)]


def test_names_of_no_list_are_found_where_training_taught_their_places(reader: PartyReader) -> None:
    headlines = [
        "Zorblax Labs acquires Vintar Custody",
        "Zorblax exploited for $8.4M",
        "SEC charges Quoddle with fraud",
    ]
    found = [{party.text for party in parties if not party.listed} for parties in reader.parties(headlines)]
    assert [bool(one & {"Zorblax Labs", "Vintar Custody", "Zorblax", "Quoddle"}) for one in found].count(True) >= 2


def test_a_text_is_read_alone_as_in_any_batch(reader: PartyReader, examples: tuple[Example, ...]) -> None:
    texts = [*HEADLINES, *(example.text for example in examples[:150])]
    together = reader.read(texts)
    assert reader.read(texts[::-1])[::-1] == together
    assert [reader.read([text])[0] for text in texts] == together
    assert any(proposed for _, proposed in together)


def test_threads_that_ask_at_once_get_the_same_answers(reader: PartyReader) -> None:
    expected = reader.parties(HEADLINES)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: reader.parties(HEADLINES), range(8)))
    assert answers == [expected] * 8


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text[:6]))
def test_odd_text_gets_an_answer(text: str, reader: PartyReader) -> None:
    (found,) = reader.parties([text])
    assert all(0 <= party.start < party.end <= min(len(text), TEXT_CHARS_MAX) for party in found)


def test_a_long_text_is_read_to_the_bound_and_no_texts_get_no_answers(reader: PartyReader) -> None:
    beyond = "so " * (TEXT_CHARS_MAX // 3) + "Coinbase Kraken"
    assert reader.parties(["Coinbase " + beyond, beyond])[1] == ()
    assert reader.parties([]) == []


def test_words_are_forgotten_after_a_batch(reader: PartyReader) -> None:
    reader.parties(["Warm up"])
    before = len(reader._nlp.vocab.strings)
    reader.parties([f"Nover{number:x}seen Wordof{number:x}this" for number in range(300)])
    assert len(reader._nlp.vocab.strings) == before


def test_a_name_is_believed_from_its_own_bound(reader: PartyReader, examples: tuple[Example, ...]) -> None:
    texts = [*HEADLINES, *(example.text for example in examples)]
    text = next(text for text in texts if reader.read([text])[0][1])
    (_, proposed) = reader.read([text])[0]
    surest = max(one.sureness for one in proposed)
    assert 0 < surest <= 1
    none = {"sureness_min": 1.0, "trained_sureness_min": 1.0}
    strict = PartyReader(reader._nlp, "", reader.settings.model_copy(update=none), reader._words)
    assert [party for party in strict.parties([text])[0] if not party.listed] == []


def test_words_are_shown_by_what_is_known_of_them() -> None:
    words = WordForms(familiar=frozenset({"hack"}), ordinary=frozenset({"heatwave"}))
    assert [words.norm(word) for word in ("Hack", "hack", "Heatwave", "Zorblax", "v26")] == [
        *("hack", "hack", "?ordinary", "?strange", "?digits"),
    ]


def test_a_loaded_reader_says_what_the_saved_one_said(reader: PartyReader, saved: Path) -> None:
    loaded = load_parties(saved)
    assert loaded.settings == reader.settings
    assert loaded.read(HEADLINES) == reader.read(HEADLINES)


def test_a_reader_is_small_and_holds_data_only(saved: Path) -> None:
    files = [path for path in saved.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 6_000_000
    assert not [path for path in files if path.suffix in {".py", ".pkl", ".pickle", ".so"}]


def test_a_reader_is_not_saved_over_another(reader: PartyReader, saved: Path) -> None:
    with pytest.raises(FileExistsError):
        reader.save(saved)


MODEL = f"{PIPELINE}/{RECOGNISER}/model"


@pytest.mark.parametrize("name", [SETTINGS, NAMES, WORDS, MODEL, f"{PIPELINE}/{RECOGNISER}/moves"])
@pytest.mark.parametrize("left", [None, b"not what it was"], ids=["missing", "damaged"])
def test_a_missing_or_damaged_file_is_refused_with_the_cure(name: str, left: bytes | None, copied: Path) -> None:
    (copied / name).unlink()
    if left is not None:
        (copied / name).write_bytes(left)
    with pytest.raises(ModelUnusableError, match=r"parties: no usable recogniser .*train one with `herald train`"):
        load_parties(copied)


def test_a_recogniser_cut_short_is_refused_with_the_cure(copied: Path) -> None:
    whole = (copied / MODEL).read_bytes()
    (copied / MODEL).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelUnusableError, match="train one with"):
        load_parties(copied)


def test_weights_of_another_size_are_refused_with_the_cure(reader: PartyReader, copied: Path) -> None:
    design = reader.settings.design.model_copy(update={"width": 32})
    (copied / SETTINGS).write_text(reader.settings.model_copy(update={"design": design}).model_dump_json(), "utf-8")
    with pytest.raises(ModelUnusableError, match="train one with"):
        load_parties(copied)


def test_a_recogniser_of_another_spacy_is_refused_with_the_cure(reader: PartyReader, copied: Path) -> None:
    other = reader.settings.model_copy(update={"spacy": "2.3.9"})
    (copied / SETTINGS).write_text(other.model_dump_json(), "utf-8")
    with pytest.raises(ModelUnusableError, match=r"trained with spaCy 2\.3\.9, this is 3.*train the model again"):
        load_parties(copied)
