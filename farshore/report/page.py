"""The page: what of a report's JSON is shown, where and in which order; page.html lays it out."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jinja2

from . import wording

Json = Mapping[str, Any]
BEFORE, AFTER = 30.0, 60.0
"""Seconds that the picture of the outage shows before it and after its end."""
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
MOST_TICKS = 9
KINDS = {
    "detection": ("Noticing it", "from the outage until a run has its evidence"),
    "person": ("A person", "who reads a plan, and decides"),
    "aws": ("AWS", "answers, and carries out what it was asked"),
    "names": ("Names that follow", "DNS answers, and the addresses that customers keep"),
    "polling": ("Farshore's polling", "AWS was done, and the next tick had not come"),
}
ABSENT: Json = {
    "clients": {},
    "data": {},
    "rto": {"seconds": 0.0, "spans": []},
    **dict.fromkeys(("visits", "plans", "unkept", "changes", "checked", "broken", "breaches", "moments"), ()),
    "stand": None,
    "by_hand": False,
}
"""What a report says where nobody knows: of a run, or of a rehearsal that broke."""
LEAST_SHOWN = 0.5
"""Seconds: operations that took less of the RTO are added up."""


@dataclass(frozen=True)
class Bar:
    """A step, or a whole run, in a picture."""

    name: str
    at: float
    seconds: float
    tone: str
    """Its colour's name."""
    says: str


@dataclass(frozen=True)
class Picture:
    """Some of a report's time."""

    since: float
    until: float
    bars: Sequence[tuple[str, Sequence[Bar]]]
    """By run."""
    ticks: Sequence[float] = field(default_factory=tuple)

    @property
    def span(self) -> float:
        return self.until - self.since

    def percent(self, at: float) -> str:
        return f"{100 * (at - self.since) / self.span:.3f}%"


def page(report: Json) -> str:
    """One HTML file with all that it shows."""
    made_of = templates().select_template(["page.html"])
    return made_of.render(
        report={**ABSENT, **report},
        measured=is_measured(report),
        title=title(report),
        verdict=list(verdict(report)),
        outage=outage(report),
        game_day=game_day(report),
        kinds=KINDS,
        parts=list(parts(report)),
        evidence=[step for run in report["runs"] for step in run["steps"] if step["phase"] == "detect"],
        again=replayed(report),
        json=b64encode(json.dumps(report, indent=2, default=str).encode()).decode(),
    )


@cache
def templates() -> jinja2.Environment:
    """Whatever is not HTML is escaped; a name that is missing is a mistake of ours."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("farshore.report"),
        autoescape=jinja2.select_autoescape(default_for_string=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {each.__name__: each for each in (wording.duration, wording.clock, wording.listed)}
    found.globals |= {"share": wording.share, "count": wording.count}
    return found


def is_rehearsal(report: Json) -> bool:
    return "seed" in report


def is_measured(report: Json) -> bool:
    """What customers felt is known."""
    return bool(report.get("clients"))


def main_run(report: Json) -> Json | None:
    """The run that the report is about: the failover, or the first that there is."""
    runs = report["runs"]
    return next((run for run in runs if run["procedure"] == "failover"), next(iter(runs), None))


def title(report: Json) -> str:
    run = main_run(report)
    if run is None:
        return f"{report['application']}: no run began"
    source, target = run["direction"]
    return f"{report['application']}: {run['procedure']} from {source} to {target}"


def verdict(report: Json) -> Iterator[str]:
    """What failed, for how long, and what was lost, in sentences."""
    if not is_rehearsal(report):
        for run in report["runs"]:
            yield f"The run {_ended(run)} after {wording.duration(run['seconds'])}."
            if run["why"]:
                yield f"{run['why']}."
        return
    if is_measured(report):
        dark, primary = report["dark"], report["regions"]["primary"]
        if report.get("by_hand"):
            yield "A person led it."
            yield from map(_pulled, report["pulls"])
        else:
            yield f"{dark} went dark as a whole." if dark else f"A regional event was made in {primary}."
        if not (acknowledged := report["data"]["acknowledged"]):
            yield "No write of customers was acknowledged: what they felt, and what was lost, is not known."
        else:
            yield _felt(report)
            yield f"Of {acknowledged:,} acknowledged writes {_lost(report)}."
    failed = [run for run in report["runs"] if run["status"] != "SUCCEEDED"]
    yield from (f"The {run['procedure']} {_ended(run)}." for run in failed)
    if breaches := len(report["breaches"]):
        yield f"What must always hold did not, {breaches} time{'' if breaches == 1 else 's'}."


def _pulled(pull: Json) -> str:
    until = "to the end" if pull["until"] is None else f"to {wording.clock(pull['until'])}"
    what = pull["what"][0].upper() + pull["what"][1:]
    return f"{what} was {pull['how']} from {wording.clock(pull['at'])} {until}."


def _felt(report: Json) -> str:
    """For how long customers did not get what they wanted."""
    felt = [outage["seconds"] for outage in report.get("outages", [report["rto"]])]
    longest = wording.duration(report["clients"]["rto_seconds"])
    if not felt:
        return "Customers were never without service."
    if len(felt) == 1:
        return f"Customers were without service for {longest}."
    whole = wording.duration(sum(felt))
    return f"Customers were without service {len(felt)} times: for {whole} in all, for {longest} at most."


def _lost(report: Json) -> str:
    """How many, and when they were made."""
    data = report["data"]
    more = f", and {len(data['overwritten'])} overwritten" if data["overwritten"] else ""
    lost = [write["at"] for write in report["unkept"] if write["fate"] == "lost"]
    if not lost:
        return f"none was lost{more}"
    before, were = sum(at <= report["outage_at"] for at in lost), "was" if len(lost) == 1 else "were"
    when = {
        f"in the {wording.duration(data['rpo_seconds'])} before the outage": before,
        "after it, by customers with stale addresses": len(lost) - before,
    }
    made = wording.listed([f"{number} made {said}" for said, number in when.items() if number])
    return f"{len(lost)} {were} lost ({made}){more}"


def _ended(run: Json) -> str:
    return f"ended {run['status']}" if run["status"] != "RUNNING" else "is still running"


def outage(report: Json) -> Picture:
    """From before the outage until customers are served and the run has ended: its steps."""
    run = main_run(report)
    began, ended = (run["at"], run["at"] + run["seconds"]) if run else (0.0, 1.0)
    since, until = began, ended
    if is_measured(report):
        since = max(0.0, report["outage_at"] - BEFORE)
        until = min(
            report["virtual_seconds"], max(ended, report["outage_at"] + report["rto"]["seconds"]) + AFTER
        )
    shown = [each for each in report["runs"] if each is run or each["at"] + each["seconds"] <= began]
    bars = [(_run_name(each), [_step(each, step) for step in each["steps"]]) for each in shown]
    return _picture(since, max(until, since + 1), bars)


def game_day(report: Json) -> Picture | None:
    """All of it: its runs. None where the report is about one run."""
    if not is_rehearsal(report):
        return None
    bars = [
        (
            _run_name(run),
            [
                Bar(
                    run["procedure"],
                    run["at"],
                    run["seconds"],
                    "aws" if run["status"] == "SUCCEEDED" else "bad",
                    f"{run['status']} in {wording.duration(run['seconds'])}",
                )
            ],
        )
        for run in report["runs"]
    ]
    return _picture(0.0, max(report["virtual_seconds"], 1.0), bars)


def _run_name(run: Json) -> str:
    return f"{run['procedure']}, {run['mode'] or 'no mode'}"


def _step(run: Json, step: Json) -> Bar:
    ticks = wording.count(step["ticks"], "tick")
    says = f"{step['outcome']} in {wording.duration(step['seconds'])}, {ticks}"
    return Bar(step["name"], round(run["at"] + step["at"], 3), step["seconds"], _tone(step), says)


def _tone(step: Json) -> str:
    if step["outcome"] in ("Refused", "Untouched", "Aborted") or step["outcome"].startswith("States."):
        return "bad"
    return {"detect": "detection", "approve": "person"}.get(step["phase"], "aws")


def _picture(since: float, until: float, bars: Sequence[tuple[str, Sequence[Bar]]]) -> Picture:
    pace = next((each for each in TICKS if (until - since) / each <= MOST_TICKS), TICKS[-1])
    first = int(-(-since // pace)) * pace
    ticks = [float(at) for at in range(first, int(until) + 1, pace)]
    return Picture(since, until, bars, ticks)


def parts(report: Json) -> Iterator[tuple[str, float, Sequence[tuple[str, float]]]]:
    """What the RTO is made of: each kind, its seconds, and what it was, the longest first."""
    spans = report.get("rto", {}).get("spans", [])
    for kind in KINDS:
        seconds: dict[str, float] = {}
        for span in spans:
            if span["kind"] == kind:
                seconds[span["what"]] = seconds.get(span["what"], 0.0) + span["seconds"]
        shown = sorted(
            (item for item in seconds.items() if item[1] >= LEAST_SHOWN), key=lambda item: -item[1]
        )
        rest = sum(seconds.values()) - sum(each for _, each in shown)
        yield kind, sum(seconds.values()), [*shown, *([("and less", rest)] if rest >= 0.05 else ())]


def replayed(report: Json) -> str:
    """The command that makes the same report again; "" where nobody can."""
    if not is_rehearsal(report):
        return ""
    if report.get("by_hand"):
        return f"farshore rehearse {report['application']} --web --seed {report['seed']}"
    dark = f" --dark {report['dark']}" if report["dark"] else ""
    return f"farshore rehearse {report['application']} --mode {report['mode']}{dark} --seed {report['seed']}"
