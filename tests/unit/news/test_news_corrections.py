"""What takes a story back is told from what only sounds so."""

from __future__ import annotations

import pytest

from herald.news.corrections import EVIDENCE_CHARS_MAX, correction_in

CORRECTIONS = (
    ("Binance denies reports of hack", "denied"),
    ("Binance denies report that it was hacked", "denied"),
    ("Uniswap Labs denies $120M hack, says contracts are safe", "denied"),
    ("Correction: Strategy bought 100 BTC, not 10,000", "corrected"),
    ("CORRECTED: Fed holds rates, did not cut", "corrected"),
    ("Correction - BlackRock has not filed for an XRP ETF", "corrected"),
    ("Circle says report of Ripple's $5B takeover bid is false", "false"),
    ("Tether says reports of insolvency are false", "false"),
    ("SEC account was compromised, no ETF approved", "compromised"),
    ("SEC says X account was hacked, has not approved spot bitcoin ETFs", "compromised"),
    ("The @SECGov account was compromised and an unauthorized tweet was posted", "compromised"),
    ("BlackRock denies filing for XRP ETF", "denied"),
    ("Cointelegraph retracts report of BlackRock bitcoin ETF approval", "retracted"),
    ("Cointelegraph apologizes for false ETF approval post", "retracted"),
    ("Fake BlackRock XRP trust filing sends price swinging: fake filing confirmed", "false"),
    ("BlackRock's XRP trust filing is fake, spokesperson says", "false"),
    ("Walmart says Litecoin press release was fake", "false"),
    ("Crypto.com chief refutes insolvency rumors", "denied"),
    ("Huobi denies insolvency rumours", "denied"),
    ("Justin Sun denies rumors of Huobi arrests", "denied"),
    ("Coinbase: reports of SEC probe are inaccurate", "false"),
    ("Kraken says rumors of Binance takeover untrue", "false"),
    ("Reports of Binance hack denied by CZ", "denied"),
    ("Reports that Solana was halted are false, foundation says", "false"),
    ("Binance was not hacked, chief says", "negated"),
    ("No hack at Binance, CZ says", "negated"),
    ("OKX says there was no breach", "negated"),
    ("SEC has not approved any spot Solana ETF, chair says", "negated"),
    ("MicroStrategy did not acquire Metaplanet, Saylor says", "negated"),
    ("Amazon denies it will accept bitcoin by year end", "denied"),
    ("Amazon denies report of bitcoin payments", "denied"),
    ("Apple refutes claims that it is buying bitcoin", "denied"),
    ("Binance clarifies it will not delist Monero", "negated"),
    ("Binance clarifies that it is not halting withdrawals", "negated"),
    ("Ripple clarifies XRP partnership was misreported", "negated"),
    ("There is no truth to reports of a Tether audit failure", "denied"),
    ("Contrary to reports, Kraken is not acquiring Bitstamp", "denied"),
    ("CZ debunks rumors of Binance sale", "denied"),
    ("Binance calls reports of FTX-style shortfall baseless", "false"),
    ("Bithumb says listing notice was published in error", "retracted"),
    ("Upbit mistakenly announced PEPE listing", "retracted"),
    ("Reuters withdraws story on Binance probe", "retracted"),
    ("Bloomberg deletes tweet on ETF approval", "retracted"),
    ("Coinbase shoots down reports of acquisition by Circle", "denied"),
    ("False report of BlackRock XRP ETF liquidates traders", "false"),
    ("Erroneous report of ETF approval liquidates $100M", "false"),
    ("Ledger says claims of new breach are unfounded", "false"),
    ("Hyperliquid denies being hacked", "denied"),
    ("Tron denies any hack", "denied"),
    ("Polygon was not exploited, team says", "negated"),
    ("Tether quashes rumours of USDT freeze", "denied"),
    ("Kremlin rejects reports of bitcoin reserve", "denied"),
    ("Iran denies reports of attack on its nuclear site", "denied"),
    ("Fed says rumors of emergency cut are false", "false"),
    ("Trump denies reports that he will fire Powell", "denied"),
    ("World Liberty Financial denies rumors of ALT5 sale", "denied"),
    ("Strategy (corrects amount) buys 100 bitcoin", "corrected"),
    ("Circle not acquired by Ripple, chief says Circle was not acquired", "negated"),
    ("Cetus exploit report retracted", "retracted"),
    ("Bybit: rumours of insolvency are fud", "false"),
    ("Bitcoin Magazine walks back report of Qatar buying bitcoin", "retracted"),
    ("BREAKING: CORRECTION: SEC delays, does not approve, Solana ETF", "corrected"),
    ("Grayscale denies plans to dump GBTC", "denied"),
    ("Curve founder denies selling his tokens", "denied"),
    ("US Treasury denies it sold seized bitcoin", "denied"),
)
NO_CORRECTIONS = (
    "SEC denies application for spot bitcoin ETF",
    "Court denies motion to dismiss Ripple case",
    "SBF denied bail",
    "Judge denies bail for Do Kwon",
    "Bitcoin correction deepens as traders flee",
    "Bitcoin enters correction, drops 10%",
    "Market correction: altcoins fall 20%",
    "Scammers drain $3M with fake tokens",
    "Police seize fake tokens worth $2M",
    "Fake Uniswap app steals $1M from users",
    "Fed denies Custodia master account application",
    "Alder Ridge denied Fed master account",
    "Judge denies SEC's request to seal documents",
    "Appeals court denies Tornado Cash petition",
    "SEC denies Grayscale filing for Ethereum ETF",
    "Do Kwon denies fraud charges",
    "Ripple denies SEC allegations",
    "Binance denies wrongdoing in CFTC suit",
    "SBF pleads not guilty to fraud",
    "Tornado Cash founder denies money laundering charges",
    "SEC sues Binance, says statements to customers were false",
    "DOJ charges trader over false reports",
    "Trader fined for spreading false rumors about Bank of America? ",
    "Did Binance get hacked? Founder denies reports?",
    "Why Bitcoin is not dead",
    "Bitcoin retraces gains, retracts to $60K",
    "Binance neither confirms nor denies hack reports",
    "Binance declines to deny reports of probe",
    "Binance confirms hack after denying reports",
    "Binance admits hack it denied last week",
    "Bitcoin not a security, says SEC chair",
    "Ethereum is not a security, CFTC says",
    "Uniswap says user funds not compromised after front-end hack",
    "Cetus exploited for $220M",
    "Binance Will List PEPE",
    "SEC clarifies most memecoins are not securities",
    "Trump slams fake news media over tariffs",
    "Insurer denies claims from hack victims",
    "Judge denies hack victims' claim against Coinbase",
    "Court rejects Terraform's claim that tokens are not securities",
    "US jobs report beats expectations",
    "Powell says Fed will not rush to cut rates",
    "El Salvador denied IMF loan",
    "India denies crypto tax relief",
    "SEC has yet to approve Solana ETF",
    "Judge dismisses lawsuit against Uniswap",
    "SEC dismisses case against Coinbase",
    "Coinbase data breach: hackers bribed support agents",
    "Nigeria denies Binance executive bail again",
    "Kraken denied license in Luxembourg",
    "Correction ahead? Analysts split on Bitcoin",
    "Gold price correction looms",
    "Uniswap X account compromised, users warned not to click links",
    "Vitalik's X account hacked, $691K stolen",
    "Circle denies MiCA licence delay appeal",
    "Judge rejects FTX creditors' claims",
    "Tether reports record profit",
    "Bitcoin falls 5% in healthy correction",
    "Fake Ledger letters phish users' seed phrases",
    "Strategy does not sell bitcoin, Saylor vows to hold",
    "OCC denies Figure's bank charter request",
    "House rejects crypto tax amendment",
    "SEC rejects VanEck Solana ETF",
    "Regulators dismiss fears over stablecoin run",
    "Visa deny list blocks fake merchants",
    "Fed does not see recession, Powell says",
    "Solana has not halted in 2025, report notes despite outage in 2024",
    "False breakout traps bitcoin bulls",
    "Court denies SEC appeal in Ripple case, XRP rises",
)


@pytest.mark.parametrize(("headline", "kind"), CORRECTIONS)
def test_what_takes_a_report_back_is_a_correction(headline: str, kind: str) -> None:
    found = correction_in(headline)
    assert found is not None
    assert found.kind == kind
    assert found.words.casefold() in headline.casefold()
    assert found.reasons == (f"correction:{kind}", f"words:{found.words[:EVIDENCE_CHARS_MAX]}")


@pytest.mark.parametrize("headline", NO_CORRECTIONS)
def test_what_only_sounds_like_one_is_none(headline: str) -> None:
    assert correction_in(headline) is None


@pytest.mark.parametrize(("headline", "kind"), CORRECTIONS)
def test_a_question_takes_nothing_back(headline: str, kind: str) -> None:
    assert correction_in(f"{headline}?") is None


@pytest.mark.parametrize(
    ("headline", "claim"),
    [
        ("Binance denies reports of hack", "Binance of hack"),
        ("Tether says reports of insolvency are false", "Tether of insolvency are"),
        ("SEC account was compromised, no ETF approved", "SEC was ETF approved"),
        ("Correction: Strategy bought 100 BTC, not 10,000", "Strategy bought 100 BTC 10 000"),
    ],
)
def test_the_claim_is_what_is_left_without_the_words_that_deny(headline: str, claim: str) -> None:
    found = correction_in(headline)
    assert found is not None
    assert found.claim == claim


@pytest.mark.parametrize("headline", ["", "   ", "denies", "no " * 250, "reports " * 60, "account " * 60])
def test_a_headline_of_no_sense_is_none(headline: str) -> None:
    assert correction_in(headline) is None
