"""Global databases of two clusters, the primary Region's the writer: customers' writes are kept in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...furnishing import Role, Room, Wanted
from ..cloudwatch.model import Metrics
from .dataset import SCHEMA, GlobalDatabaseData
from .journal import Journal
from .model import Aurora
from .postgres import Pair
from .store import Store

DATABASE, CLUSTER = "GlobalClusterId", "ClusterId"
TAKES: Mapping[str, Role] = {DATABASE: "keeps", CLUSTER: ""}


def refused(wanted: Wanted) -> Iterator[str]:
    for database, members in _members(wanted).items():
        if set(members) != set(wanted.regions):
            yield f"{database} has no cluster in {' and '.join(sorted(set(wanted.regions) - set(members)))}"


def furnish(room: Room) -> None:
    for database, members in _members(room.wanted).items():
        store = _store(room)
        clusters = {region: members[region] for region in room.regions}
        metrics = room.cloud.enlisted(Metrics)
        of_all = Aurora.of(room.cloud, None if metrics is None else metrics.put)
        room.keep(GlobalDatabaseData(of_all.global_database(database, clusters, store), database))


def _members(wanted: Wanted) -> Mapping[str, Mapping[str, str]]:
    """By database, each Region's cluster."""
    found: dict[str, dict[str, str]] = {}
    for line, name in wanted.naming(DATABASE):
        found.setdefault(name.text, {}).update(line.by_region(CLUSTER))
    return found


def _store(room: Room) -> Store:
    if not room.real:
        return Journal(room.regions)
    pair = Pair(room.regions, SCHEMA)
    room.stack.callback(pair.close)
    return pair
