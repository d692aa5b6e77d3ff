"""A runbook of made-up steps, one for each type that an input can have; and slips."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from farshore.runbook.registry import Registry
from functions.inputs import AwsRegion, Region, Seconds
from functions.step import Step

TO = Region("$to")


@dataclass(frozen=True, kw_only=True)
class Writer(Step[None]):
    """Who writes."""

    cluster: Annotated[str, "the global database"]
    members: Annotated[Mapping[Region, str], "each Region's cluster"]
    region: Annotated[Region, "where the writer shall be"] = TO
    lose_at_most: Annotated[Seconds, "the lag that may be lost"]

    name: ClassVar = "aurora_writer"


@dataclass(frozen=True, kw_only=True)
class Concurrency(Step[None]):
    """How many at once."""

    functions: Annotated[tuple[str, ...], "the functions"]
    region: Annotated[Region, "where they run"]
    reserved: Annotated[int | Literal["restore"], "how many, or what was"]

    name: ClassVar = "lambda_concurrency"
    fences: ClassVar = True


@dataclass(frozen=True, kw_only=True)
class Controls(Step[None]):
    """Where customers go."""

    endpoints: Annotated[Mapping[AwsRegion, str], "the cluster's endpoints"]
    on_in: Annotated[Region, "where customers shall go"]
    off_in: Annotated[Region, "where they shall not"]

    name: ClassVar = "arc_controls"


@dataclass(frozen=True)
class Source:
    kind: Annotated[Literal["alarm", "probe"], "what is asked"]
    region: Annotated[Region, "who is asked"]
    url: Annotated[str | None, "what is probed"] = None


@dataclass(frozen=True, kw_only=True)
class Impaired(Step[None]):
    """Evidence."""

    of: Annotated[tuple[Source, ...], "the sources"]
    at_least: Annotated[int, "how many must say yes"]
    share: Annotated[float, "of requests that may fail"] = 0.5
    labels: Annotated[Mapping[str, int] | None, "what the report calls them"] = None

    name: ClassVar = "region_impaired"


@dataclass(frozen=True, kw_only=True)
class Bake(Step[None]):
    """Nothing happens for a while."""

    loud: Annotated[bool, "say so every minute"] = False
    made: Annotated[int, "filled in by the compiler"] = 0

    name: ClassVar = "bake"
    derived: ClassVar = frozenset({"made"})


@dataclass(frozen=True, kw_only=True)
class Detached(Step[None]):
    """The cluster is on its own."""

    name: ClassVar = "detached"
    one_way: ClassVar = "a detached cluster cannot rejoin"


@dataclass(frozen=True, kw_only=True)
class Held(Step[None]):
    """The lease."""

    name: ClassVar = "lease"
    written: ClassVar = False


REGISTRY: Registry = {
    each.name: each for each in (Writer, Concurrency, Controls, Impaired, Bake, Detached, Held)
}

GOOD = """\
application: corner-shop
regions: {primary: us-east-1, standby: us-west-1, observer: us-west-2}
objectives: {rto: 15m, rpo: 30s}
triggers:
  - alarm: corner-shop-canary
    mode: ungraceful
    cooldown: 60m
failover:
  - region_impaired:
      at_least: 1
      share: 0.25
      labels: {a: 1}
      of:
        - {kind: alarm, region: us-west-2}
        - {kind: probe, region: $from, url: "https://shop.example"}
  - lambda_concurrency: {functions: [buy, pay], region: $from, reserved: 0, before_approval: true}
  - together:
      - aurora_writer:
          cluster: unicorn
          members: {us-east-1: east, us-west-1: west}
          lose_at_most: 30s
      - bake:
  - lambda_concurrency: {functions: [buy, pay], region: $to, reserved: restore}
  - arc_controls:
      endpoints: {eu-west-1: "https://a.example", us-east-1: "https://b.example"}
      on_in: $to
      off_in: $from
      within: 2h
outage:
  - bake: {loud: true}
"""


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} must stand once in the good runbook"
    return GOOD.replace(old, new)


SNIPPETS = [
    "\t", "\n", "  ", "- ", ": ", "{", "}", "[", "]", "&a ", "*a", "!!python/object:os.system ", "<<: ",
    "---\n", "null", "~", "yes", "1e999", ".nan", "-1", "9" * 5000, "$form", "\0", "\x85", "\u2028", "\ufeff",
    "\ud7ff", '"', "'", "|\n", ">\n", "? ", "%YAML 9.9\n", "#", "@", "`", "\x1b", "\U0001f984", "1h" * 50,
    "१५m", "\r",
]  # fmt: skip


def mutated(text: str, dice: random.Random) -> str:
    """A good runbook after one to four slips."""
    for _ in range(dice.randint(1, 4)):
        at, until = sorted(dice.randrange(len(text) + 1) for _ in range(2))
        lines = text.split("\n")
        text = dice.choice(
            [
                text[:at] + dice.choice(SNIPPETS) + text[at:],
                text[:at] + text[min(at + 1, until) :],
                text[:at] + dice.choice(SNIPPETS) + text[min(at + 5, until) :],
                text[:at] + text[min(at + 40, until) :],
                text[:until] + text[at : min(at + 60, until)] + text[until:],
                "\n".join(dice.sample(lines, len(lines))),
                "\n".join(line[1:] if dice.random() < 0.1 else line for line in lines),
                "\n".join(" " + line if dice.random() < 0.1 else line for line in lines),
            ]
        )
    return text
