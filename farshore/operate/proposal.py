"""The plan that a run has proposed, as the ledger holds it: a person decides on its hash."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from functions.identity import PROVED, is_refused, refused_in
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


def decision_on(proposal: Proposal, records: Records) -> Mapping[str, Any]:
    """What a person has said to this plan of this run; empty where nobody has said anything that counts."""
    decision: Mapping[str, Any] = records.decisions.get(proposal.hash, {})
    about = (proposal.digest, proposal.execution, proposal.started)
    meant = tuple(decision.get(name) for name in ("digest", "execution", "started"))
    return decision if meant == about and not is_refused(decision, records.proposal) else {}
