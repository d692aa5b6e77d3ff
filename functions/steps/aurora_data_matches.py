"""The data of an Aurora global database are whole in `region`, where they are written now.

The database in `region` is out of recovery and takes a write: a row of its own in the table `probe`, read
back. Each table is read to its end, in ranges of its key, and each of `invariants` gives what it must.
The other Region is asked in the way that AWS documents for how it stands:

- In a graceful run it is a secondary, and the Data API needs a writer, even to read: its tables cannot be
  asked. A global database replicates its volume as a whole, and tells how far: by aurora_global_db_status the
  other Region must have written all of the log that was written when this step began.
- In an ungraceful run the old writer may be back and not rebuilt yet, or stand alone since the other has
  left: then it has a writer, and its tables are compared by digests that SQL adds up, so that rows do not
  travel. Keys that are missing here were lost; what is missing there, or different, may have been written
  since. Where it is silent for longer than `patience`, the step ends as `unknown`, and says why. Where a
  fence is still owed, an old writer that is back takes writes that nobody keeps, also after it was read: the
  facts say so.

The secret's user reads the tables, and writes `probe` alone, which has the columns id and written, both
varchar(64), and id as its key. Tables are compared in PostgreSQL; of MySQL the rest is asked. Sources:
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.limitations.html,
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora_global_db_status.html,
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from ..calls import Silence
from ..data_api import BUSY, READ, WRITE, Database, DatabaseName, SecretArn, SqlName
from ..differences import counts
from ..errors import Refused
from ..fence import ASKS, PATIENCE, UNKNOWN, patient
from ..handler import lambda_handler
from ..inputs import ClusterId, Patience, Region, Seconds
from ..ledger import PUT
from ..planned import DOUBTS, first_few
from ..run import Mode
from ..sql import Engine, probe_write
from ..sql_checks import Checks, Invariant, Look, Said, Seen, is_no, log_of
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

DIFFERENT = "different"
"""The outcome of an ungraceful run in which the Regions differ: its facts name the keys."""
BROKEN = "broken"
"""The same where an invariant does not hold."""


@dataclass(frozen=True)
class Tick:
    seen: Seen
    mode: Mode
    dry_run: bool
    waited: float
    owed: Sequence[str]
    """Fences that nobody has confirmed yet, by their names in the ledger."""


@dataclass(frozen=True, kw_only=True)
class AuroraDataMatches(Step[Tick]):
    """The data of an Aurora global database are whole in `region`, and the other Region has the same."""

    database: Annotated[DatabaseName, "the database's name"]
    members: Annotated[
        Mapping[Region, ClusterId], "each Region's cluster identifier; its Data API is enabled"
    ]
    secrets: Annotated[Mapping[Region, SecretArn], "each Region's secret of a database user"]
    engine: Annotated[Engine, "which Aurora it is"] = "postgresql"
    tables: Annotated[
        Mapping[SqlName, SqlName],
        "tables to be read, each with its key: a column that alone names a row",
    ] = field(default_factory=dict)
    probe: Annotated[
        SqlName,
        "a table for a row of this step's own, named as the application is; without it nothing is written",
    ] = SqlName("")
    invariants: Annotated[tuple[Invariant, ...], "queries, and what each must give"] = ()
    region: Annotated[Region, "the Region that takes over"] = Region("$to")
    other: Annotated[Region, "the one that it is compared with"] = Region("$from")
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE
    within: Annotated[Seconds, "how long all of it may take, reading the tables included"] = Seconds(900)

    name: ClassVar = "aurora_data_matches"
    reads: ClassVar = (READ,)
    writes: ClassVar = (WRITE,)
    notes: ClassVar = (PUT,)
    busy: ClassVar = BUSY
    every: ClassVar = 5
    asks: ClassVar = ASKS
    phase: ClassVar = "verify"
    tolerates: ClassVar = {
        READ: "in the dark of the Region that is left it ends as unknown",
        WRITE: "it goes to the Region that takes over alone",
    }

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        if self.region == self.other:
            raise ValueError(f"{self.region} would be compared with itself: write two Regions")
        if self.tables and self.engine != "postgresql":
            raise ValueError(
                f"tables are compared in postgresql, and not in {self.engine}: leave `tables` out"
            )
        names = [each.name for each in self.invariants]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two invariants are called {twice[0]}: give each a name of its own")
        if writes := [
            each.name for each in self.invariants if not re.match(r"(?i)(select|with)\b", each.query)
        ]:
            raise ValueError(f"invariant {writes[0]} does not begin with SELECT or WITH: write a query")
        if ended := [each.name for each in self.invariants if ";" in each.query]:
            raise ValueError(
                f"invariant {ended[0]} holds a semicolon: write one query and none after it, "
                "and in a text chr(59), or char(59) for mysql"
            )

    def observe(self, world: World) -> Tick:
        run = world.run
        look = Look(
            Checks(
                Database(self.database, self.members, self.secrets, self.engine),
                self.tables,
                self.probe,
                self.invariants,
                self.region,
                self.other,
                self.patience,
            ),
            world,
        )
        owed = [name for name, debt in world.records.debts.items() if not debt.get("give_back")]
        seen = look.planned() if run.dry_run else look.seen()
        return Tick(seen, run.mode, run.dry_run, world.waited, owed)

    def decide(self, tick: Tick) -> Decision:
        seen, cluster = tick.seen, self.members[self.region]
        if tick.dry_run:
            return self._planned(seen)
        if isinstance(seen.read_only, Silence):
            return Wait(f"{cluster} cannot be asked: {seen.read_only.why}")
        if seen.flaws:
            raise Refused("; ".join(seen.flaws))
        if not is_no(seen.read_only):
            return Wait(f"{cluster} takes no writes")
        if isinstance(seen.probed, Silence):
            return Wait(f"{self.probe} cannot be read: {seen.probed.why}")
        if seen.probed not in (None, [[seen.marker]]):
            return self._probe(seen, {})
        if seen.moved:
            return Change(seen.progress.reached, (), (seen.note,))
        if seen.gave is None:
            return self._stopped(tick)
        return self._judged(tick, dict(zip(self.invariants, seen.gave, strict=True)))

    def _probe(self, seen: Seen, facts: Mapping[str, Any]) -> Change:
        on = Database(self.database, self.members, self.secrets, self.engine)
        sql = probe_write(self.engine, self.probe)
        call = on.ask(self.region, sql, id=seen.row, written=seen.marker)
        return Change(f"write {seen.marker} into {self.probe}", (call,), facts=facts)

    def _planned(self, seen: Seen) -> Decision:
        """Who was silent, a plan says itself."""
        given = zip(self.invariants, seen.gave or (), strict=True)
        broken = [each.broken(said) for each, said in given if not isinstance(said, Silence)]
        doubts = [text for text in (*seen.flaws, *broken) if text]
        facts = {DOUBTS: doubts} if doubts else {}
        written = seen.probed in (None, [[seen.marker]])
        return Done(facts=facts) if written else self._probe(seen, facts)

    def _stopped(self, tick: Tick) -> Decision:
        """Somebody was silent before all was read."""
        why = tick.seen.silence.why if tick.seen.silence else "nothing more was answered"
        if tick.mode == "ungraceful" and tick.waited > self.within:
            return Done(UNKNOWN, {**self._facts(tick), "why": why})
        return Wait(f"{tick.seen.progress.reached}: {why}")

    def _judged(self, tick: Tick, gave: Mapping[Invariant, Said]) -> Decision:
        """Of what has been read to its end."""
        seen, facts = tick.seen, self._facts(tick)
        if silent := [f"{each.name}: {said.why}" for each, said in gave.items() if isinstance(said, Silence)]:
            return Wait(f"no answer to {'; '.join(silent)}")
        given = [each.broken(said) for each, said in gave.items() if not isinstance(said, Silence)]
        if broken := "; ".join(text for text in given if text):
            if tick.mode == "ungraceful" and tick.waited > self.patience:
                return Done(BROKEN, {**facts, "invariants": broken})
            return Wait(f"not all invariants hold: {broken}")
        if seen.progress.keys:
            return Done(DIFFERENT, facts)
        if tick.mode == "graceful":
            lacks = self._lacks(seen)
            return Wait(lacks) if lacks else Done(facts=facts)
        return (
            Done(UNKNOWN, {**facts, "why": seen.progress.alone}) if seen.progress.alone else Done(facts=facts)
        )

    def _lacks(self, seen: Seen) -> str:
        """What keeps the other Region from having all that was written when this began; "" for nothing."""
        if isinstance(seen.logs, Silence):
            return f"nobody says how far {self.other} has written the log: {seen.logs.why}"
        log = log_of(seen.logs, self.other)
        if log is None or seen.progress.log is None:
            return f"{self.members[self.region]} does not tell how far {self.other} has written the log"
        if log < seen.progress.log:
            return f"{self.other} has not yet written all of the log of {self.region}"
        return ""

    def _facts(self, tick: Tick) -> dict[str, Any]:
        progress = tick.seen.progress
        read = ", ".join(f"{table} {count}" for table, count in sorted(progress.rows.items()))
        facts: dict[str, Any] = {"rows": read} if read else {}
        if self.invariants:
            facts["invariants"] = "all hold"
        if progress.keys:
            facts |= counts(progress.keys) | ({"more": True} if progress.more else {})
        if tick.owed:
            until = f"what {self.other} takes until fenced there: {first_few(sorted(tick.owed))}"
            facts |= {"fences_owed": len(tick.owed), "not_compared": until}
        return facts


handler = lambda_handler(AuroraDataMatches)
