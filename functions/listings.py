"""How far the listings of a bucket and of its replica have been compared, side by side, and what differs.

Both are in the order of keys, so both are read a page at a time, and whatever both pages cover is compared:
nothing is kept but where each listing goes on, and what differs. Of an object only its latest version counts,
and one whose latest is a delete marker is not there.

An object and its replica have the same version ID, whatever encrypts them; where that says nothing (a copy, a
bucket without versions) they have the same size and ETag. An ETag alone would not do: under KMS it is none of
the content. Sources: docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html (version IDs are kept),
docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html and API_Object.html (ETag)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .differences import HERE, SIDES, THERE

MOST_KEPT = 100
"""Keys that are looked at again, one by one."""
UNVERSIONED = "null"
ODD = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading an answer, or a note, raises that is none."""
KINDS = ("missing_here", "missing_there", "different")


@dataclass(frozen=True)
class Page:
    """Of a listing, in the order of keys."""

    latest: Mapping[str, str]
    """What each object is, by its key."""
    last: str
    """The key that it reaches; what comes before it, and itself, is in this page or in one before."""
    following: Mapping[str, str] | None
    """What asks for the page after it; None where this is the last."""

    @classmethod
    def of_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Raises one of ODD for what is no answer."""
        versions, markers = answer.get("Versions") or [], answer.get("DeleteMarkers") or []
        latest = {
            str(each["Key"]): identity(each["VersionId"], each["Size"], each["ETag"])
            for each in versions
            if each["IsLatest"]
        }
        last = max((str(each["Key"]) for each in (*versions, *markers)), default="")
        if not answer["IsTruncated"]:
            return cls(latest, last, None)
        marks = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}
        return cls(latest, last, {name: str(answer[mark]) for name, mark in marks.items()})


def _pair(here: str | None, there: str | None) -> list[str | None]:
    return [None if each is None else str(each) for each in (here, there)]


def identity(version: str | None, size: int, etag: str) -> str:
    """Of one version of an object, as text."""
    return f"{version or UNVERSIONED} {int(size)} {etag}"


def is_same(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    (mine, _, content), (theirs, _, its) = one.partition(" "), other.partition(" ")
    return (mine == theirs and mine != UNVERSIONED) or content == its


@dataclass
class Walk:
    """As the ledger has it, and as a look brings it on."""

    starts: list[dict[str, str]] = field(default_factory=lambda: [{}, {}])
    """What asks for the first page that is not compared to its end, on each side."""
    over: bool = False
    """Both listings are compared to their ends."""
    after: str = ""
    """The key up to which they are."""
    objects: int = 0
    """Here."""
    counted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    """What differs, by kind."""
    kept: dict[str, list[str | None]] = field(default_factory=dict)
    """Of what is there and differs, the first keys."""
    pages: list[Page | None] = field(default_factory=lambda: [None, None])
    """Read by this look."""

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Raises one of ODD for what `as_json` has not written."""
        return cls(
            [{str(name): str(value) for name, value in start.items()} for start in body["starts"]],
            bool(body["over"]),
            str(body["after"]),
            int(body["objects"]),
            {kind: int(body["counted"][kind]) for kind in KINDS},
            {str(key): _pair(*pair) for key, pair in body["kept"].items()},
        )

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "pages"}

    @property
    def is_cut(self) -> bool:
        """More differs than is kept."""
        return self.counted["missing_here"] + self.counted["different"] > len(self.kept)

    @property
    def due(self) -> tuple[int, ...]:
        """The sides of which a page must be read now."""
        return () if self.over else tuple(side for side in SIDES if self.pages[side] is None)

    def take(self, side: int, page: Page) -> None:
        """A page of that side, from where its listing goes on."""
        self.pages[side] = page

    def compare(self) -> None:
        """What the pages of both sides cover."""
        here, there = self.pages
        if here is None or there is None:
            return
        ends = [page.last for page in (here, there) if page.following is not None]
        upto = min(ends, default=None)
        for key in sorted({*here.latest, *there.latest}):
            if key > self.after and (upto is None or key <= upto):
                self._compare(key, [here.latest.get(key), there.latest.get(key)])
        if upto is None:
            self.over = True
            return
        self.after = max(self.after, upto)
        for side, page in ((HERE, here), (THERE, there)):
            if page.following is not None and page.last <= self.after:
                self.starts[side], self.pages[side] = dict(page.following), None

    def _compare(self, key: str, pair: list[str | None]) -> None:
        self.objects += pair[HERE] is not None
        if is_same(*pair):
            return
        self.counted[KINDS[0 if pair[HERE] is None else 1 if pair[THERE] is None else 2]] += 1
        if pair[THERE] is not None and len(self.kept) < MOST_KEPT:
            self.kept[key] = pair
