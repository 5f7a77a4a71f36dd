"""The commands and their help."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="herald",
    help="Herald turns news into trades: it reads headlines, decides within strict risk limits, sends orders, "
    "and measures what came of it. Paper trading is the default.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help is there four times sooner
    context_settings={"help_option_names": ["-h", "--help"]},
)
sources = typer.Typer(name="sources", help="Look at news sources.", no_args_is_help=True)
app.add_typer(sources)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
By = Annotated[str, typer.Option("--by", help="Who does it; kept in the audit trail.")]
Model = Annotated[str, typer.Option(help="Who reads: rules, champion, or the number of a version.")]
Why = Annotated[str, typer.Option("--why", help="Why; kept in the audit trail.")]


@app.command()
def up(
    news: Annotated[
        str, typer.Option(help="demo: a local news server; configured: the sources of configs/sources.yaml.")
    ] = "",
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay in the terminal; Ctrl-C stops.")] = False,
) -> None:
    """Start Herald and leave it running. `herald down` stops it."""
    from herald.cli import lifecycle

    lifecycle.up(news, foreground=foreground)


@app.command()
def down() -> None:
    """Stop the running Herald: collectors first, then traders, then the servers. Data stays."""
    from herald.cli import lifecycle

    lifecycle.down()


@app.command()
def status(as_json: Json = False) -> None:
    """Show what runs, the trading state, the account, and counts. Status 1 where a part does not answer."""
    from herald.cli import status as command

    command.run(as_json=as_json)


@app.command()
def halt(by: By = "", why: Why = "") -> None:
    """Stop all new orders at once; open positions may still be closed. Survives a restart."""
    from herald.cli import trading_state

    trading_state.change("HALTED", by, why)


@app.command()
def reduce(by: By = "", why: Why = "") -> None:
    """Allow only orders that reduce a position."""
    from herald.cli import trading_state

    trading_state.change("REDUCING", by, why)


@app.command()
def resume(by: By = "", why: Why = "") -> None:
    """Trade again after a halt."""
    from herald.cli import trading_state

    trading_state.change("ACTIVE", by, why)


@app.command()
def demo(
    seconds: Annotated[int, typer.Option(min=5, max=86_400, help="How long to run once the first item is in.")] = 60,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html, report.json and the records.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of news and market; chosen by the time otherwise.")] = None,
    rate: Annotated[float, typer.Option(min=0.05, max=50, help="Stories a second.")] = 0.8,
    model: Model = "champion",
) -> None:
    """Run everything for a minute on a local news server and a simulated market, on paper, then report."""
    from herald.cli import demo as command

    command.run(seconds=seconds, out=out, seed=seed, rate=rate, model=model)


@app.command()
def replay(
    news: Annotated[Path, typer.Option(help="Recorded news: Parquet, or JSON lines of NewsItem.")],
    bars: Annotated[list[Path], typer.Option(help="Recorded minute bars as CSV; may be given several times.")],
    out: Annotated[Path, typer.Option(help="Folder for the report and the records.")],
    begin: Annotated[str | None, typer.Option("--from", help="First time to replay, ISO 8601 UTC.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last time to replay, ISO 8601 UTC.")] = None,
    seed: Annotated[int, typer.Option(help="Seed; the same input and seed give the same trades.")] = 0,
    speed: Annotated[str, typer.Option(help="max, real, or a factor of real time.")] = "max",
    chaos: Annotated[
        int, typer.Option(min=0, help="Kill this many processes (actors, bus, database) with SIGKILL on the way.")
    ] = 0,
    model: Model = "champion",
    as_json: Json = False,
) -> None:
    """Send recorded news through the live actors against recorded prices, on simulated time."""
    from herald.cli import replay as command

    command.run(
        news=news, bars=bars, out=out, begin=_time(begin), end=_time(end), seed=seed, speed=speed, chaos=chaos,
        model=model, as_json=as_json,
    )  # fmt: skip


@app.command()
def latency(
    directory: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A replay's or demo's folder.")] = None,
    as_json: Json = False,
) -> None:
    """Show p50, p95 and p99 in milliseconds for each stage, of the running system or of a recorded run."""
    from herald.cli import latency as command

    command.run(directory, as_json=as_json)


@app.command()
def explain(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EVENT_ID or WORDS...]", help="Words list the headlines that hold them."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many headlines are listed.")] = 20,
    as_json: Json = False,
) -> None:
    """Show everything recorded of one headline: why it was traded, or why not, and where the time went."""
    from herald.cli import explain as command

    command.run(what or [], limit=limit, as_json=as_json)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check this machine, the configuration and every server. Status 1 where something is wrong."""
    from herald.cli import doctor as command

    command.run(as_json=as_json)


@app.command()
def classify(
    text: Annotated[list[str] | None, typer.Argument(metavar="[TEXT...]", help="Headlines, each in quotes.")] = None,
    source: Annotated[
        Path | None, typer.Option("--in", help="JSON lines with id, text, source?, published_at?.")
    ] = None,
    target: Annotated[Path | None, typer.Option("--out", help="File for a JSON line each, in the same order.")] = None,
    model: Model = "champion",
    as_json: Json = False,
) -> None:
    """Read headlines: type, tradable or noise, which way, how severe, how sure, and on what evidence."""
    from herald.cli import classify as command

    command.run(text or [], source, target, model, as_json=as_json)


@app.command("same-story")
def same_story(
    source: Annotated[Path, typer.Option("--in", help="JSON lines with id, a, b, a_at?, b_at?: two headlines.")],
    target: Annotated[Path | None, typer.Option("--out", help="File for a JSON line each, in the same order.")] = None,
) -> None:
    """Tell for pairs of headlines the probability that both report one event."""
    from herald.cli import same_story as command

    command.run(source, target)


@app.command()
def train(
    quick: Annotated[
        bool, typer.Option("--quick", help="Heads on the encoder as it comes: some minutes, no torch.")
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(min=1, max=50, help="Rounds of the fine-tuning; fewer where more do not help.")
    ] = None,
    own: Annotated[
        Path | None,
        typer.Option("--with", exists=True, help="Your own labelled headlines, a .tsv file or a folder of them."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the classifier on Herald's corpus, judge it, and record it in MLflow; the first becomes the champion."""
    from herald.cli import training as command

    command.train("quick" if quick else "full", epochs, own, as_json=as_json)


@app.command()
def evaluate(
    model: Annotated[str, typer.Option(help="champion, challenger, or the number of a version.")] = "champion",
    out: Annotated[Path | None, typer.Option(help="Folder for plots and figures.")] = None,
    as_json: Json = False,
) -> None:
    """Judge a model on the corpus's test part, and on each labelled set of HERALD_DATA, beside its baselines."""
    from herald.cli import training as command

    command.evaluate(model, out, as_json=as_json)


@app.command()
def models(as_json: Json = False) -> None:
    """List the trained versions, and which is champion and challenger."""
    from herald.cli import training as command

    command.models(as_json=as_json)


@app.command()
def promote(
    model: Annotated[str, typer.Argument(help="challenger, or the number of a version.")] = "challenger",
    force: Annotated[str | None, typer.Option(help="Promote against the evidence, for this reason.")] = None,
) -> None:
    """Make a version the champion, if it is significantly better and behaves. Status 1 where it is refused."""
    from herald.cli import training as command

    command.promote(model, force)


@app.command()
def rollback() -> None:
    """Undo the last promotion: the previous champion serves again."""
    from herald.cli import training as command

    command.rollback()


@sources.command("test")
def sources_test(
    target: Annotated[str, typer.Argument(metavar="URL_OR_FILE", help="A feed, page or API answer.")],
    as_json: Json = False,
) -> None:
    """Show what a collector would make of a feed, a page or an API answer. Status 1 where it cannot be read."""
    from herald.cli import sources as command

    command.test(target, as_json=as_json)


def _time(text: str | None) -> datetime | None:
    from datetime import UTC

    from herald.documents import ConfigurationError

    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"'{text}' is no time; write it like 2025-06-06T21:41Z") from error
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
