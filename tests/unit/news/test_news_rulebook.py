import pytest

from herald.documents import ConfigurationError
from herald.news.rulebook import parse_rulebook

RULE = "rules:\n  - id: first\n    event_type: HACK\n    when: [hack]\n    pattern: '{pattern}'\n"


def parse(text):
    return parse_rulebook(text, "rules.yaml")


def rule(pattern):
    return RULE.replace("{pattern}", pattern)


def test_patterns_are_compiled_with_words_and_tags():
    book = parse("words: {verb: 'hack(?:ed|s)'}\n" + rule("{venue} {verb} for {asset=BTC}"))
    assert book.rules[0].pattern.search("<venue:binance> hacked for <asset:btc>")
    assert not book.rules[0].pattern.search("<venue:binance> hacked for <asset:eth>")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rule("("), r"rules.yaml:2: first: '\(' is no regular expression"),
        (rule("Hack"), "rules.yaml:2: first: 'Hack' has capitals"),
        (rule("{nobody}"), r"rules.yaml:2: first: '\{nobody\}' is unknown"),
        ("words: {a: '{b}', b: '{a}'}\n" + rule("{a}"), "refers to itself"),
        (rule("x") + "    by_usd: nope\n", "by_usd names 'nope'"),
        (rule("x") + "  - id: first\n    event_type: HACK\n    when: [a]\n    pattern: y\n", "rules.yaml:6: .*twice"),
        (rule("x") + "    severty: 0.5\n", "rules.yaml:6: rules.0.severty: unknown field; did you mean 'severity'"),
        (rule("x").replace("[hack]", "[Hack]"), "not lower case"),
        (rule("x").replace("[hack]", "[]"), "rules.0.when"),
        (rule("x") + "    severity: 1.5\n", "rules.yaml:6: rules.0.severity"),
    ],
)
def test_a_wrong_rule_names_line_and_cure(text, message):
    with pytest.raises(ConfigurationError, match=message):
        parse(text)


def test_severity_rises_in_steps_of_usd(rulebook):
    steps = [rulebook.severities.of_usd("hack", usd) for usd in (5e4, 2e5, 5e6, 6e7, 2e9)]
    assert steps == sorted(steps)
    assert steps[-1] == 1.0


def test_the_version_follows_the_text():
    assert parse(rule("x")).version != parse(rule("y")).version
