"""Globalflix's viewers: the workshop's player, which writes where it is in its video, and reads it back.

A player asks the API's one name. After thirty failures, in a row or not, it moves by itself, as the
workshop's does: from the Region that served it last to the other's own address, and from there, after
thirty more, back to the name. It reads the answer's body: its status alone says nothing. A beat waits for its
answer, where a browser would have several requests under way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

from botocore.exceptions import ConnectTimeoutError
from urllib3.exceptions import HTTPError

from ...application import Refusal, Visitor
from ...services.dynamodb.global_table import GlobalTable
from .api import LIBRARY, bookmark
from .names import API, PRIMARY, REGIONS, api_host

DATASET = "bookmarks"
BEAT_SECONDS = 0.5
FAILURES = 30
"""After so many the player moves."""
BEATS_A_VIDEO = 240
READ_EVERY = 10
"""So many beats apart it reads its bookmark in both Regions."""
BARE_VIEWERS = 50
FIRST_VIEWER = 10
"""The workshop's viewer is user10."""


@dataclass
class Player:
    """One viewer's."""

    viewer: str
    host: str = API
    served_by: str = PRIMARY
    failures: int = 0
    beats: int = 0

    def at(self) -> tuple[str, str]:
        """The video, and how much of it has been seen: a fraction of it, as the page keeps it."""
        video, beat = divmod(self.beats, BEATS_A_VIDEO)
        return sorted(LIBRARY)[video % len(LIBRARY)], f"{video // len(LIBRARY) + beat / BEATS_A_VIDEO:.3f}"

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= FAILURES:
            self.failures = 0
            (other,) = set(REGIONS) - {self.served_by}
            self.host = api_host(other) if self.host == API else API


class Players:
    """Everybody's, as a session of the application."""

    dataset, pace = DATASET, (BEAT_SECONDS, BEAT_SECONDS)

    def __init__(self, table: GlobalTable, spawn: Callable[[Callable[[], None]], object]) -> None:
        self._table, self._spawn = table, spawn
        self._players: dict[str, Player] = {}

    def visit(self, visitor: Visitor) -> None:
        """One beat."""
        player = self._players.setdefault(visitor.name, Player(f"user{FIRST_VIEWER + len(self._players)}"))
        player.beats += 1
        try:
            self._write(visitor, player)
        except (HTTPError, Refusal):
            player.failed()
            raise
        if player.beats % READ_EVERY == 0:
            for region in REGIONS:
                self._spawn(lambda region=region: _read(visitor, player, region))  # type: ignore[misc]

    def write(self, region: str, key: str) -> None:
        """A new bookmark of one of many viewers, past the API."""
        viewer = f"user{FIRST_VIEWER + crc32(key.encode()) % BARE_VIEWERS}"
        try:
            self._table.put(region, (viewer, key), {"bookmark": "0.000"}, f"{DATASET} {key}")
        except ConnectTimeoutError as silence:
            raise Refusal(str(silence)) from None

    def _write(self, visitor: Visitor, player: Player) -> None:
        video, at = player.at()
        item = {"PK": player.viewer, "SK": video, "bookmark": at}
        answer = visitor.ask("POST", f"https://{player.host}/update", item)
        if "Attributes" not in answer:
            raise Refusal(f"{player.host} did not take the bookmark: {answer.get('Error')}")
        player.served_by = answer["region"]
        visitor.promised(
            bookmark(player.viewer, video, at), DATASET, f"{player.viewer}/{video}", answer["region"]
        )


def _read(visitor: Visitor, player: Player, region: str) -> None:
    """What the page shows as a Region's progress; where it says nothing, the counter stands still."""
    video, _ = player.at()
    try:
        visitor.ask("GET", f"https://{api_host(region)}/get/{player.viewer}/{video}", looked_up=True)
    except (HTTPError, Refusal):
        return
