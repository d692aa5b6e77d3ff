"""Documents, and of the nodes on which they shall run as many as are expected, all online and well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...furnishing import Line, Role, Room, Wanted
from .model import Ssm

DOCUMENT, TARGET = "DocumentName", "TargetKey"
TAKES: Mapping[str, Role] = {DOCUMENT: "", TARGET: ""}
IDS, TAG = "InstanceIds", "tag:"


def assumed(wanted: Wanted) -> Iterator[str]:
    if documents := wanted.texts(DOCUMENT):
        yield f"{', '.join(documents)} ends well on each node"


def furnish(room: Room) -> None:
    ssm = Ssm.of(room.cloud)
    for line, name in room.wanted.naming(DOCUMENT):
        for region in (name.region,) if name.region else room.regions:
            if (region, name.text) not in ssm.documents:
                ssm.document(region, name.text)
            targets: Any = line.inputs["targets"]
            meant = [
                node
                for (where, _), node in ssm.nodes.items()
                if where == region and all(node.is_meant(each["key"], each["values"]) for each in targets)
            ]
            for node_id, tags in list(_nodes(line, len(ssm.nodes)))[len(meant) :]:
                if (region, node_id) not in ssm.nodes:
                    ssm.node(region, node_id, **tags)


def _nodes(line: Line, first: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Ids and tags that every target of the line means."""
    targets: Any = line.inputs["targets"]
    tags = {each["key"].removeprefix(TAG): each["values"][0] for each in targets if each["key"] != IDS}
    named = [list(each["values"]) for each in targets if each["key"] == IDS]
    made_up = [f"i-{first + number:017x}" for number in range(int(line.inputs["expected"]))]
    for node_id in named[0] if named else made_up:
        if all(node_id in ids for ids in named):
            yield node_id, tags
