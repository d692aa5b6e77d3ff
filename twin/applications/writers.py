"""The customers of a stand-in: each visit makes one write, under its own marker."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError
from psycopg import Error
from urllib3.exceptions import HTTPError

from ..application import Refusal, Visitor
from ..cloud import AwsError
from ..furnishing import Kept
from ..verb import MADE_UP, Verb


class Writers:
    """Every customer's session."""

    def __init__(
        self, verbs: tuple[Verb, ...], hosts: list[str], datasets: list[Kept], pace: tuple[float, float]
    ) -> None:
        """`hosts` are what they call: one, or in turn until one has taken the write."""
        self._verbs, self._hosts, self._datasets = verbs or (MADE_UP,), hosts, datasets
        self.pace = pace
        written = [kept for kept in datasets if any(verb.keeps_in(kept.name) for verb in self._verbs)]
        first = next((kept for kept in written if not kept.many_writers), written[0])
        self.dataset = first.name
        self._first = first

    def visit(self, visitor: Visitor) -> None:
        number = visitor.number()
        verb, marker = self._verbs[number % len(self._verbs)], f"{visitor.name}-{number:04d}"
        hosts = [verb.host] if verb.host and len(self._hosts) == 1 else self._hosts
        for host in hosts:
            try:
                answer = visitor.ask("POST", f"https://{host}{verb.write}", verb.sent(marker))
            except (HTTPError, Refusal):
                if host == hosts[-1]:
                    raise
            else:
                break
        for kept in (kept for kept in self._datasets if verb.keeps_in(kept.name)):
            visitor.promised(f"{kept.name} {marker}", kept.name, marker, answer["region"])

    def write(self, region: str, key: str) -> None:
        """To one dataset, past the front door."""
        try:
            self._first.put(region, key, f"{self._first.name} {key}")
        except (AwsError, BotoCoreError, Error) as silence:
            raise Refusal(str(silence)) from None
