"""A person's picked lines, put back: each one by one write, and only over what its line says is there.

The item of the Region that `stands` is written into the other one, or, where it has none, the other's is
deleted. Before it, both Regions are read, strongly consistent: where the item that stands is no longer as the
line has it, its line is left, since a later write there would be lost. The write's own condition is that the
other's item is still as the line has it: every attribute equal, and none of those there that the written item
brings anew. What it does not see is an attribute of yet another name that is added between the look and the
write, with nothing else changed. It is read back, and only that counts. So a line can be applied again,
whenever a run of this has stopped: what is done already is told as that. Source:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from functions.calls import Absent, Api, Call, Denied, Silence
from functions.digests import keys
from functions.global_tables import Row
from functions.ledger import LOST_RACE
from functions.whole_tables import TABLE

from ..runbook.mistakes import Mistake, Mistakes
from .differences import Difference, as_boto, content
from .runs import Runs
from .tables import Tables, same
from .trouble import Trouble

PUT = Api("dynamodb:PutItem", resource=TABLE, plane="data", absent=frozenset({LOST_RACE}))
DELETE = Api("dynamodb:DeleteItem", resource=TABLE, plane="data", absent=frozenset({LOST_RACE}))

T = TypeVar("T")
AND = " AND "
MOST_OPERATORS, LONGEST_BYTES = 300, 4096
"""Of a condition; each of its terms is an operator or a function, and an AND joins it to the next. Source:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

Outcome = Literal["applied", "already", "left", "unknown"]
"""It stands, as read back; it stood before; something has changed since the line was written, and nothing was
written; or nobody says."""


@dataclass(frozen=True)
class Intent:
    """One line, and the write that makes it true."""

    line: Difference

    @property
    def region(self) -> str:
        """Where it is written."""
        line = self.line
        return line.there if line.stands == line.here else line.here

    @property
    def wanted(self) -> Row | None:
        return content(self.line.items[self.line.stands])

    @property
    def found(self) -> Row | None:
        """What is there now, as the line has it."""
        return self.line.items[self.region]

    @property
    def verb(self) -> str:
        return "delete" if self.wanted is None else "put"

    @property
    def call(self) -> Call:
        wanted, condition = self.wanted, _condition(self.found, self.wanted, self.line.key)
        if wanted is None:
            return DELETE(self.region, TableName=self.line.table, Key=as_boto(self.line.key), **condition)
        return PUT(self.region, TableName=self.line.table, Item=as_boto(wanted), **condition)

    @property
    def row(self) -> Sequence[str]:
        """For people: what, where, and its condition."""
        there = "it has none" if self.found is None else f"it has {_shown(self.found)}"
        what = "" if self.wanted is None else f"{_shown(self.wanted)} "
        return self.verb, f"{self.line.named} in {self.region}", f"{what}while {there}"


@dataclass(frozen=True)
class Applied:
    """What became of a line."""

    intent: Intent
    outcome: Outcome
    why: str = ""

    @property
    def stands(self) -> bool:
        return self.outcome in ("applied", "already")

    @property
    def row(self) -> Sequence[str]:
        """For people."""
        verb, where, _ = self.intent.row
        return self.outcome, f"{verb} {where}", self.why

    def as_json(self) -> dict[str, Any]:
        line = self.intent.line
        about = {
            "table": line.table,
            "key": line.key,
            "region": self.intent.region,
            "write": self.intent.verb,
        }
        return {**about, "outcome": self.outcome, "why": self.why}


def _condition(found: Row | None, wanted: Row | None, key: Row) -> dict[str, Any]:
    """That there is still what was found."""
    if found is None:
        return {
            "ConditionExpression": "attribute_not_exists(#0)",
            "ExpressionAttributeNames": {"#0": next(iter(key))},
        }
    new = sorted(set(wanted or ()) - found.keys())
    names = {f"#{place}": name for place, name in enumerate([*found, *new])}
    terms = [f"#{place} = :{place}" for place in range(len(found))]
    terms += [f"attribute_not_exists(#{place})" for place in range(len(found), len(names))]
    return {
        "ConditionExpression": AND.join(terms),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {f":{place}": v for place, v in enumerate(as_boto(found).values())},
    }


def _shown(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False)


def read_lines(
    path: str, text: str, tables: Collection[str], regions: Collection[str], stands: str
) -> list[Intent]:
    """Raises Mistakes, with all that is wrong in the file."""
    seen: dict[tuple[str, bytes], int] = {}

    def intent(number: int, body: Any) -> tuple[Intent, list[tuple[str, str]]]:
        line = Difference.from_json(body)
        line = replace(line, stands=line.stands or stands)
        wrong = [*_wrong(line, tables, regions)]
        place = line.table, keys(sorted(line.key))(line.key)
        if first := seen.setdefault(place, number) - number:
            wrong.append((f"line {number + first} is about {line.named}, too", "keep one"))
        return Intent(line), wrong

    return _read(path, text, intent, "keep those that shall be applied")


def read_keys(path: str, text: str, tables: Collection[str]) -> dict[str, list[Row]]:
    """By table, the keys of the lines, which are a sweep's or our own. Raises Mistakes, with all that is
    wrong in the file."""

    def key(number: int, body: Any) -> tuple[tuple[str, Row], list[tuple[str, str]]]:
        if not isinstance(body, dict) or not isinstance(body.get("table"), str):
            raise ValueError("it has no table")
        if not as_boto(body.get("key")):
            raise ValueError("its key has no attributes")
        return (body["table"], body["key"]), [*_strange(body["table"], tables)]

    found: dict[str, list[Row]] = {}
    for table, row in _read(path, text, key, "give the lines of a sweep's report"):
        found.setdefault(table, []).append(row)
    return found


def _read(
    path: str, text: str, read: Callable[[int, Any], tuple[T, list[tuple[str, str]]]], otherwise: str
) -> list[T]:
    """What each line says, with what is wrong in it. Raises Mistakes."""
    wrong: list[Mistake] = []
    made: list[T] = []
    for number, written in enumerate(text.split("\n"), 1):  # a text may hold other ends of lines
        if not written.strip():
            continue
        try:
            each, said = read(number, json.loads(written))
            made.append(each)
            wrong += [Mistake(path, number, what, instead) for what, instead in said]
        except (ValueError, RecursionError) as error:
            no_json = isinstance(error, json.JSONDecodeError | RecursionError)
            what = "this is no JSON" if no_json else str(error)
            wrong.append(Mistake(path, number, what, "write a line of `farshore reconcile`, or delete it"))
    if not made and not wrong:
        wrong.append(Mistake(path, 0, "no line is left", otherwise))
    if wrong:
        raise Mistakes(wrong)
    return made


def _strange(table: str, tables: Collection[str]) -> Iterable[tuple[str, str]]:
    if table not in tables:
        yield f"{table} is no table of the runbook", f"it names {', '.join(sorted(tables)) or 'none'}"


def _wrong(line: Difference, tables: Collection[str], regions: Collection[str]) -> Iterable[tuple[str, str]]:
    yield from _strange(line.table, tables)
    if unknown := sorted({line.here, line.there} - set(regions)):
        yield f"{', '.join(unknown)} is no Region of the application", f"it has {' and '.join(regions)}"
    if not line.stands:
        yield (
            f"nobody says which Region's item of {line.named} stands",
            "write it in `stands`, or give --stands",
        )
    elif line.stands not in line.items:
        yield f"{line.stands} is no Region of this line", f"it has {line.here} and {line.there}"
    else:
        condition: Any = Intent(line).call.parameters["ConditionExpression"]
        if 2 * condition.count(AND) + 1 > MOST_OPERATORS or len(condition) > LONGEST_BYTES:
            yield f"{line.named} has more attributes than a condition takes", "put it back by hand"


def apply(intent: Intent, runs: Runs) -> Applied:
    """One line. Whatever is in doubt is told, and the other lines go on."""
    line, tables = intent.line, Tables(runs, intent.line.here, intent.line.there)
    try:
        now = {region: tables.item(line.table, region, line.key) for region in line.items}
        if same(now[intent.region], intent.wanted):
            return Applied(intent, "already")
        for region in (intent.region, line.stands):
            if not same(now[region], line.items[region]):
                return Applied(intent, "left", f"{region} has {_now(now[region])}: not what the line says")
        reply = runs.reply(intent.call)
        if isinstance(reply, Denied):
            return Applied(intent, "left", f"{intent.call} was refused: {reply.why}")
        written = tables.item(line.table, intent.region, line.key)
    except Trouble as trouble:
        return Applied(intent, "unknown", trouble.message)
    if same(written, intent.wanted):
        return Applied(intent, "applied")
    if isinstance(reply, Absent):
        return Applied(intent, "left", f"{intent.region} has {_now(written)}: it changed at that moment")
    if isinstance(reply, Silence):
        return Applied(intent, "unknown", f"{reply.why}: apply it again")
    return Applied(intent, "left", f"{intent.region} has {_now(written)}: it was changed right after")


def _now(item: Row | None) -> str:
    return "nothing" if item is None else _shown(item)
