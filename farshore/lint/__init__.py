"""The static judge of a runbook: what will go wrong on the night, said by day, each with its line.

What it knows of a step is what the step declares, and which calls its real `observe` makes when nobody
answers. It judges runs. Whether the application itself can live in one Region, a rehearsal shows.

Read finding.py, then order.py, partners.py, promises.py and losses.py (what a list of lines must be),
probing.py (who goes by what is probed), then reach.py and darkness.py (what each call needs, and which losses
a run survives).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compile.machine import machines
from ..compile.refusals import refusals
from ..runbook.load import load, read_all
from ..runbook.mistakes import Mistake, Mistakes
from ..runbook.model import Runbook
from . import darkness, losses, order, partners, probing, promises
from .darkness import Survival
from .finding import Finding, procedures
from .reach import Reach, reaches

__all__ = ["Finding", "Judgement", "Reach", "Survival", "errors", "judged", "judgements"]


@dataclass(frozen=True)
class Judgement:
    """What is to be said about one runbook, or about files that could not be read."""

    application: str
    findings: tuple[Finding, ...]
    survivals: tuple[Survival, ...] = ()
    reaches: tuple[Reach, ...] = ()

    def survives(self) -> dict[str, Any]:
        return {survival.loss: survival.as_json() for survival in self.survivals}


def judgements(
    app: Path, beside: Callable[[Runbook], Sequence[Mistake]] = lambda runbook: ()
) -> list[Judgement]:
    """The judgement of a runbook, or of all of a folder. What cannot be read is found, not raised; and so is
    what is wrong `beside` a runbook."""
    runbooks, mistakes = read_all(app) if app.is_dir() or not app.suffix else _read(app)
    more = (mistake for runbook in runbooks for mistake in beside(runbook))
    unfit = [_unfit(mistake) for mistake in dict.fromkeys([*mistakes, *more])]
    unread = [Judgement("", tuple(unfit))] if unfit else []
    return [*unread, *(judged(runbook) for runbook in runbooks)]


def _read(path: Path) -> tuple[tuple[Runbook, ...], Sequence[Mistake]]:
    try:
        return (load(path),), ()
    except Mistakes as refused:
        return (), refused.mistakes


def errors(runbooks: Iterable[Runbook]) -> list[Mistake]:
    """What lint calls an error in any of them: compile refuses it, too."""
    found = [finding for runbook in runbooks for finding in judged(runbook).findings]
    return [Mistake(f.path, f.line, f.what, f.instead) for f in found if f.severity == "error"]


def judged(runbook: Runbook) -> Judgement:
    """Everything that the rules find, by line; and whether runs survive the four losses."""
    listed = procedures(runbook)
    unfit = [_unfit(mistake) for mistake in refusals(runbook)]
    found = [
        *order.findings(runbook, listed),
        *partners.findings(runbook, listed),
        *promises.findings(runbook, listed),
        *losses.findings(runbook, listed),
        *probing.findings(runbook, listed),
    ]
    if unfit:
        return Judgement(runbook.application, _in_order([*unfit, *found]))
    reached = tuple(reaches(listed, machines(runbook)))
    dark = darkness.findings(runbook, listed, reached)
    return Judgement(
        runbook.application,
        _in_order([*found, *dark]),
        tuple(darkness.survivals(runbook, dark)),
        reached,
    )


def _unfit(mistake: Mistake) -> Finding:
    """Of what compile refuses there is no machine to judge."""
    return Finding("runbook", mistake.path, mistake.line, mistake.what, mistake.instead)


def _in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Each once: failover and failback are often the same lines."""
    return tuple(dict.fromkeys(sorted(findings, key=lambda each: (each.line, each.rule, each.what))))
