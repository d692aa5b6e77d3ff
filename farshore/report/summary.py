"""A few lines of Markdown for an incident channel: what failed, for how long, what was lost, who decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .page import KINDS, is_rehearsal, parts, replayed, title, verdict
from .wording import clock, count, duration, share

Json = Mapping[str, Any]
MOST_NAMES = 10
MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>#|~"})


def summary(report: Json) -> str:
    return "\n".join(_lines(report)) + "\n"


def plain(text: str) -> str:
    """What others wrote, as text and not as Markdown."""
    return " ".join(text.split()).translate(MARKS)


def _lines(report: Json) -> Iterator[str]:
    yield f"**{plain(title(report))}**"
    yield ""
    yield plain(" ".join(verdict(report)))
    yield ""
    yield from (f"- The rehearsal itself broke: {plain(why)}" for why in report.get("broken", ()))
    if report.get("stand"):
        yield f"- It stopped before its end: {plain(report['stand']['stopped'])}"
        yield from (f"  {n}. {plain(what)}" for n, what in enumerate(report["stand"]["to_do"], 1))
    for run in report["runs"]:
        ended = f"{run['status']} in {duration(run['seconds'])}"
        yield f"- {run['procedure']}, {run['mode'] or 'no mode'}: {ended}. {plain(run['why'])}".rstrip()
    if report.get("clients"):
        yield from _figures(report)
    for plan in report.get("plans", ()):
        if not plan["decisions"]:
            yield f"- Plan {plan['hash']}: nobody decided"
        for decision in plan["decisions"]:
            said = "approved" if decision["said"] == "approve" else "declined"
            proved = "proved" if decision["proved"] else "self-declared"
            who, why = plain(decision["who"]), plain(decision["why"])
            yield f"- Plan {plan['hash']}: {said} by {who} ({proved}) at {clock(decision['at'])}: {why}"
    for breach in report.get("breaches", ()):
        yield f"- **{breach['invariant']} broken** at {clock(breach['at'])}: {plain(breach['story'])}"
    if report.get("debts") and not is_rehearsal(report):
        yield f"- Owed: {plain(', '.join(report['debts']))}"
    if again := replayed(report):
        yield f"- Simulated, with real step code and data. Again: `{again}`"


def _figures(report: Json) -> Iterator[str]:
    clients, data, promised = report["clients"], report["data"], report["objectives"]
    rto, rpo = duration(clients["rto_seconds"]), duration(data["rpo_seconds"])
    if not data["acknowledged"]:
        rto = "not known, as no write of customers was acknowledged"
    yield f"- RTO {rto} (promised {duration(promised['rto_seconds'])})"
    whole = report["rto"]["seconds"]
    for kind, seconds, of in parts(report):
        if seconds:
            most = f" ({plain(of[0][0])})" if of else ""
            yield f"  - {KINDS[kind][0]}: {duration(seconds)}, {share(seconds, whole)}{most}"
    yield f"- RPO {rpo} (promised {duration(promised['rpo_seconds'])})"
    for fate in ("lost", "overwritten"):
        if names := data[fate]:
            more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            yield f"  - {count(len(names), 'write')} {fate}: {plain(', '.join(names[:MOST_NAMES]))}{more}"
    broken = len(report["breaches"])
    yield f"- What must always hold: {count(broken, 'breach') if broken else 'held'}"
