"""Names that lead to the standby while an object is there, as the inverted health check of a line sees it."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Line, Room, Wanted, host_of
from ..s3.model import Websites
from .model import Route53

CHECK, BUCKET, KEY = "HealthCheckId", "BucketName", "ObjectKey"


class TakeOver:
    """A route: to the standby while the object is there, and to the primary otherwise."""

    def __init__(self, room: Room, name: str, bucket: str, key: str) -> None:
        self.name, self._room, self._bucket, self._key = name, room, bucket, key
        self._websites = Websites.of(room.cloud, room.net)

    def intent(self) -> Mapping[str, float]:
        primary, standby = self._room.regions
        return {standby if self._websites.shows(self._bucket, self._key) else primary: 1.0}

    def led_to(self) -> Mapping[str, float]:
        here = self._room.net.resolve(self.name)
        return {region: 1.0 for region, host in self._room.addresses.items() if host == here}

    def glance(self) -> object:
        return self._websites.shows(self._bucket, self._key)


def furnish(room: Room, dns: Route53) -> None:
    primary, standby = room.regions
    for line in _lines(room.wanted).values():
        check, bucket, key = (line.of(kind)[0].text for kind in (CHECK, BUCKET, KEY))
        name = host_of(str(line.inputs["probe"]))
        inverted = dns.object_check(standby, bucket, key, interval=10, check_id=check)
        first, then = room.addresses[primary], room.addresses[standby]
        dns.record(name, [(first, inverted), (then, lambda: True)])
        room.lead(TakeOver(room, name, bucket, key), name)


def _lines(wanted: Wanted) -> Mapping[str, Line]:
    """The first of each health check."""
    found: dict[str, Line] = {}
    for line, name in wanted.naming(CHECK):
        if line.of(KEY):
            found.setdefault(name.text, line)
    return found
