"""Customers can buy: a write through their own endpoint is accepted in `region`, and can be read back.

Reads look green while writes fail wherever traffic went ahead of the data, so nothing less proves a failover.
The write carries a marker of the run, so a repeated tick finds it and writes nothing. What stands before the
shop may go on answering what it answered before the write (CloudFront keeps an error for ten seconds), so it
is noted that the write was accepted, and from then it is only read: until, at the very last, it is written
once more, since the Region that was left may have accepted it, whose writes nobody will ever read. Source:
docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from ..calls import HTTP_GET, HTTP_POST, Sight
from ..handler import lambda_handler
from ..inputs import Origin, Region, Seconds, UrlPath
from ..ledger import PUT, Accept
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

LAST_SECONDS = 45
"""Before a state gives up, it has so long for writing once more and reading that back."""

MARKER = "{marker}"
"""Stands for a text of this run alone."""


@dataclass(frozen=True)
class Seen:
    marker: str
    answer: Sight
    accept: Accept
    """The note that the write was accepted, as of now."""
    accepted: bool
    """A tick of this state has noted that, of the last write."""
    acknowledged: bool
    """This tick has written, and was told that it is done."""


@dataclass(frozen=True, kw_only=True)
class SyntheticWrite(Step[Seen]):
    """A write through the customers' endpoint is accepted in `region`, and can be read back."""

    url: Annotated[Origin, "the customers' endpoint, such as https://api.shop.example"]
    write: Annotated[UrlPath, "path to POST to"]
    body: Annotated[str, "what to POST; {marker} stands for this run's marker"]
    read: Annotated[UrlPath, "path to GET afterwards; its answer must hold the marker and the Region's name"]
    search_string: Annotated[
        str,
        "text that the answer to the write must hold, where a 2xx may also say what went wrong",
    ] = ""
    region: Annotated[Region, "the Region that must have served it"] = Region("$to")
    within: Annotated[Seconds, "how long customers may still be refused"] = Seconds(300)

    name: ClassVar = "synthetic_write"
    reads: ClassVar = (HTTP_GET,)
    writes: ClassVar = (HTTP_POST,)
    notes: ClassVar = (PUT,)
    every: ClassVar = 5
    phase: ClassVar = "verify"

    def __post_init__(self) -> None:
        if MARKER not in self.body:
            raise ValueError(f"body lacks {MARKER}: without it each tick would write once more; put it in")
        if MARKER not in self.read:
            raise ValueError(f"read lacks {MARKER}: without it another run's write would be read; put it in")

    def observe(self, world: World) -> Seen:
        marker = f"farshore-{world.dice(1 << 30):08x}"
        (answer,) = world.ask(HTTP_GET(world.run.target, url=self.url + self.read.replace(MARKER, marker)))
        state, execution = world.run.state, world.run.execution
        last = self.within - LAST_SECONDS
        written = world.since + (last if 0 < last < world.waited else 0)
        accepted = world.records.has_accepted(state, execution, written)
        return Seen(marker, answer, Accept(state, execution, world.now), accepted, bool(world.acknowledged))

    def decide(self, seen: Seen) -> Decision:
        if not isinstance(seen.answer, dict):
            return Wait(f"{self.url} does not answer")
        status, text = seen.answer["status"], seen.answer["body"].decode(errors="replace")
        if status == 200 and seen.marker in text:
            if self.region in text:
                return Done(facts={"marker": seen.marker})
            return Wait(f"{self.url} answers, but not from {self.region}")
        if seen.accepted:
            return Wait(f"{self.url} has accepted {seen.marker}, and does not show it yet ({status})")
        if seen.acknowledged:
            return Change(f"note that {self.url} has accepted {seen.marker}", (), (seen.accept,))
        body = self.body.replace(MARKER, seen.marker).encode()
        holds = {"search_string": self.search_string} if self.search_string else {}
        write = HTTP_POST(self.region, url=self.url + self.write, body=body, **holds)
        return Change(f"write {seen.marker} through {self.url} ({status} so far)", (write,))


handler = lambda_handler(SyntheticWrite)
