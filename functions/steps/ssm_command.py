"""A command of Systems Manager has run on so many nodes of a Region, and on each of them well.

SendCommand has no client token, and what is sent twice runs twice. So the ledger notes first that it is about
to be sent, and then by which id; where that answer was lost, the command is found again by its comment, which
only this state of this run has. One that is not to be found a minute later was never sent, and is sent. A run
that is redriven goes by the command of before, unless that has failed: then it is sent anew, to all targets.

Each node's invocation is judged, not the command: what could not be delivered counts neither for its success
nor against its MaxErrors. Right after sending there may be no command and no invocation to be seen, which is
"not yet"; once it is over, no node or fewer than `expected` is a refusal, as is any node on which it did not
succeed. A node that is away while the state waits never runs it after that. What it has brought about is not
undone when a run gives up before data has moved. Sources:
docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html,
docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html (statuses),
docs.aws.amazon.com/r53recovery/latest/dg/region-switch-plans.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, NewType

from ..calls import Absent, Api, Call, Denied, Sight, Silence
from ..errors import Refused
from ..handler import lambda_handler
from ..inputs import FORMS, Form, Region
from ..ledger import PUT, Claim, number
from ..pages import ask_pages
from ..planned import DOUBTS, first_few
from ..run import Run
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

DocumentName = NewType("DocumentName", str)
# docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
FORMS[DocumentName] = Form(
    "the name of a Systems Manager document",
    "names of Systems Manager documents",
    "[A-Za-z0-9_.-]{3,128}",
    "the name alone, of 3 to 128 letters, digits and any of _.-",
    "shop-warm-caches",
    meant=lambda text: text.rpartition("/")[2],
)
TargetKey = NewType("TargetKey", str)
# docs.aws.amazon.com/systems-manager/latest/APIReference/API_Target.html
FORMS[TargetKey] = Form(
    "what nodes are found by",
    "keys of targets",
    "InstanceIds|tag:[A-Za-z0-9_.:/=@ -]{1,128}",
    "InstanceIds, or tag: and a tag's key",
    "tag:role",
)

DOCUMENT = ("ssm:{region}:{account}:document/{document}", "ssm:{region}::document/{document}")
"""The account's own, and those of AWS, which are in no account."""
NODES = ("ec2:{region}:{account}:instance/*", "ssm:{region}:{account}:managed-instance/*")
SEND = Api(
    "ssm:SendCommand",
    resource=(*DOCUMENT, *NODES),
    why="which nodes have a tag is known only when a command is sent",
)
LISTS = "Systems Manager has no resources to name for its lists"
COMMANDS = Api("ssm:ListCommands", absent=frozenset({"InvalidCommandId"}), why=LISTS)
INVOCATIONS = Api("ssm:ListCommandInvocations", absent=frozenset({"InvalidCommandId"}), why=LISTS)
DESCRIBE = Api("ssm:DescribeDocument", resource=DOCUMENT, absent=frozenset({"InvalidDocument"}))
ONLINE = Api("ssm:DescribeInstanceInformation", why=LISTS)
"""These two only in a dry run."""

PAGES, A_PAGE = 5, 50
SETTLES_SECONDS = 60.0
"""A command that was sent so long ago is to be seen in lists. How long that takes AWS does not say."""
SKEW_SECONDS = 300.0
"""By how much our clock and that of Systems Manager may differ."""

GOES_ON = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
WELL = "Success"
BAD = frozenset(
    {
        *("Failed", "TimedOut", "Cancelled", "Undeliverable", "DeliveryTimedOut", "ExecutionTimedOut"),
        *("Terminated", "InvalidPlatform", "AccessDenied", "Incomplete"),
        *("NoInstancesInTag", "LimitExceeded", "RateExceeded"),
    }
)
"""Of commands and invocations, as a status or in its details."""


@dataclass(frozen=True)
class Target:
    """Nodes on which it shall run."""

    key: Annotated[TargetKey, "what they are found by"]
    values: Annotated[tuple[str, ...], "ids, or values of the tag, at most 50"]

    def as_aws(self) -> dict[str, Any]:
        return {"Key": self.key, "Values": list(self.values)}


@dataclass(frozen=True)
class Seen:
    note: Mapping[str, Any]
    """What is noted of the command that was sent, or was about to be."""
    after: float | None
    """Of the note, for the next one."""
    sent: str
    """The id that this tick was answered when it sent the command."""
    missed: Silence | Denied | None
    """What was said to it instead, in this tick."""
    sights: tuple[Sight, ...]
    """Of a command with an id, what both lists say; of one without, the commands since; of none, nothing.
    In a dry run the document, and the nodes by each target."""
    run: Run
    now: float


@dataclass(frozen=True, kw_only=True)
class SsmCommand(Step[Seen]):
    """This document of Systems Manager has run on all its targets in `region`, and on each of them well."""

    document: Annotated[DocumentName, "the document, of type Command"]
    parameters: Annotated[Mapping[str, tuple[str, ...]], "the document's parameters"] = field(
        default_factory=dict
    )
    targets: Annotated[tuple[Target, ...], "the nodes, at most five entries"]
    expected: Annotated[int, "how many nodes at least must have run it"]
    region: Annotated[Region, "where they are"] = Region("$to")

    name: ClassVar = "ssm_command"
    reads: ClassVar = (COMMANDS, INVOCATIONS, DESCRIBE, ONLINE)
    writes: ClassVar = (SEND,)
    notes: ClassVar = (PUT,)
    every: ClassVar = 10
    asks: ClassVar = PAGES
    each_run: ClassVar = True
    block: ClassVar = "SSMSendCommand"

    def __post_init__(self) -> None:
        if not 1 <= len(self.targets) <= 5:
            raise ValueError(f"{len(self.targets)} targets: write one to five")
        if not all(1 <= len(target.values) <= 50 for target in self.targets):
            raise ValueError("a target has one to 50 values: write another target for more")
        if not 1 <= self.expected <= PAGES * A_PAGE:
            raise ValueError(f"expected is {self.expected}: write 1 to {PAGES * A_PAGE}")
        if self.within < 30:
            raise ValueError(f"within {self.within:g} s: no command may wait for less than 30 s")

    def observe(self, world: World) -> Seen:
        run, records = world.run, world.records
        note = records.found_by(run.state, run.execution, run.started)
        calls = self._planning() if run.dry_run else self._asking(note)
        answers = [answer for call, answer in world.answered if call.api == SEND]
        return Seen(
            note=note,
            after=records.found_at(run.state),
            sent=str(answers[-1].get("Command", {}).get("CommandId", "")) if answers else "",
            missed=next((reply for call, reply in world.missed if call.api == SEND), None),
            sights=tuple(ask_pages(world, calls, PAGES)) if calls else (),
            run=run,
            now=world.now,
        )

    def decide(self, seen: Seen) -> Decision:
        if seen.run.dry_run:
            return self._planned(seen)
        if not seen.note:
            return self._send(seen)
        if not seen.note.get("command"):
            return self._found(seen)
        command, invocations = seen.sights
        try:
            return self._judged(str(seen.note["command"]), command, invocations)
        except Refused:
            if number(seen.note.get("redrives")) < seen.run.redrives:
                return self._send(seen)
            raise

    def _planning(self) -> list[Call]:
        nodes = ([target.as_aws()] for target in self.targets)
        return [
            DESCRIBE(self.region, Name=self.document),
            *(ONLINE(self.region, Filters=each, MaxResults=A_PAGE) for each in nodes),
        ]

    def _asking(self, note: Mapping[str, Any]) -> list[Call]:
        if command := note.get("command"):
            asked = {"CommandId": command, "MaxResults": A_PAGE}
            return [COMMANDS(self.region, **asked), INVOCATIONS(self.region, **asked)]
        since = datetime.fromtimestamp(number(note.get("at")) - SKEW_SECONDS, UTC)
        after = {"key": "InvokedAfter", "value": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
        return [COMMANDS(self.region, Filters=[after], MaxResults=A_PAGE)] if note else []

    def _send(self, seen: Seen) -> Change:
        call = SEND(
            self.region,
            DocumentName=self.document,
            Targets=[target.as_aws() for target in self.targets],
            Comment=_comment(seen.run, seen.run.redrives),
            TimeoutSeconds=int(self.within),
            **({"Parameters": {k: list(v) for k, v in self.parameters.items()}} if self.parameters else {}),
        )
        note = self._noting(seen, redrives=seen.run.redrives)
        return Change(f"send {self._named}", (call,), (note,))

    def _noting(self, seen: Seen, **facts: Any) -> Claim:
        return Claim(seen.run.state, seen.run.execution, seen.now, facts, seen.after)

    def _found(self, seen: Seen) -> Decision:
        """Which command it is that was sent, if any was."""
        redrives = int(number(seen.note.get("redrives")))
        listed = seen.sights[0]
        found = seen.sent or _by_comment(listed, _comment(seen.run, redrives))
        if found:
            note = self._noting(seen, command=found, redrives=redrives)
            return Change(f"note that {found} is {self._named}", (), (note,))
        if isinstance(seen.missed, Denied):
            raise Refused(f"{self._named} was refused: {seen.missed.why}")
        if seen.missed is not None and seen.missed.throttled:
            return self._send(seen)  # it has surely not been done
        if not isinstance(listed, Mapping) or "Commands" not in listed:
            return Wait(f"whether {self._named} was sent: {getattr(listed, 'why', 'no answer')}")
        if seen.now - number(seen.note.get("at")) <= SETTLES_SECONDS:
            return Wait(f"whether {self._named} was sent is not to be seen yet")
        return self._send(seen)

    def _judged(self, name: str, listed: Sight, invoked: Sight) -> Decision:
        named = f"{self._named} ({name})"
        for sight in (listed, invoked):
            if isinstance(sight, Silence):
                return Wait(f"{named}: {sight.why}")
        commands, invocations = _entries(listed, "Commands"), _entries(invoked, "CommandInvocations")
        if not commands:
            return Wait(f"{named} is not to be seen yet")
        status = _status(commands[0])
        if status == "NoInstancesInTag":
            raise Refused(f"{named} found no node: correct its targets, or start the nodes")
        every = {str(each.get("InstanceId")): _status(each) for each in invocations}
        well = [node for node, said in every.items() if said == WELL]
        bad = [f"{node} {said}" for node, said in every.items() if said in BAD]
        counted = number(commands[0].get("TargetCount"))
        if status not in BAD | {WELL} or len(well) + len(bad) < max(len(every), counted):
            return Wait(f"{named} is {status}: {len(well)} of {self.expected} nodes have run it")
        if bad:
            raise Refused(f"{named} did not succeed on {first_few(bad)}: look there, and redrive")
        if status in BAD:
            raise Refused(f"{named} is {status}: see what Systems Manager says of it, and redrive")
        if len(well) < self.expected:
            what = f"{named} has run on {len(well)} nodes, and {self.expected} are expected"
            raise Refused(f"{what}: start the others, and redrive")
        return Done(facts={"command": name, "nodes": len(well)})

    def _planned(self, seen: Seen) -> Decision:
        doubts = list(self._doubts(seen.sights[0], seen.sights[1:]))
        due = self._send(seen)
        return Change(due.why, due.calls, facts={DOUBTS: doubts} if doubts else {})

    def _doubts(self, document: Sight, nodes: tuple[Sight, ...]) -> Iterator[str]:
        """What would go wrong at night. Who was silent is told besides."""
        where = f"document {self.document} in {self.region}"
        if isinstance(document, Absent):
            yield f"there is no {where}: create it there, or correct its name"
        elif isinstance(document, Mapping):
            told = document.get("Document", {})
            if told.get("DocumentType") != "Command" or told.get("Status") != "Active":
                yield f"{where} is a {told.get('DocumentType')} and {told.get('Status')}: no active Command"
        if not all(isinstance(sight, Mapping) for sight in nodes):
            return
        found = [
            {
                each.get("InstanceId")
                for each in _entries(sight, "InstanceInformationList")
                if _is_online(each)
            }
            for sight in nodes
        ]
        online = set.intersection(*found)
        if len(online) < self.expected:
            what = f"{len(online)} nodes in {self.region} are online, and {self.expected} are expected"
            yield f"{what}: start them, or correct the targets"

    @property
    def _named(self) -> str:
        return f"command {self.document} in {self.region}"


def _comment(run: Run, redrives: int) -> str:
    """At most 100 characters, and of no other command: of this state in the run, redriven so often."""
    said = json.dumps([run.execution, run.state, redrives])
    return f"{run.application} {hashlib.sha256(said.encode()).hexdigest()[:32]}"


def _by_comment(listed: Sight, comment: str) -> str:
    """The command's id; "" where none of these is it."""
    mine = (each for each in _entries(listed, "Commands") if each.get("Comment") == comment)
    return str(next(mine, {}).get("CommandId", ""))


def _entries(sight: Sight, member: str) -> list[Mapping[str, Any]]:
    return list(sight.get(member, ())) if isinstance(sight, Mapping) else []


def _status(told: Mapping[str, Any]) -> str:
    """As its details say, which know more; they are written with spaces, too."""
    status, details = str(told.get("Status")), str(told.get("StatusDetails", "")).replace(" ", "")
    return details if details in BAD | GOES_ON else status


def _is_online(node: Mapping[str, Any]) -> bool:
    return bool(node.get("PingStatus") == "Online")


handler = lambda_handler(SsmCommand)
