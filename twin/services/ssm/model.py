"""Systems Manager's Run Command: managed nodes of each Region, documents, and commands that are sent to them.

A command is to be seen a little after it was sent, and its invocations a little after that. A node that is
away gets it when it is back, until the delivery's time is over. What could not be delivered, or may not run
there, counts neither for the command's success nor against it. There is no client token: what is sent twice
runs twice. A dark Region runs nothing. MaxErrors and MaxConcurrency are not modelled. Sources:
docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html,
docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html,
docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListCommandInvocations.html
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from ...cloud import Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...service import APART, WIRING, Service, Stateful, register, seconds_until

Outcome = Literal["Success", "Failed", "Undeliverable", "InvalidPlatform"]
RETRY_SECONDS = 5.0
"""A node that is away is tried again."""
LONGEST_COMMENT = 100
A_PAGE = 50
SENT = {"DocumentName", "Targets", "Comment", "TimeoutSeconds", "Parameters"}
"""The forms of parameters that steps send."""


class Node(Stateful):
    """A managed node: an instance with an agent."""

    not_state: ClassVar = {"id": WIRING, "tags": WIRING}

    def __init__(self, node_id: str, tags: Mapping[str, str]) -> None:
        self.id, self.tags = node_id, dict(tags)
        self.online = True
        self.outcome: Outcome = "Success"
        """How whatever it is sent ends."""
        self.ran: list[str] = []
        """The documents that it has run, in order."""

    def state(self) -> object:
        return self.online, self.outcome, self.ran

    def is_meant(self, key: str, values: Sequence[str]) -> bool:
        if key == "InstanceIds":
            return self.id in values
        return self.tags.get(key.removeprefix("tag:")) in values


class Command(Stateful):
    """One command, and how it stands on each of its nodes."""

    not_state: ClassVar = {"id": "distinguishes commands", "asked": WIRING, "at": WIRING}

    def __init__(self, command_id: str, asked: Mapping[str, Any], at: float, nodes: Sequence[Node]) -> None:
        self.id, self.asked, self.at = command_id, asked, at
        self.nodes = {node.id: "Pending" for node in nodes}
        self.seen = self.invoked = False
        """It is in the lists yet, and its invocations are."""

    def state(self) -> object:
        return self.nodes, self.seen, self.invoked

    @property
    def status(self) -> tuple[str, str]:
        """With its details. What was not delivered counts for nothing."""
        if not self.nodes:
            return "Failed", "NoInstancesInTag"
        said = set(self.nodes.values())
        for each in ("Pending", "Delayed", "InProgress"):
            if each in said:
                return "InProgress", "InProgress"
        return ("Failed", "Failed") if "Failed" in said else ("Success", "Success")

    def shown(self) -> dict[str, Any]:
        status, details = self.status
        return {
            "CommandId": self.id,
            "DocumentName": self.asked["DocumentName"],
            "Comment": self.asked.get("Comment", ""),
            "RequestedDateTime": stamp(self.at),
            "Status": status,
            "StatusDetails": details,
            "TargetCount": len(self.nodes),
        }

    def invocations(self) -> list[dict[str, Any]]:
        """AWS's status has fewer words than its details."""
        few = {"Undeliverable": "Failed", "InvalidPlatform": "Failed", "DeliveryTimedOut": "TimedOut"}
        return [
            {
                "CommandId": self.id,
                "InstanceId": node,
                "Status": few.get(status, status),
                "StatusDetails": status,
            }
            for node, status in self.nodes.items()
        ]


class Ssm(Service):
    """Every Region's nodes, documents and commands."""

    service: ClassVar = "ssm"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.nodes: dict[tuple[str, str], Node] = {}
        self.documents: dict[tuple[str, str], str] = {}
        """Their types."""
        self.commands: dict[tuple[str, str], Command] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {
            "SendCommand": self._send,
            "ListCommands": self._list,
            "ListCommandInvocations": self._invocations,
            "DescribeDocument": self._describe,
            "DescribeInstanceInformation": self._information,
        }

    def state(self) -> object:
        nodes = [(where, node.state()) for where, node in self.nodes.items()]
        now = self.cloud.clock.now
        commands = [
            (where[0], it.state(), seconds_until(it.at + self._delivery(it), now))
            for where, it in self.commands.items()
        ]
        return nodes, list(self.documents.items()), commands

    def node(self, region: str, node_id: str, **tags: str) -> Node:
        """One more, online."""
        return register(self.nodes, (region, node_id), lambda: Node(node_id, tags))

    def document(self, region: str, name: str, kind: str = "Command") -> None:
        """One more, active."""
        register(self.documents, (region, name), lambda: kind)

    @staticmethod
    def _delivery(command: Command) -> float:
        return float(command.asked.get("TimeoutSeconds", 3600))

    def _send(self, request: Request) -> Answer:
        asked: Mapping[str, Any] = request.parameters
        if strange := set(asked) - SENT:
            raise NotImplementedError(f"the twin knows no {', '.join(sorted(strange))} of a command")
        region = request.region
        if self.documents.get((region, asked["DocumentName"])) != "Command":
            raise AwsError("InvalidDocument", f"Document {asked['DocumentName']} does not exist.")
        if len(asked.get("Comment", "")) > LONGEST_COMMENT or not 1 <= len(asked.get("Targets", ())) <= 5:
            raise AwsError("ValidationException", "a comment of at most 100 characters, one to five targets")
        if not 30 <= asked.get("TimeoutSeconds", 3600) <= 2592000:
            raise AwsError("ValidationException", "Value at 'timeoutSeconds' must be 30 to 2592000")
        nodes = [
            node
            for (where, _), node in self.nodes.items()
            if where == region and all(node.is_meant(t["Key"], t["Values"]) for t in asked["Targets"])
        ]
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{region}/{len(self.commands)}"))
        command = Command(name, dict(asked), self.cloud.clock.now, nodes)
        self.commands[region, name] = command
        self.cloud.clock.spawn(lambda: self._begin(region, command))
        return {"Command": command.shown() | {"Status": "Pending", "StatusDetails": "Pending"}}

    def _begin(self, region: str, command: Command) -> None:
        clock, latency = self.cloud.clock, self.cloud.latency
        clock.sleep(latency.draw("ssm_command_listed"))
        command.seen = True
        clock.sleep(latency.draw("ssm_command_listed"))
        command.invoked = True
        for node in command.nodes:
            clock.spawn(lambda node=node: self._run(region, command, self.nodes[region, node]))  # type: ignore[misc]

    def _run(self, region: str, command: Command, node: Node) -> None:
        clock = self.cloud.clock
        while not node.online or self.cloud.faults.is_dark(region, self.service):
            if clock.now >= command.at + self._delivery(command):
                command.nodes[node.id] = "DeliveryTimedOut"
                return
            command.nodes[node.id] = "Delayed"
            clock.sleep(RETRY_SECONDS)
        if node.outcome in ("Undeliverable", "InvalidPlatform"):
            command.nodes[node.id] = node.outcome
            return
        command.nodes[node.id] = "InProgress"
        clock.sleep(self.cloud.latency.draw("ssm_command_runs"))
        node.ran.append(str(command.asked["DocumentName"]))
        command.nodes[node.id] = node.outcome

    def _list(self, request: Request) -> Answer:
        if "CommandId" in request.parameters:
            return {"Commands": [self._asked(request).shown()]}
        after = [str(each["value"]) for each in self._filters(request) if each["key"] == "InvokedAfter"]
        since = max((datetime.datetime.fromisoformat(text).timestamp() for text in after), default=0.0)
        found = [
            command.shown()
            for (region, _), command in self.commands.items()
            if region == request.region and command.seen and command.at >= since
        ]
        return _page(request, "Commands", found[::-1])

    def _filters(self, request: Request) -> list[Mapping[str, Any]]:
        filters: Any = request.parameters.get("Filters", [])
        if strange := {each["key"] for each in filters} - {"InvokedAfter"}:
            raise NotImplementedError(f"the twin filters by no {', '.join(sorted(strange))}")
        return list(filters)

    def _invocations(self, request: Request) -> Answer:
        command = self._asked(request)
        return _page(request, "CommandInvocations", command.invocations() if command.invoked else [])

    def _asked(self, request: Request) -> Command:
        command = self.commands.get((request.region, str(request.parameters["CommandId"])))
        if command is None or not command.seen:
            raise AwsError("InvalidCommandId", "The command ID is not valid.")
        return command

    def _describe(self, request: Request) -> Answer:
        name = str(request.parameters["Name"])
        kind = self.documents.get((request.region, name))
        if kind is None:
            raise AwsError("InvalidDocument", f"Document {name} does not exist.")
        return {"Document": {"Name": name, "DocumentType": kind, "Status": "Active"}}

    def _information(self, request: Request) -> Answer:
        filters: Any = request.parameters.get("Filters", [])
        found = [
            {"InstanceId": node.id, "PingStatus": "Online" if node.online else "ConnectionLost"}
            for (region, _), node in self.nodes.items()
            if region == request.region
            and all(node.is_meant(each["Key"], each["Values"]) for each in filters)
        ]
        return _page(request, "InstanceInformationList", found)


def _page(request: Request, member: str, found: Sequence[Mapping[str, Any]]) -> Answer:
    """As many as are asked for, and where the next page begins."""
    size, first = (
        int(str(request.parameters.get("MaxResults", A_PAGE))),
        int(str(request.parameters.get("NextToken", "0"))),
    )
    if not 1 <= size <= A_PAGE:
        raise AwsError("ValidationException", f"Value at 'maxResults' must be 1 to {A_PAGE}")
    more = {"NextToken": str(first + size)} if first + size < len(found) else {}
    return {member: list(found[first : first + size]), **more}
