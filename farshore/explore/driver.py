"""Plays one seed: what comes before its run, the run itself, and what a person does afterwards.

It stands on the twin's doubles and its own engine, and its data is in memory. What runs on it is the
runbook's own machines and the real step code, as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from functions.run import SCHEDULED, Mode
from twin.application import Promise, serving
from twin.faults import EarlierAnswers, Request

from ..checkers.final_state import Circumstances, FinalState
from ..compile.modes import modes_of
from ..compile.starts import ALARMS_START
from ..runbook.model import Runbook
from ..simulate.final import AtFirst, AtItsEnd, RunFacts, at_first, at_its_end, final_state, lease_taken
from ..simulate.fingerprint import fingerprint
from ..simulate.simulation import Simulation
from .circumstances import circumstances, false_alarm
from .data import Figures, Outcome, broken
from .forks import Forks
from .injector import Injected, Injector
from .kinds import answers_stale, kind_of, kinds_of
from .person import REDRIVABLE, Person
from .recorder import Recorder
from .replies import ExploringOutside, RecordingOutside, Replies
from .seam import Seam
from .seed import OPPOSITE, Seed

DICE = 1
"""Of the latencies: a run's faults tell it from others, not its dice."""
WARM_UP = 90.0
"""Seconds before the beginning: by then all that is sampled has been."""
LONGEST = 3 * 3600.0
"""Seconds after which a run that has not ended never will."""
REPAIRS = 2
"""How often a person repairs."""
AFTERMATH = 100.0
"""Seconds after the end in which whatever is still under way arrives, and the schedule has run once."""
DEBTS_PAID = 1800.0
"""Seconds in which a fence that is owed to a Region that answers again must be confirmed."""

GIVEN_BACK = 300.0
"""Seconds in which what a run took away that has ended before it moved anything must be given back: by then
the schedule has found it, and the quiet time has passed."""


class NeverBegan(Exception):
    """What must come before a run did not succeed, with nothing in its way."""


class Driver:
    """Of one seed. With a `recorder` its outcome has every call; with `forks` it may go on as another."""

    def __init__(
        self, runbook: Runbook, seed: Seed, recorder: Recorder | None = None, forks: Forks | None = None
    ) -> None:
        self.simulation = Simulation(
            runbook,
            DICE,
            data="memory",
            backed="doubles",
            naming=self._name,
            outside=RecordingOutside if recorder else ExploringOutside,
        )
        self.on_begin: list[Callable[[], None]] = []
        """Called when everything is in place, just before the run that the seed is about begins."""
        self.injected: Sequence[Injected] = ()
        """What has gone wrong so far; nothing, before the run that the seed is about."""
        self.main = ""
        """The execution that the seed is about."""
        self._goes_on, self._at_its_end = True, AtItsEnd()
        self._recorder, self._forks = recorder, forks
        self._seed, self._runbook, self._clock = seed, runbook, self.simulation.clock
        self._begun: Counter[str] = Counter()
        self._known, self._unscheduled = 0, list[str]()
        """Of how many executions `_moving` knows which they are, and those."""
        self._lost_before: Sequence[Promise] = ()
        """Writes that a run before lost, which could not go but as one that may."""
        self._triggered: list[str] = []
        self.simulation.on_alarm.append(lambda execution, alarm: self._triggered.append(execution))

    def play(self) -> Outcome:
        """What breaks the twin itself is a breach, too: nothing may go unsaid."""
        try:
            with self.simulation:
                return self._play()
        except NeverBegan as why:
            return broken(self._seed, str(why))
        except Exception as error:
            return broken(self._seed, f"the simulation itself broke: {type(error).__name__}: {error}")

    def _play(self) -> Outcome:
        self._furnish()
        self._before()
        self._begin()
        self._run()
        first = self._after()
        self._clock.wait_for(self._caught_up, LONGEST)  # until then nobody knows what is lost
        final = self._final(first)
        outcome = self._outcome(final)
        if final.last.status == "SUCCEEDED" and self._differs(outcome):
            self._go_back(final)
            outcome.breaches = tuple(self.simulation.checkers.breaches)
        return outcome

    def _name(self, procedure: str) -> str:
        """Of its next execution. Counted by procedure, so that a point means the same run whatever happens
        before it."""
        self._begun[procedure] += 1
        return f"{procedure}-{self._begun[procedure]}"

    # The acts.

    def _furnish(self) -> None:
        """Everything is as while all is well, and there is a person."""
        self.person = Person(self.simulation, self._seed.mode)
        self.person.on_approval.append(self.simulation.checkers.on_approval)
        self.simulation.on_call.append(self.person.reads)
        self.simulation.customers.come_barely()
        self._clock.sleep(WARM_UP)
        self._well = self.simulation.application.settings()

    def _mode_of(self, procedure: str) -> Mode:
        """In which a run goes that is not what the seed is about."""
        return modes_of(self.simulation.runbook, procedure)[0]

    def _before(self) -> None:
        """What must have happened before the run that the seed is about."""
        earlier: tuple[str, ...] = {"failback": ("failover",), "recovery": ("outage",)}.get(
            self._seed.procedure, ()
        )
        for kind in kinds_of(self._seed):
            earlier = kind.before(earlier, self._seed.procedure) if kind.before else earlier
        for procedure in earlier:
            execution = self.simulation.begin(procedure, {"mode": self._mode_of(procedure)})
            self._clock.wait_for(self._ended(execution), LONGEST)
            if (report := self.simulation.report(execution)).status != "SUCCEEDED":
                raise NeverBegan(
                    f"{self._seed.procedure} never began: with nothing in its way, {procedure} before it "
                    f"ended {report.status}: {report.why or 'for no reason that is known'}"
                )
            self._clock.sleep(5)
            if self.simulation.purpose(procedure) == "move":  # names have turned
                self._clock.wait_for(lambda: bool(serving(self.simulation.application)), GIVEN_BACK)
            if self._mode_of(procedure) == "ungraceful":
                self._clock.wait_for(self._caught_up, LONGEST)
                self._lost_before, self.simulation.tally.loss_accepted_at = self.simulation.lost(), None

    def _begin(self) -> None:
        self._paged = self.simulation.tally.pages
        self.simulation.checkers.begin()
        if self._recorder is not None:
            self.simulation.cloud.faults.earlier = self._recorder.earlier
        elif self._forks is not None or answers_stale(self._seed):
            self.simulation.cloud.faults.earlier = EarlierAnswers()
        self.injector = Injector(self.simulation, self.person, self._seed)
        self.injected = self.injector.injected
        self._seam = Seam(
            self.simulation, self.injector, self._recorder, self._forks, self.stands, self.figures
        )
        self._seam.begin()
        for act in self.on_begin:
            act()

    def _run(self) -> None:
        seed, name = self.injector.seed, f"{self._seed.procedure}-{self._begun[self._seed.procedure] + 1}"
        rules = self.simulation.alarm_rules
        if any(fault.kind == "alarm" for fault in seed.faults):
            mine = next(rule for rule in rules if rule.mode == seed.mode)
            self.simulation.started_by_alarm(mine.given)
            self.main = self._triggered[0]
        elif self._alarm_starts(seed):
            self._clock.wait_for(lambda: bool(self._triggered), LONGEST)
            self.main = self._triggered[0]
        else:
            self.simulation.begin(seed.procedure, {"mode": seed.mode})
            # Not what `begin` answers: a second trigger at its very call may have been quicker.
            self.main = next(arn for arn in self.simulation.executions if arn.endswith(f":{name}"))
        self._clock.wait_for(self._over, LONGEST + self.person.away)
        if self.person.hasty:
            self.person.hasty = False
            other = OPPOSITE[seed.procedure]
            self.simulation.begin(other, {"mode": self._mode_of(other)})
            self._clock.wait_for(self._quiet, LONGEST)

    def _alarm_starts(self, seed: Seed) -> bool:
        """Its faults raise the alarm, and whichever comes first starts just this run. A person starts a run
        in another mode, and sooner: the alarm's is then a second one, and is refused."""
        if false_alarm(seed, self._runbook):
            return True
        raised = any(kind_of(fault).alarm(fault, self._runbook) for fault in seed.faults)
        region, rules = self._runbook.regions.standby, self.simulation.alarm_rules
        there = all(self.simulation.metrics.has_alarm(region, rule.alarm) for rule in rules)
        return raised and there and seed.procedure == ALARMS_START and {r.mode for r in rules} == {seed.mode}

    def _after(self) -> AtFirst:
        """Whatever is under way arrives; what failed is repaired, once nothing is in its way any more.

        How everything stood before that."""
        tally, clock = self.simulation.tally, self._clock
        if self._goes_on:
            self._at_its_end = at_its_end(self.simulation, self._well)
        clock.sleep(AFTERMATH)
        self.injector.cease()
        clock.wait_for(self._quiet, LONGEST)
        clock.wait_for(lambda: not tally.owes, DEBTS_PAID)
        if not self.simulation.may_have_moved(self.main):
            clock.wait_for(lambda: bool(serving(self.simulation.application)), GIVEN_BACK)
        first = at_first(self.simulation, self.main, self._at_its_end)
        self._at_end = self.figures()
        while (failed := self._to_repair()) and len(self.person.repaired) < REPAIRS:
            clock.wait_for(self._caught_up, LONGEST)
            clock.sleep(AFTERMATH)
            clock.wait_for(self._quiet, LONGEST)
            if self._to_repair() == failed:  # and no alarm has started another meanwhile
                self.person.repairs(failed)
                clock.wait_for(self._quiet, LONGEST)
        clock.wait_for(lambda: not tally.owes, DEBTS_PAID)
        clock.sleep(AFTERMATH)  # names have turned by then
        clock.wait_for(self._quiet, LONGEST)
        return first

    def _final(self, first: AtFirst) -> FinalState:
        """How everything stands, and what the checkers say of it."""
        seed = self.injector.seed
        said = circumstances(seed, self._runbook, self.main, self.injected)
        return self._checked(said, first, repaired=bool(self.person.repaired), lost=self._lost_before)

    def _outcome(self, final: FinalState) -> Outcome:
        simulation = self.simulation
        outcome = Outcome(self.injector.seed, final.status, tuple(simulation.checkers.breaches))
        outcome.end, outcome.figures = self.stands(), {"": self._at_end}
        excuses = final.circumstances.excuses if final.status != "SUCCEEDED" else ()
        outcome.excused = (*dict.fromkeys(excuses), *simulation.checkers.excused())
        if self._recorder is not None:
            replies = Replies(simulation.cloud, simulation.deployment.outside)
            outcome.calls = list(self._recorder.calls(replies))
            outcome.fingerprints = self._seam.fingerprints
            outcome.figures = {**self._seam.figures, "": self._at_end}
        return outcome

    def _differs(self, outcome: Outcome) -> bool:
        """No run that ended like this has gone back yet."""
        return self._forks is None or outcome.end not in self._forks.ends

    def _go_back(self, final: FinalState) -> None:
        """The way back, with nothing in its way: what was forgotten on the way there is missed now."""
        simulation, records = self.simulation, self.simulation.operator.records()
        broken = any(memory.owner == "outage" for memory in records.memories)
        back = OPPOSITE.get(final.last.procedure, "")
        for procedure in [*(["recovery"] if broken else []), *([back] if back else [])]:
            self._clock.wait_for(self._caught_up, LONGEST)
            simulation.tally.loss_accepted_at = None
            mode = self._mode_of(procedure)
            self.main = simulation.begin(procedure, {"mode": mode})
            self._clock.wait_for(self._quiet, LONGEST)
            self._clock.sleep(AFTERMATH)
            self._clock.wait_for(self._quiet, LONGEST)  # an alarm may have started another
            self._clock.wait_for(lambda: not simulation.tally.owes, DEBTS_PAID)
            first = at_first(simulation, self.main, at_its_end(simulation, self._well))
            self._checked(Circumstances(may_lose=mode == "ungraceful"), first, lost=final.lost)

    def _checked(
        self, said: Circumstances, first: AtFirst, repaired: bool = False, lost: Sequence[Promise] = ()
    ) -> FinalState:
        """`lost` is what was lost before the run that it is about."""
        facts = RunFacts(
            circumstances=said,
            main=self.main,
            first=first,
            reports={arn: self.simulation.report(arn) for arn in self._in_order_of_their_ends()},
            well=self._well,
            triggered=frozenset(self._triggered),
            repaired=repaired,
            lost=lost,
        )
        final = final_state(self.simulation, facts)
        self.simulation.checkers.on_end(final)
        self.simulation.checkers.on_run_end(final.last)
        return final

    # What is asked meanwhile.

    def _over(self) -> bool:
        """Quiet. Whenever the run that all is about has ended, as it may more than once, notes who was served
        just then."""
        running = self.simulation.running(self.main)
        if self._goes_on and not running:
            self._at_its_end = at_its_end(self.simulation, self._well)
        self._goes_on = running
        return self._quiet()

    def _quiet(self) -> bool:
        """Asked after every event: the newest first, which is likeliest to run."""
        if self.person.busy:
            return False
        return not any(map(self.simulation.running, reversed(self._moving())))

    def _moving(self) -> list[str]:
        """All executions but those that pay debts or write heartbeats, in the order of their beginnings."""
        every = self.simulation.executions
        if len(every) > self._known:
            new = list(every)[self._known :]
            self._unscheduled += [execution for execution in new if not self._settles(execution)]
            self._known = len(every)
        return self._unscheduled

    def _settles(self, execution: str) -> bool:
        """It only pays debts, or writes heartbeats."""
        return self.simulation.purpose(self.simulation.executions[execution][0]) in SCHEDULED

    def _ended(self, execution: str) -> Callable[[], bool]:
        return lambda: self.simulation.status(execution) != "RUNNING"

    def _caught_up(self) -> bool:
        application = self.simulation.application
        return all(
            dataset.caught_up(region) for dataset in application.datasets for region in application.regions
        )

    def _own(self) -> list[str]:
        """The run that the seed is about and all after it, but those that pay debts."""
        return self._moving()[self._moving().index(self.main) :]

    def _to_repair(self) -> str:
        """The run that took the lease last, if it did not end well; "" otherwise."""
        held = [execution for execution in self._own() if lease_taken(self.simulation, execution)]
        last = max(held, key=lambda execution: lease_taken(self.simulation, execution), default=self.main)
        return last if self.simulation.engine.status(last) in REDRIVABLE else ""

    def _in_order_of_their_ends(self) -> Sequence[str]:
        """A run has come to its end when it ended, or had lost the lease to another."""
        taken = {arn: lease_taken(self.simulation, arn) for arn in self._moving()}

        def end(execution: str) -> float:
            later = [at for at in taken.values() if at > taken[execution] > 0]
            return min([self.simulation.engine.executions[execution].stopped, *later])

        return sorted(self._own(), key=end)

    def figures(self) -> Figures:
        """What the run that the seed is about has come to yet."""
        execution, measured = f"{self._seed.execution}/", self.simulation.checkers.figures()
        ticks = [ticks for of, ticks in self.simulation.deployment.ticks.items() if of.startswith(execution)]
        return Figures(
            round(measured["unserved_seconds"], 3),
            round(measured["exposure_seconds"], 3),
            self.simulation.tally.pages - self._paged,
            sum(map(len, ticks)),
        )

    def stands(self, request: Request | None = None) -> str:
        """How everything stands, at a call by which a machine asks for a state's first tick, or now.

        A run that was repaired has failed: it never stands as its baseline run, though it may end like it."""
        return fingerprint(
            self.simulation,
            request.parameters["Payload"] if request else None,
            self.injector.to_come(),
            self.person.state(),
            self.person.repaired if request else None,
        )
