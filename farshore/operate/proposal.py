"""The plan that a run has proposed, as the ledger holds it: a person decides on its hash."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from functions.identity import PROVED, refused_in
from functions.ledger import Records
from functions.planned import Planned, planned_from
from functions.run import SHOWN, loss_digest


@dataclass(frozen=True)
class Proposal:
    """A plan, and the run that waits, or has waited, for a decision on it."""

    hash: str
    digest: str
    execution: str
    started: float
    """When that run began, in seconds since the epoch."""
    at: float
    """When it was proposed, in seconds since the epoch."""
    plan: tuple[Planned, ...]
    refused: str = ""
    """Why the last decision on it counted for nothing; "" where none did."""
    needs_proof: bool = False
    """A decision counts only with a proof of who makes it."""
    mode: str = ""
    """In which the run would carry it out; "" where nobody says."""
    approvers: int = 1
    """How many people must have approved it."""


def proposal_of(records: Records, fencing: Set[str] = frozenset()) -> Proposal | None:
    """None where nothing has been proposed that could be decided on. `fencing` names the states that take
    something from customers."""
    item = records.proposal
    if not {"hash", "digest", "execution", "started", "at", "plan"} <= item.keys():
        return None
    plan = tuple(planned_from(entry, entry["state"] in fencing) for entry in item["plan"])
    return Proposal(
        item["hash"],
        item["digest"],
        item["execution"],
        item["started"],
        item["at"],
        plan,
        refused_in(item).get("why", ""),
        item.get("proof") == PROVED,
        item.get("mode", ""),
        2 if item.get("approvers") == 2 else 1,
    )


def loss_of(records: Records, fencing: Set[str] = frozenset()) -> Proposal | None:
    """That the run whose plan was approved as graceful goes on as ungraceful, as somebody has said; None
    where nobody has, where that has been approved, or where only a plan can be."""
    plan = proposal_of(records, fencing)
    word = {} if plan is None else records.word_to(plan.execution, plan.started)
    if (
        plan is None
        or plan.needs_proof
        or not word.get("ungraceful")
        or not records.asks_to_lose(plan.execution, plan.started)
    ):
        return None
    digest = loss_digest(plan.execution, plan.started)
    return replace(
        plan,
        hash=digest[:SHOWN],
        digest=digest,
        at=word.get("at", plan.at),
        mode="ungraceful",
        refused="",
        needs_proof=False,
    )


def decided(proposal: Proposal, records: Records) -> tuple[Mapping[str, Any], ...]:
    """What people have said to this plan of this run, in order; only what counts, as far as is known."""
    said = records.decided(proposal.digest, proposal.execution, proposal.started)
    return said[: proposal.approvers]


def is_decided(proposal: Proposal, records: Records) -> bool:
    """Somebody has declined, or enough have approved."""
    said = decided(proposal, records)
    return len(said) >= proposal.approvers or any(word.get("decision") != "approve" for word in said)


def as_said(word: Mapping[str, Any], start: float) -> dict[str, Any]:
    """A decision as a report tells it; its time from there on, in seconds."""
    return {
        "at": round(word["at"] - start, 3),
        "said": word["decision"],
        "who": word["who"],
        "why": word["why"],
        "proved": "proof" in word,
    }
