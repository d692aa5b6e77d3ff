"""Rehearse a game day of APP on this machine.

Outage, failover, recovery, failback, with customers in the twin all the while.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from functions.global_tables import some
from functions.run import MODES, Mode

from ..compile.modes import modes_of
from ..compile.starts import ALARMS_START
from ..lint import errors
from ..operate.render import bound_of
from ..runbook.find import find
from ..runbook.mistakes import Mistakes
from ._report_file import ReportFile, documents, report_option, save, save_report, verdict_of
from ._twin import as_the_twin, say_customers

if TYPE_CHECKING:
    from ..runbook.model import Runbook
    from ..simulate.report import Report, Stand


class Pace(click.ParamType):
    """How many times faster than life: 10x, or 10."""

    name = "pace"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            pace = float(str(value).removesuffix("x"))
        except ValueError:
            pace = 0.0
        if not 0 < pace < float("inf"):
            self.fail(f"{value} is no pace: write 10x for ten times faster than life", param, ctx)
        return pace


@click.command()
@click.argument("app")
@click.option("--mode", type=click.Choice(MODES), help="Graceful, where no step refuses that.")
@click.option(
    "--dark", metavar="REGION", help="The primary Region goes dark as a whole, and comes back by itself."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same report.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the report as JSON on standard output, and nothing else."
)
@click.option(
    "--pace",
    type=Pace(),
    help="So much faster than life: 80x on a terminal, where keys change and pause it, and 10x with --web.",
)
@click.option(
    "--web",
    is_flag=True,
    help="Serve a page on this machine, on which you lead the rehearsal: pull plugs, start runs, approve.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Of the page; any free one, if left out.")
@click.option(
    "--record",
    "film",
    metavar="FILE.svg",
    type=ReportFile(".svg"),
    help="Write what a terminal shows as a film, too: a picture that plays by itself.",
)
@report_option
def command(
    app: str,
    mode: Mode | None,
    dark: str | None,
    seed: int,
    as_json: bool,
    pace: float | None,
    web: bool,
    port: int | None,
    film: Path | None,
    files: Sequence[Path],
) -> None:
    runbook = find(app)
    if port is not None and not web:
        raise click.UsageError("--port is the page's: add --web, or leave it out")
    if web and dark is not None:
        raise click.UsageError(f"with --web you darken {dark} yourself, on the page: leave --dark out")
    if web and film is not None:
        raise click.UsageError("--record is of a rehearsal that goes by itself: leave it or --web out")
    if dark is not None and dark != runbook.regions.primary:
        raise click.UsageError(f"--dark takes the primary Region, {runbook.regions.primary}, not {dark}")
    mode = mode or modes_of(runbook, ALARMS_START)[0]
    if dark is not None and mode == "graceful":
        raise click.UsageError("a graceful run needs both Regions: rehearse --dark with --mode ungraceful")
    if not web and dark is None and "outage" not in runbook.procedures:
        raise click.UsageError(
            f"{runbook.application} has no outage, so nothing would go wrong: "
            f"write an outage in {runbook.path}, or rehearse with --mode ungraceful "
            f"--dark {runbook.regions.primary}"
        )
    if wrong := errors([runbook]):
        raise Mistakes(wrong)
    if web:
        from ..web.leading import FASTEST, SLOWEST

        if pace is not None and not SLOWEST <= pace <= FASTEST:
            raise click.UsageError(f"with --web a pace is from {SLOWEST:g}x to {FASTEST:g}x, not {pace:g}x")
    as_the_twin()
    plain = False if os.environ.get("NO_COLOR") else None  # where it is set, a terminal is as a pipe
    console = Console(stderr=as_json, highlight=False, soft_wrap=True, force_terminal=plain)
    say_customers(runbook, console)
    console.print(f"farshore: the twin of {runbook.application} is being built, in two Regions")
    tell = partial(_tell, console, as_json, files)
    if web:
        found = _lead(console, runbook, mode, seed, pace, port or 0, tell)
    else:
        found = _watch(console, runbook, mode, dark, seed, pace, film)
        tell(found)
    sys.exit(0 if found.ok else 1)


def _watch(
    console: Console,
    runbook: Runbook,
    mode: Mode,
    dark: str | None,
    seed: int,
    pace: float | None,
    film: Path | None,
) -> Report:
    """The game day as it is written, on a terminal, in lines, or in lines and as a film."""
    from ..simulate.keys import Terminal
    from ..simulate.recording import Recording  # moto and the twin take half a second, after the first word
    from ..simulate.rehearsal import Rehearsal
    from ..simulate.view import PACE, Lines, Screen

    began = time.perf_counter()
    watched = film is None and console.is_terminal and not console.is_dumb_terminal
    with ExitStack() as stack:
        view = Recording(console) if film else Lines(console)
        if watched:
            view = Screen(console, pace or PACE, stack.enter_context(Terminal()))
        stack.enter_context(view)
        show = view.show if watched or film else None
        with Rehearsal(runbook, mode, dark, seed, view.say, show=show) as rehearsal:
            found = rehearsal.play()
    found.wall_seconds = time.perf_counter() - began
    if isinstance(view, Recording) and film is not None:
        view.frame(_figures(found))
        save(film, view.svg(f"a rehearsal of {runbook.application}, in simulated time"))
    return found


def _lead(
    console: Console,
    runbook: Runbook,
    mode: Mode,
    seed: int,
    pace: float | None,
    port: int,
    tell: Callable[[Report], None],
) -> Report:
    """A game day that a person leads on a page, which stays until the person is done with it."""
    from ..simulate.by_hand import ByHand
    from ..simulate.view import Lines
    from ..web.leading import PACE, Leading
    from ..web.server import Server

    began = time.perf_counter()
    leading = Leading(runbook.application, mode, pace or PACE)
    try:
        server = Server(leading, port)
    except OSError as error:
        raise click.ClickException(
            f"port {port} cannot be served on: {error.strerror}: name another, or leave --port out"
        ) from None
    with server, Lines(console) as view, _at_ctrl_c(leading.interrupt):
        with ByHand(runbook, mode, seed, view.say, leading.show, leading) as rehearsal:
            console.print(f"farshore: lead the rehearsal on {server.url}", markup=False)
            found = rehearsal.play()
        found.wall_seconds = time.perf_counter() - began
        tell(found)
        with suppress(KeyboardInterrupt):
            leading.end(found.ok, verdict_of(found.as_json()), documents(found.as_json()))
            console.print(
                "farshore: the report is on the page, until you close the rehearsal there (or Ctrl-C)"
            )
            leading.wait_until_left()
    return found


@contextmanager
def _at_ctrl_c(act: Callable[[], None]) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, lambda *_: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(console: Console, as_json: bool, files: Sequence[Path], found: Report) -> None:
    """The result, and the files that were asked for."""
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        _print_result(console, found)
    save_report(files, found.as_json())


def _print_result(console: Console, found: Report) -> None:
    """What a person wants to know at the end."""
    if found.clients:
        table = _figures(found)
        table.add_row(
            "took", f"{found.virtual_seconds / 60:.0f} simulated minutes in {found.wall_seconds:.0f} s"
        )
        console.print()
        console.print(table)
    if found.stand is not None:
        _print_stand(console, found.stand)
    for why in found.broken:
        console.print(f"the rehearsal itself broke: {why}", style="bold red", markup=False)
    for breach in found.breaches:
        console.print(
            f"{breach.invariant} broken at {breach.at:.0f} s: {breach.story}", style="bold red", markup=False
        )
    console.print(
        "Times are simulated (the twin's latency.yaml); data, step code and state machines are real.",
        style="dim",
    )


def _figures(found: Report) -> Table:
    """What customers felt, where figures were taken."""
    clients, data = found.clients, found.data
    table = Table(show_header=False, box=None, padding=(0, 2))
    if not clients:
        return table
    felt = f"{clients['rto_seconds']:.0f} s of outage (RTO)"
    nothing = "nothing that is known: no write of theirs was acknowledged"
    table.add_row("customers felt", felt if data["acknowledged"] else nothing)
    table.add_row(
        "writes lost",
        f"{len(data['lost'])} of {data['acknowledged']} acknowledged, {data['rpo_seconds']:.1f} s (RPO)",
    )
    if data["lost"]:
        table.add_row("", f"{some(data['lost'])}: --report names all")
    for run in found.runs:
        if said := bound_of(run):
            table.add_row(f"{run.procedure} could lose", f"{said} (by heartbeats)")
    table.add_row("late, overwritten", f"{len(data['late'])}, {len(data['overwritten'])}")
    if data["exposure_seconds"]:
        table.add_row("exposed", f"{data['exposure_seconds']:.1f} s, until the returned Region was fenced")
    table.add_row("invariants", "all held" if not found.breaches else f"broken: {len(found.breaches)}")
    return table


def _print_stand(console: Console, stand: Stand) -> None:
    """Where a game day stopped, how everything stood then, and what to do: a line each, to be copied."""
    console.print()
    for name, text in _lines(stand):
        console.print(f"  {name:15s}  {text}", markup=False)


def _lines(stand: Stand) -> Iterator[tuple[str, str]]:
    yield "stopped", stand.stopped
    led = f"and were led to {_and(stand.led_to)}"
    yield "then", f"customers were served {f'in {_and(stand.served)}' if stand.served else 'nowhere'}, {led}"
    for dataset, regions in stand.writers.items():
        yield "", f"{dataset} took writes in {_and(regions)}"
    if stand.dark:
        yield "", f"nobody answered in {_and(stand.dark)}"
    if stand.ledger:
        yield "fences up", f"unknown: {stand.ledger}"
    else:
        yield "fences up", ", ".join(each.resource for each in stand.fences if each.owner == "run") or "none"
        if outage := ", ".join(each.resource for each in stand.fences if each.owner == "outage"):
            yield "the outage's", outage
        yield "owed", ", ".join(stand.owed) or "nothing"
        yield "lease", stand.held_by or "free"
    for number, what in enumerate(stand.to_do, 1):
        yield "to do" if number == 1 else "", f"{number}. {what}"


def _and(regions: Sequence[str]) -> str:
    return " and ".join(regions) or "no Region"
