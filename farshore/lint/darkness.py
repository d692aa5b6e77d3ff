"""Static stability: does a run end with a Region dark, and which line keeps it from ending where not?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from functions.calls import HOMES
from functions.evidence import Evidence, Quorum

from ..compile.direction import Direction, both_ways
from ..runbook.model import Runbook
from ..runbook.registry import inputs
from ..runbook.typed import fields_of, hints
from ..runbook.wording import is_list
from .finding import Finding, Placed, Procedures, Severity
from .reach import Reach


@dataclass(frozen=True)
class Survival:
    """Whether an ungraceful run ends with a Region dark."""

    loss: str
    """In words: us-east-1, us-west-2, the primary, the standby."""
    region: str
    runs: tuple[str, ...]
    """The procedures that may have to run then: those that do not activate that very Region."""
    because: tuple[Finding, ...]
    """What keeps them from ending; nothing, where they do."""

    def as_json(self) -> dict[str, Any]:
        because = [{"path": f.path, "line": f.line, "what": f.what} for f in self.because]
        return {
            "region": self.region,
            "survives": not self.because,
            "runs": list(self.runs),
            "because": because,
        }


@dataclass(frozen=True)
class Obstacle(Finding):
    """A finding that keeps a procedure from ending with `dark` dark."""

    procedure: str = ""
    dark: str = ""


def findings(runbook: Runbook, listed: Procedures, reached: Sequence[Reach]) -> list[Finding]:
    return [
        *_control_planes(runbook, reached),
        *_lost(runbook, reached),
        *_evidence(runbook, listed),
        *_incomplete(runbook, listed),
    ]


def survivals(runbook: Runbook, found: Sequence[Finding]) -> Iterator[Survival]:
    primary, standby = runbook.regions.primary, runbook.regions.standby
    targets = {"failover": standby, "failback": primary}
    for loss, region in (
        *((home, home) for home in HOMES),
        ("the primary", primary),
        ("the standby", standby),
    ):
        runs = tuple(procedure for procedure, target in targets.items() if target != region)
        because = tuple(
            each
            for each in found
            if isinstance(each, Obstacle) and each.dark == region and each.procedure in runs
        )
        yield Survival(loss, region, runs, because)


def _control_planes(runbook: Runbook, reached: Sequence[Reach]) -> Iterator[Finding]:
    """Wherever the runbook's Regions are today: such a line is wrong for whichever of them moves there."""
    for reach in reached:
        api, placed = reach.api, reach.placed
        if api.plane == "control" and api.home and api not in placed.kind.tolerates:
            what = f"{placed.name} calls {api.action}, a control plane that lives in {api.home} alone"
            instead = "do it in `prepare`, and move customers by a data plane"
            if placed.kind.planned_only is not None:
                what += ", and stands in planned moves only"
                instead = "write `failback` out and do it there, and move customers by a data plane here"
            if not _is_planned(runbook, reach):
                yield Finding("control-plane", runbook.path, placed.line.line, what, instead)


def _is_planned(runbook: Runbook, reach: Reach) -> bool:
    """A step of planned moves, in a failback that is written out: people begin that while all is well."""
    planned = reach.placed.kind.planned_only is not None
    return planned and reach.procedure == "failback" and "failback" in runbook.lines


def _lost(runbook: Runbook, reached: Sequence[Reach]) -> Iterator[Obstacle]:
    """Calls that only a dark Region could answer. The Region that takes over is alive by assumption."""
    targets = {"failover": runbook.regions.standby, "failback": runbook.regions.primary}
    lost: dict[tuple[str, int, str, str, bool], list[str]] = {}
    planned = {reach.placed.line.line for reach in reached if _is_planned(runbook, reach)}
    for reach in reached:
        for dark in dict.fromkeys((reach.source, *HOMES)):
            if dark != targets[reach.procedure] and reach.lost_with(dark):
                placed = reach.placed
                where = (reach.procedure, placed.line.line, placed.name, dark, dark == reach.source)
                lost.setdefault(where, []).append(reach.api.action)
    for (procedure, line, name, dark, is_left), actions in lost.items():
        asks = " and ".join(dict.fromkeys(actions))
        role = f"{dark}, which is left," if is_left else dark
        what = f"{name} needs {asks} in {dark}: with {role} dark, an ungraceful {procedure} does not end"
        # A failback that is written out may rebuild what was left, in graceful runs only.
        graceful = is_left and procedure == "failback" and "failback" in runbook.lines
        severity: Severity = "warning" if graceful or line in planned else "error"
        instead = f"ask another Region, or move it out of {procedure}"
        yield Obstacle("dark", runbook.path, line, what, instead, severity, procedure, dark)


def _evidence(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    """A triggered run goes on only when enough sources say yes, whichever Regions are dark by then.

    Only failover has triggers: for whatever a person starts, evidence is advice.
    """
    way, _ = both_ways(runbook)
    for placed in listed.failover:
        sources, name, enough = _sources(placed, way)
        for source in sources:
            if source.chosen and source.home == way.source:
                what = f"{source} dies with the Region that it is about"
                instead = "use an alarm in the observer or in the other Region"
                yield Finding("evidence", runbook.path, placed.line.line, what, instead)
        hosts = Counter(filter(None, (source.host(way.source) for source in sources)))
        for host in (host for host, count in hosts.items() if count > 1):
            what = f"{hosts[host]} sources ask {host}: when it fails alone, all of them say yes"
            instead = "keep one of them, and ask somebody else"
            yield Finding("evidence", runbook.path, placed.line.line, what, instead, "warning")
        for dark in dict.fromkeys((way.source, *HOMES)):
            able = [source for source in sources if source.home not in (dark, way.source)]
            if dark != way.target and len(able) < enough:
                also = f" and {dark}" if dark != way.source else ""
                what = (
                    f"with {way.source}{also} dark, {len(able)} of {len(sources)} sources can still say yes"
                )
                yield _too_little(runbook, placed, f"{what}, and {name} is {enough}", dark)


def _sources(placed: Placed, way: Direction) -> tuple[Sequence[Evidence], str, int]:
    """The evidence of a step, and the input that says how many must say yes; 0 where it decides upon none."""
    quorum = fields_of(placed.kind, Quorum)
    if not quorum:
        return (), "", 0
    step = placed.step(way)
    lists = [getattr(step, name) for name, kind in hints(placed.kind).items() if is_list(kind)]
    sources = [each for one in lists for each in one if isinstance(each, Evidence)]
    return sources, quorum[0], getattr(step, quorum[0])


def _too_little(runbook: Runbook, placed: Placed, what: str, dark: str) -> Finding:
    """It keeps a run from ending where an alarm starts one; else a person decides."""
    instead = "add a probe, or an alarm elsewhere"
    if any(trigger.mode == "ungraceful" for trigger in runbook.triggers):
        return Obstacle(
            "evidence", runbook.path, placed.line.line, what, instead, procedure="failover", dark=dark
        )
    return Finding("evidence", runbook.path, placed.line.line, what, instead, "warning")


def _incomplete(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    """Each entry that is left out is one place fewer to ask in the dark."""
    for placed in listed.everything():
        for each in inputs(placed.kind):
            if each.whole and (named := len(placed.inputs[each.name])) != each.whole.count:
                what = f"{named} {each.name}, of the {each.whole.count} that {each.whole.of} has"
                yield Finding("incomplete", runbook.path, placed.line.line, what, "write them all", "warning")
