"""Names that customers call, which follow routing controls or an object; and health checks of the primary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...furnishing import Role, Room, Wanted
from . import controls, takeover
from .model import Route53

TAKES: Mapping[str, Role] = {
    controls.CONTROL: "leads",
    controls.ENDPOINT: "",
    "SafetyRuleArn": "",
    takeover.CHECK: "",
    takeover.KEY: "leads",
}


def refused(wanted: Wanted) -> Iterator[str]:
    yield from controls.refused(wanted)
    for line, bucket in wanted.naming(takeover.BUCKET):
        if line.of(takeover.KEY) and bucket.region != wanted.standby:
            yield f"{bucket.text} of {line.where} is not in {wanted.standby}, which would take over"


def furnish(room: Room) -> None:
    dns = Route53.of(room.cloud, room.net)
    controls.furnish(room, dns)
    takeover.furnish(room, dns)
    for check in room.wanted.texts(takeover.CHECK):
        if not dns.has(check):
            dns.endpoint_check(room.addresses[room.wanted.primary], check_id=check)
