"""What `approve` and `decline` share: the plan is shown again, and the decision counts for its hash only."""

from __future__ import annotations

from typing import Literal

import click

from functions.calls import Absent, Silence
from functions.outside import Outside

from ..operate.identity import Unproved, credentials, signed
from ..operate.operator import Operator
from ..operate.proposal import decided
from ..operate.render import plan_rows, show, what_is_at_stake
from ..operate.runs import mode_of, short
from ..operate.trouble import Trouble
from ..runbook.find import find
from ._options import end


def decide(
    outside: Outside | None,
    app: str,
    as_json: bool,
    decision: Literal["approve", "decline"],
    plan: str,
    who: str | None,
    why: str,
) -> None:
    """Raises Trouble where that plan is not the pending one, or its run has ended."""
    operator = Operator(find(app), outside)
    records = operator.records()
    proposal = operator.proposal(records)
    if proposal is None or proposal.hash != plan:
        pending = f"the pending one is {proposal.hash}" if proposal else "none is pending"
        raise Trouble(f"plan {plan} is not pending in {app}, {pending}: look first: farshore status {app}")
    described = operator.runs.describe(proposal.execution)
    if isinstance(described, Absent) or (
        not isinstance(described, Silence) and described["status"] != "RUNNING"
    ):
        raise Trouble(
            f"the run that proposed plan {plan} has ended: nothing waits for it: farshore status {app}"
        )
    if not as_json:
        mode = "" if isinstance(described, Silence) else mode_of(described)
        at_stake = what_is_at_stake(operator.runbook, records, proposal, mode, operator.outside.clock())
        show([*plan_rows(proposal.plan), *at_stake])
    proof, arn, doubt = None, "", ""
    try:
        proof, arn = signed(operator.outside, proposal, decision, why, credentials())
    except Unproved as unproved:
        doubt = str(unproved)
    if proof is None and proposal.needs_proof:
        raise Trouble(
            f"plan {plan} takes a decision only with a proof of identity: {doubt}: nothing was said"
        )
    by = who or arn or operator.runs.caller
    stands = operator.decide(records, proposal, decision, by, why, proof, arn)
    who, why = stands.get("who"), stands.get("why", "")
    identity = "a proof is attached" if "proof" in stands else "self-declared"
    more = {"plan": plan, "decision": decision, "who": who, "why": why, "execution": proposal.execution}
    said = decided(proposal, records)
    missing = proposal.approvers - len(said if stands in said else [*said, stands])
    waits = decision == "approve" and missing > 0
    needs = (
        [(f"another person must approve it, too: farshore approve {app} {plan} --why …",)] if waits else []
    )
    end(
        as_json,
        {**more, "identity": identity, "approvals_missing": missing if waits else 0},
        [(f"{decision}d plan {plan} as {who} ({identity}), for {short(proposal.execution)}",), *needs],
    )
    if doubt:
        click.echo(f"no proof of identity could be given: {doubt}", err=True)
