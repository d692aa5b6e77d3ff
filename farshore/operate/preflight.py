"""Whether an account is ready for an application's stacks, and what of them is not ready to be armed.

Before a Region has its stack: is it the right account, is the Region enabled, are the names free, is there
concurrency. After: has the deployment ended well, is somebody paged, is the code the same in all Regions,
and does each replica of the ledger answer. Whether a failover could begin, `prepare` asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from functions.calls import Absent, Answer, Api, Call, Denied, Silence
from functions.inputs import TopicArn
from functions.ledger import QUERY
from functions.run import account_of as account_in

from ..compile.function_resources import homes
from ..compile.parameters import triggers
from ..compile.probing import FUNCTION as PROBER
from ..compile.probing import lookers
from ..compile.states import PREFIX, function_name
from ..runbook.named import account_of, named
from .operator import Operator
from .runs import MACHINE
from .stacks import Stack, Stacks
from .trouble import Trouble

GONE = frozenset({"ResourceNotFoundException"})
FUNCTION = Api("lambda:GetFunctionConfiguration", absent=GONE)
LIMITS = Api("lambda:GetAccountSettings")
LOG_GROUPS = Api("logs:DescribeLogGroups")
SUBSCRIPTIONS = Api("sns:ListSubscriptionsByTopic", absent=frozenset({"NotFound"}))
TABLE = Api("dynamodb:DescribeTable", absent=GONE)

RIGHT, WRONG, UNKNOWN = "right", "wrong", "unknown"


@dataclass(frozen=True)
class Finding:
    """What was looked at, and how it is: unknown is not right."""

    verdict: str
    region: str
    what: str
    why: str = ""


class Preflight:
    """One look at everything. Nothing is changed."""

    def __init__(self, operator: Operator, stacks: Stacks) -> None:
        self._operator, self._runs, self._stacks = operator, operator.runs, stacks
        self._runbook = operator.runbook
        uses = [(self._runbook, machine) for machine in self._runs.machines.values()]
        self._homes = homes(uses)
        self._codes: dict[str, dict[str, str]] = {}
        """Of each function, by Region."""

    def findings(self) -> Iterator[Finding]:
        yield self._account()
        found: dict[str, Stack | None] = {}
        for region in self._stacks.regions:
            try:
                stack = found[region] = self._stacks.look(region)
            except Trouble as trouble:
                hint = "look whether the Region is enabled for this account, and who you are there"
                yield Finding(UNKNOWN, region, "stack", f"{trouble.message}: {hint}")
                continue
            yield from self._free(region) if stack is None else self._deployed(stack)
            yield self._concurrency(region)
        yield from self._same_code()
        if found.get(self._stacks.regions[0]):
            yield from (self._replica(region) for region in self._runbook.ledger.regions)

    def _account(self) -> Finding:
        mine, named_account = account_in(self._runs.caller), account_of(self._runbook)
        if named_account not in ("", mine):
            why = f"you are in {mine}, and {self._runbook.path} names {named_account}: log in there"
            return Finding(WRONG, "", "account", why)
        return Finding(RIGHT, "", "account", mine)

    def _free(self, region: str) -> Iterator[Finding]:
        """Before the first deployment, whatever has one of our names would fail it."""
        kept = "delete it, or import it into the stack (docs/deploying.md)"
        taken = f"is there already, and no stack {self._stacks.name}: {kept}"
        other = "is there already: another stack's? give this one another --parameter Prefix=…"
        here = [machine for machine in self._runs.machines.values() if machine.region == region]
        yield Finding(RIGHT, region, "stack", "none yet")
        for machine in here:
            arn = self._runs.machine_arn(machine.procedure)
            yield from self._absent(MACHINE(region, stateMachineArn=arn), machine.name, taken)
            group = f"/aws/vendedlogs/states/{machine.name}"
            yield from self._no_log_group(region, group, taken)
        for step in self._steps(region):
            name = function_name(step)
            yield from self._absent(FUNCTION(region, FunctionName=name), name, other)
        if region == self._runbook.ledger.regions[0]:
            table = self._runbook.ledger.table
            yield from self._absent(TABLE(region, TableName=table), table, taken)

    def _absent(self, call: Call, name: str, taken: str) -> Iterator[Finding]:
        reply = self._runs.reply(call)
        if isinstance(reply, Denied | Silence):
            yield Finding(UNKNOWN, call.region, name, reply.why)
        elif not isinstance(reply, Absent):
            yield Finding(WRONG, call.region, name, taken)

    def _no_log_group(self, region: str, name: str, taken: str) -> Iterator[Finding]:
        reply = self._runs.reply(LOG_GROUPS(region, logGroupNamePrefix=name))
        if isinstance(reply, Denied | Silence):
            yield Finding(UNKNOWN, region, name, reply.why)
        elif any(group.get("logGroupName") == name for group in _list(reply, "logGroups")):
            yield Finding(WRONG, region, name, taken)

    def _deployed(self, stack: Stack) -> Iterator[Finding]:
        region, parameter = stack.region, triggers(self._runbook.application)
        if not stack.ready:
            yield Finding(WRONG, region, "stack", f"is {stack.status}: its deployment must end well first")
        elif parameter not in stack.parameters:
            yield Finding(WRONG, region, "stack", f"was deployed without {self._runbook.application}")
        else:
            yield Finding(RIGHT, region, "stack", f"{stack.status}, {stack.parameters[parameter]}")
        yield from self._paged(region, stack.outputs.get("Pages", ""))
        for step in self._steps(region):
            name = function_name(step, stack.parameters.get("Prefix", PREFIX))
            reply = self._runs.reply(FUNCTION(region, FunctionName=name))
            if isinstance(reply, Mapping) and reply.get("CodeSha256"):
                self._codes.setdefault(step, {})[region] = reply["CodeSha256"]
            else:
                yield Finding(UNKNOWN, region, name, _why(reply, "its code"))

    def _paged(self, region: str, topic: str) -> Iterator[Finding]:
        """Whoever is paged has said yes to it, and the runbook pages the same."""
        if not topic:
            yield Finding(UNKNOWN, region, "pages", "the stack does not say which topic is paged")
            return
        reply = self._runs.reply(SUBSCRIPTIONS(region, TopicArn=topic))
        if not isinstance(reply, Mapping):
            yield Finding(UNKNOWN, region, "pages", _why(reply, topic))
            return
        listed = [each.get("SubscriptionArn", "") for each in _list(reply, "Subscriptions")]
        if not any(arn.startswith("arn:") for arn in listed):
            said = "nobody has confirmed a subscription of" if listed else "nobody is subscribed to"
            yield Finding(WRONG, region, "pages", f"{said} {topic}: a page would wake nobody")
        else:
            yield Finding(RIGHT, region, "pages", topic)
        theirs = {arn for _, _, arn in named(self._runbook, TopicArn) if arn.split(":")[3] == region}
        if theirs and topic not in theirs:
            why = f"the runbook pages {', '.join(sorted(theirs))}, and the stack has {topic}"
            yield Finding(WRONG, region, "pages", f"{why}: write that into the runbook, or mend Prefix")

    def _concurrency(self, region: str) -> Finding:
        """A step's function that gets none is throttled, and waits while customers do."""
        reply, least = self._runs.reply(LIMITS(region)), len(self._steps(region))
        limit = reply.get("AccountLimit", {}) if isinstance(reply, Mapping) else {}
        left = limit.get("UnreservedConcurrentExecutions")
        if not isinstance(left, int):
            return Finding(UNKNOWN, region, "concurrency", _why(reply, "what nobody has reserved"))
        if left < least:
            why = f"{left} are unreserved, and the steps want {least} at once: ask for a higher quota"
            return Finding(WRONG, region, "concurrency", why)
        return Finding(RIGHT, region, "concurrency", f"{left} unreserved")

    def _same_code(self) -> Iterator[Finding]:
        """A run that begins in one Region and asks a function in the other meets one version of each step."""
        differ = sorted(step for step, codes in self._codes.items() if len(set(codes.values())) > 1)
        if differ:
            why = f"other code in one Region than in another: {', '.join(differ)}: build once, deploy to each"
            yield Finding(WRONG, "", "code", why)
        elif any(len(codes) > 1 for codes in self._codes.values()):
            yield Finding(RIGHT, "", "code", "the same in all Regions")

    def _replica(self, region: str) -> Finding:
        """It answers, and is one of a table of strong consistency."""
        ledger = self._runbook.ledger
        what = f"ledger {ledger.table}"
        reply = self._runs.reply(TABLE(region, TableName=ledger.table))
        table = reply.get("Table", {}) if isinstance(reply, Mapping) else {}
        if not table:
            return Finding(
                WRONG if isinstance(reply, Absent) else UNKNOWN, region, what, _why(reply, "a replica")
            )
        if table.get("TableStatus") != "ACTIVE" or table.get("MultiRegionConsistency") != "STRONG":
            why = (
                f"is {table.get('TableStatus')}, of consistency {table.get('MultiRegionConsistency')}: "
                "it must be ACTIVE and STRONG"
            )
            return Finding(WRONG, region, what, why)
        asked = QUERY(
            region,
            TableName=ledger.table,
            KeyConditionExpression="application = :a",
            ExpressionAttributeValues={":a": {"S": self._runbook.application}},
            Limit=1,
        )
        answer = self._runs.reply(asked)
        return (
            Finding(RIGHT, region, what)
            if isinstance(answer, Mapping)
            else Finding(UNKNOWN, region, what, _why(answer, "an item"))
        )

    def _steps(self, region: str) -> list[str]:
        """The functions of the Region, each by its step; and the prober."""
        prober = [PROBER] if region in lookers(self._runbook) else []
        return [step for step, regions in self._homes.items() if region in regions] + prober


def _list(answer: Answer | Absent, name: str) -> list[Mapping[str, Any]]:
    return list(answer.get(name, [])) if isinstance(answer, Mapping) else []


def _why(reply: Answer | Absent | Denied | Silence, what: str) -> str:
    if isinstance(reply, Absent):
        return f"is not there ({reply.code})"
    return reply.why if isinstance(reply, Denied | Silence) else f"AWS's answer does not say {what}"
