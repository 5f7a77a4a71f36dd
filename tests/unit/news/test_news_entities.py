import pytest

from herald.documents import ConfigurationError
from herald.news.entities import find_entities
from herald.news.gazetteer import AssetSector, parse_gazetteer

HEAD = "kind,code,sector,asset,names,plain\n"


def codes(text, gazetteer):
    return [mention.code for mention in find_entities(text, gazetteer).assets]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Binance Will List Chainlink (LINK)", ["LINK"]),
        ("$LINK jumps", ["LINK"]),
        ("LINKUSDT perpetual goes live", ["LINK"]),
        ("LINK/USDT opens", ["LINK"]),
        ("LINK token listing on Coinbase", ["LINK"]),
        ("Prices: BTC, ETH, LINK, AVAX", ["BTC", "ETH", "LINK", "AVAX"]),
        ("Click this link to read", []),
        ("The missing LINK in finance", []),
        ("But ONE hurdle remains for gas prices", []),
        ("Trump eyes a near deal on sand and flow", []),
        ("Trump's TRUMP token dinner", ["TRUMP"]),
        ("An avalanche of selling hits bitcoin", ["BTC"]),
        ("Avalanche upgrades", ["AVAX"]),
        ("Will A XRP Integration Push ADA", ["XRP", "ADA"]),
        ("Strategy adds 705 bitcoins", ["BTC"]),
        ("Bitcoin Cash and Bitcoin", ["BCH", "BTC"]),
        ("$XYZ and FOO/USDT are new", ["XYZ", "FOO"]),
        ("ETH/BTC ratio", ["ETH"]),
    ],
)
def test_assets_are_found_and_plain_words_are_not(text, expected, gazetteer):
    assert codes(text, gazetteer) == expected


def test_parties_are_told_by_kind_in_order_of_appearance(gazetteer):
    found = find_entities("SEC sues Coinbase as Powell and BlackRock watch the Fed and Kraken", gazetteer)
    assert found.venues == ("Coinbase", "Kraken")
    assert found.organisations == ("SEC", "Fed", "BlackRock")
    assert found.people == ("Jerome Powell",)
    assert found.names == ("SEC", "Coinbase", "Jerome Powell", "BlackRock", "Fed", "Kraken")


def test_strategy_the_company_is_told_from_a_strategy(gazetteer):
    assert "Strategy" in find_entities("Strategy buys 1,045 BTC", gazetteer).organisations
    assert "Strategy" in find_entities("Strategy's bitcoin bet", gazetteer).organisations
    assert find_entities("Firm adopts bitcoin treasury strategy in 2025", gazetteer).organisations == ()


def test_a_mention_tells_sector_place_and_way(gazetteer):
    mention = find_entities("Buy Dogecoin", gazetteer).assets[0]
    assert (mention.sector, mention.text, mention.start, mention.how) == (AssetSector.MEME, "Dogecoin", 4, "name")


def test_an_extra_list_counts_only_in_unmistakable_form():
    gazetteer = parse_gazetteer(HEAD + "asset,BTC,L1,,Bitcoin,\n", "g", 'id,code,name\n1,SPOT,"Spotcoin"\n2,BTC,Fake\n')
    assert codes("SPOT Bitcoin funds", gazetteer) == ["BTC"]
    assert codes("Spotcoin (SPOT) and Fake", gazetteer) == ["SPOT"]
    assert codes("$SPOT", gazetteer) == ["SPOT"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind,code\n", "g:1: the columns must be"),
        (HEAD + "asset,BTC,L9,,,\n", "g:2: sector: 'L9' is none of"),
        (HEAD + "planet,BTC,L1,,,\n", "g:2: kind: 'planet' is none of"),
        (HEAD + "asset,,L1,,,\n", "g:2: code: is empty"),
        (HEAD + "asset,BTC,L1,,,\nasset,BTC,L1,,,\n", "g:3: code: BTC is given twice"),
        (HEAD + "asset,BTC,L1\n", "g:2: a line needs 6 fields"),
    ],
)
def test_a_wrong_gazetteer_names_line_and_cure(text, message):
    with pytest.raises(ConfigurationError, match=message):
        parse_gazetteer(text, "g")


def test_our_gazetteer_covers_the_best_known_assets(gazetteer):
    assert len(gazetteer.tickers) >= 250
    assert {"BTC", "ETH", "SOL", "XRP", "LINK", "TRUMP", "HYPE"} <= gazetteer.tickers.keys()
