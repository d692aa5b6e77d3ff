"""Judge the runbook of APP, or every runbook.

Its order, fences and promises, and which losses it survives.

Exits 1 where there is an error; warnings alone exit 0.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from ..lint import Judgement, judgements
from ..operate.render import Row, show
from ..runbook import topology
from ..runbook.find import RUNBOOKS, find
from ..runbook.mistakes import Mistake, Mistakes
from ..runbook.model import Runbook


@click.command()
@click.argument("app", required=False)
@click.option("--calls", is_flag=True, help="Also list every call: its plane, its Regions, what spares it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else.")
def command(app: str | None, calls: bool, as_json: bool) -> None:
    found = judgements(_path(app), _of_topology)
    findings = [finding for judgement in found for finding in judgement.findings]
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2))
    else:
        for finding in findings:
            click.echo(str(finding))
        show(row for judgement in found for row in _survivals(judgement))
        if calls:
            show(row for judgement in found for row in _calls(judgement))
        click.echo(_sum([finding.severity for finding in findings]))
    sys.exit(1 if any(finding.severity == "error" for finding in findings) else 0)


def _path(app: str | None) -> Path:
    if app is None:
        return RUNBOOKS
    path = Path(app)
    if path.suffix in (".yaml", ".yml"):
        return path
    here = RUNBOOKS / f"{app}.yaml"
    if not here.is_file():
        find(app)  # says which applications there are
    return here


def _of_topology(runbook: Runbook) -> Sequence[Mistake]:
    try:
        if topology.of(runbook.path) is None:
            return ()
    except Mistakes as wrong:
        return wrong.mistakes
    from ..simulate.furnishing import mistakes  # the twin takes half a second, for whoever has a topology

    return mistakes(runbook)


def _as_json(found: Sequence[Judgement]) -> dict[str, object]:
    read = [judgement for judgement in found if judgement.survivals]
    return {
        "findings": [finding.as_json() for judgement in found for finding in judgement.findings],
        "survives": {judgement.application: judgement.survives() for judgement in read},
        "calls": {
            judgement.application: [reach.as_json() for reach in judgement.reaches] for judgement in read
        },
    }


def _survivals(judgement: Judgement) -> Iterable[Row]:
    for survival in judgement.survivals:
        name = survival.loss if survival.loss == survival.region else f"{survival.loss} ({survival.region})"
        word = "does not survive" if survival.because else "survives"
        where = ", ".join(dict.fromkeys(f"{each.path}:{each.line}" for each in survival.because))
        yield [
            judgement.application,
            word,
            f"the loss of {name}",
            where or f"by {' and '.join(survival.runs)}",
        ]


def _calls(judgement: Judgement) -> Iterable[Row]:
    for reach in judgement.reaches:
        spared = "; ".join(dict.fromkeys(reach.tolerated.values()))
        yield [
            f"{reach.procedure}:{reach.placed.line.line}",
            reach.placed.name,
            f"{reach.api.service}:{reach.api.operation_name}",
            f"{reach.api.plane} plane",
            " or ".join(reach.regions) + ("" if reach.seen else " (taken to)"),
            "touches $from" if reach.source in reach.regions else "",
            spared,
        ]


def _sum(severities: Sequence[str]) -> str:
    errors, warnings = severities.count("error"), severities.count("warning")
    words = [
        f"{n} {word}{'s' if n > 1 else ''}" for n, word in ((errors, "error"), (warnings, "warning")) if n
    ]
    return " and ".join(words) or "nothing found"
