"""What one look asks of a database: whether it is written there, whether its tables and its invariants are
whole, and how far the other Region is. Not a step itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from .calls import Call, Silence
from .data_api import ODD, Database, Rows, SqlName, rows, shown
from .differences import salt_of
from .fence import ASKS
from .inputs import Region
from .ledger import Find
from .sql import KEY_TYPE, LOGS, READ_ONLY, is_type, probe_read, quoted, reads_alone
from .sql_tables import Progress, Walk
from .world import World

SECONDARY = "as a secondary it has no writer, and so no Data API"
"""Why the other Region's tables are not asked in a graceful run."""
Said = Rows | Silence


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """What must always be true of the data: a query, and what it must give."""

    name: Annotated[str, "what it is called where it does not hold"]
    query: Annotated[str, "SQL that reads, and gives one value: SELECT count(*) FROM items WHERE stock < 0"]
    gives: Annotated[int | str, "that value; true, false and null in these words"] = 0

    def broken(self, given: Rows) -> str:
        """What it gave instead; "" where it holds."""
        one = len(given) == 1 and len(given[0]) == 1
        value = shown(given[0][0]) if one else f"{len(given)} rows"
        return "" if value == shown(self.gives) else f"{self.name} gave {value}, not {shown(self.gives)}"


@dataclass(frozen=True)
class Checks:
    """What is to be asked."""

    database: Database
    tables: Mapping[SqlName, SqlName]
    probe: str
    invariants: Sequence[Invariant]
    here: Region
    there: Region
    patience: float


@dataclass(frozen=True)
class Seen:
    """What was answered."""

    read_only: Said
    """One row of one truth."""
    probed: Said | None
    """None where there is no probe."""
    logs: Said | None
    """How far each Region has written the log; None where nobody asked."""
    progress: Progress
    moved: bool
    """The progress is further than the ledger knows."""
    silence: Silence | None
    """What stopped it."""
    gave: tuple[Said, ...] | None
    """By the invariants; None where they were not asked yet."""
    flaws: tuple[str, ...]
    """Of tables and their keys."""
    row: str
    """The probe's, for this application."""
    marker: str
    """What it is to hold in this run."""
    note: Find
    """The progress, for the ledger."""


class Look:
    """In up to ASKS questions, one after the other."""

    def __init__(self, checks: Checks, world: World) -> None:
        self._checks, self._world, self._on = checks, world, checks.database
        self._graceful = world.run.mode == "graceful"
        noted = self._noted()
        self._progress = noted or Progress.begun(checks.tables)
        self._before = noted.as_json() if noted else None
        self._flaws: list[str] = []
        self._sights: dict[str, Said] = {}

    def _noted(self) -> Progress | None:
        """By a tick before, since this state was entered, redriven or resumed; odd words are none."""
        try:
            return Progress.from_json(self._world.noted["compared"])
        except ODD:
            return None

    def planned(self) -> Seen:
        """While the Region that is left is still the writer: whether the statements can be answered."""
        region = self._checks.there
        self._ask(self._first(region) | self._invariants(region) | self._probe())
        self._learn()
        return self._seen(tuple(self._sights[each.name] for each in self._checks.invariants))

    def seen(self) -> Seen:
        """Tables first, then invariants."""
        checks, progress = self._checks, self._progress
        calls = self._first(checks.here) | self._probe()
        if self._graceful:
            calls["?logs"] = self._on.ask(checks.here, LOGS[self._on.engine])
        elif not progress.alone:
            calls["?there"] = self._on.ask(checks.there, READ_ONLY[self._on.engine])
        self._ask(calls)
        self._learn()
        if not self._is_ready:
            return self._seen()
        salt = salt_of(self._world.run.execution, self._world.run.started, self._world.run.state)
        walk = Walk(self._on, checks.tables, (checks.here, checks.there), salt, progress)
        walk.on(self._world.ask, ASKS - 2)
        here, there = walk.silences
        self._left_alone(there)
        if progress.todo or self._moved:
            return self._seen(silence=here or there)
        if checks.invariants:
            self._ask(self._invariants(checks.here))
        return self._seen(tuple(self._sights[each.name] for each in checks.invariants))

    @property
    def _is_ready(self) -> bool:
        """The database is written here, and what is needed to read on is known."""
        found, probed = self._sights["?read only"], self._sights.get("?probed")
        there = isinstance(self._sights.get("?there"), Silence) and not self._progress.alone
        known = all(table in self._progress.types for table in self._checks.tables)
        written = probed is None or probed == [[self._marker]]
        return known and written and not there and not self._flaws and is_no(found)

    def _first(self, region: Region) -> dict[str, Call]:
        calls = {"?read only": self._on.ask(region, READ_ONLY[self._on.engine])}
        for table in self._unknown:
            name = quoted(self._on.engine, table)
            calls[f"?{table}"] = self._on.ask(region, KEY_TYPE, table=name, key=self._checks.tables[table])
        return calls

    def _probe(self) -> dict[str, Call]:
        if not self._checks.probe:
            return {}
        sql = probe_read(self._on.engine, self._checks.probe)
        return {"?probed": self._on.ask(self._checks.here, sql, id=self._world.run.application)}

    @property
    def _unknown(self) -> list[SqlName]:
        return [table for table in self._checks.tables if table not in self._progress.types]

    def _invariants(self, region: Region) -> dict[str, Call]:
        return {
            each.name: self._on.ask(region, reads_alone(self._on.engine, each.query))
            for each in self._checks.invariants
        }

    def _ask(self, calls: Mapping[str, Call]) -> None:
        sights = self._world.ask(*calls.values())
        self._sights |= dict(zip(calls, map(rows, sights), strict=True))

    def _learn(self) -> None:
        """What the first question tells for the others."""
        for table in self._unknown:
            found = self._sights[f"?{table}"]
            if not isinstance(found, Silence):
                self._learn_key(table, found)
        there = self._sights.get("?there")
        if self._graceful:
            self._progress.alone = SECONDARY
            if self._progress.log is None:
                self._progress.log = log_of(self._sights.get("?logs"), self._checks.here)
        elif isinstance(there, Silence):
            self._left_alone(there)

    def _learn_key(self, table: SqlName, found: Rows) -> None:
        """What type it has, and that it alone names a row."""
        key = self._checks.tables[table]
        kind, alone = found[0] if found and len(found[0]) == 2 else (None, False)
        if not found:
            self._flaws.append(f"{table} has no column {key}: name the one that alone names a row")
        elif alone is not True:
            why = "name its primary key, or another column that is unique and not null"
            self._flaws.append(f"{key} does not alone name a row of {table}: {why}")
        elif not is_type(kind):
            self._flaws.append(
                f"{key} of {table} is of the type {kind!r}: name a key of one of PostgreSQL's own"
            )
        else:
            self._progress.types[table] = str(kind)

    def _left_alone(self, there: Silence | None) -> None:
        """From here on the other Region is not asked any more."""
        if there and not self._graceful and self._world.waited > self._checks.patience:
            self._progress.alone = there.why

    @property
    def _moved(self) -> bool:
        return self._progress.as_json() != self._before

    @property
    def _marker(self) -> str:
        return f"farshore-{self._world.dice(1 << 30):08x}"

    def _seen(self, gave: tuple[Said, ...] | None = None, silence: Silence | None = None) -> Seen:
        run = self._world.run
        silent = [said for said in self._sights.values() if isinstance(said, Silence)]
        found = {"compared": self._progress.as_json()}
        return Seen(
            self._sights["?read only"],
            self._sights.get("?probed"),
            self._sights.get("?logs"),
            self._progress,
            self._moved,
            silence or next(iter(silent), None),
            gave,
            tuple(self._flaws),
            run.application,
            self._marker,
            Find(run.state, run.execution, self._world.now, found),
        )


def is_no(said: Said) -> bool:
    """It gave one value, and that is false."""
    return not isinstance(said, Silence) and [list(row) for row in said] in ([[False]], [[0]])


def log_of(said: Said | None, region: str) -> int | None:
    """How far a Region has written the log; None where that is not told."""
    found = () if said is None or isinstance(said, Silence) else said
    logs = [row[1] for row in found if len(row) == 2 and row[0] == region]
    return next((log for log in logs if type(log) is int), None)
