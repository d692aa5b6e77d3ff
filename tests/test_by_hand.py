"""A rehearsal that a person leads: what is pulled, started, decided, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

import pytest
import samples
from led_by_hand import PRIMARY, STANDBY, Scripted, a_dark_game_day
from own_shop import KIOSK, SHOP

from farshore.checkers.checker import Subject
from farshore.checkers.checkers import Checkers
from farshore.commands._report_file import documents, verdict_of
from farshore.operate.trouble import Trouble
from farshore.runbook.load import load
from farshore.simulate.by_hand import Act
from farshore.simulate.plugs import HOWS
from farshore.simulate.report import DARK, Scene
from functions.planned import Planned
from twin.faults import Ailment


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """Of a game day that goes dark, with a plan that waits."""
    return a_dark_game_day()


def test_nobody_who_does_nothing_has_approved() -> None:
    day = Scripted({310: Act("pull", PRIMARY, "dark"), 1800: Act("mend", PRIMARY)}, until=2400).play()
    failover = next(run for run in day.report.runs if run.procedure == "failover")
    assert failover.status == "FAILED"
    assert [each.kind for each in day.report.moments if "FAILED" in each.text] == ["failed"]
    assert "nobody has decided" in failover.why
    assert all(not each["decisions"] for each in day.report.course["plans"])


def test_a_plan_that_is_declined_moves_nothing_and_gives_back() -> None:
    declined: list[str] = []

    def declines(scene: Scene) -> Act | None:
        if scene.plan is None or scene.plan.hash in declined:
            return None
        declined.append(scene.plan.hash)
        return Act("decline", scene.plan.hash)

    start = Act("start", "failover", "graceful")
    day = Scripted({310: start}, until=600).deciding(declines).play()
    (failover,) = day.report.runs
    assert failover.undone
    assert day.scenes[-1].regions[PRIMARY].has_customers
    assert day.report.breaches == []
    assert day.report.data["lost"] == []


def test_a_decision_on_a_plan_that_is_not_the_one_is_none() -> None:
    day = Scripted(
        {310: Act("start", "failover", "graceful"), 360: Act("approve", "0" * 12)}, until=420
    ).play()
    assert any("is not pending any more" in moment.text for moment in day.report.moments)
    assert all(not each["decisions"] for each in day.report.course["plans"])


@pytest.mark.parametrize(
    ("plug", "felt"),
    [
        (f"function unicorn-shop-users {PRIMARY}", True),
        (f"bucket active-primary-uibucket {PRIMARY}", False),
        (f"s3/{PRIMARY}", False),  # the edge turns to the other bucket
        (PRIMARY, True),
        (f"cloudwatch/{STANDBY}", False),
    ],
)
def test_what_is_pulled_is_felt_or_not_and_given_back(plug: str, felt: bool) -> None:
    day = Scripted({310: Act("pull", plug, "dark"), 370: Act("mend", plug)}, until=500).play()
    pulled = [is_pulled(scene, plug) for scene in day.scenes]
    assert [on for on, _ in groupby(pulled)] == [False, True, False]
    during = [scene for scene, is_off in zip(day.scenes, pulled, strict=True) if is_off]
    assert (during[-1].failed > 0) is felt
    assert day.scenes[-1].failed == 0
    assert day.report.runs == []


def is_pulled(scene: Scene, name: str) -> bool:
    assert scene.hands is not None
    return next(bool(plug.how) for plug in scene.hands.plugs if plug.name == name)


def test_where_replication_is_stopped_the_lag_grows_until_it_is_given_back() -> None:
    stop = "replication users"
    day = Scripted({310: Act("pull", stop), 370: Act("mend", stop)}, until=400).play()
    lags = {scene.at: lag_of(scene) for scene in day.scenes if scene.at > 300}
    longest = max(lags.values())
    assert longest == pytest.approx(60, abs=5)
    assert lags[max(lags)] < 5


def lag_of(scene: Scene) -> float:
    return next(row.lag or 0.0 for row in scene.regions[STANDBY].rows if row.name == "users")


def test_a_place_can_be_away_in_each_way_that_the_twin_knows() -> None:
    assert set(HOWS) == {DARK, *get_args(Ailment)}


def test_there_are_plugs_for_what_the_twin_has_and_none_for_farshore_itself(scenes: list[Scene]) -> None:
    assert scenes[0].hands is not None
    plugs = {plug.name for plug in scenes[0].hands.plugs}
    assert {PRIMARY, STANDBY, f"rds/{PRIMARY}", f"function unicorn-shop-users {STANDBY}"} <= plugs
    assert not [name for name in plugs if "farshore" in name or "ecs" in name]
    (day,) = [Scripted({}, until=302, app=str(KIOSK)).play()]
    assert day.scenes[0].hands is not None
    others = {plug.name for plug in day.scenes[0].hands.plugs}
    assert "ecs/us-east-2" in others
    assert not [name for name in others if name.startswith("rds")]


def test_what_a_person_ends_while_a_run_is_under_way_says_so_and_how_everything_stands() -> None:
    day = Scripted({310: Act("pull", PRIMARY, "dark")}, until=600).play()
    assert day.report.stand is not None
    assert not day.scenes[-1].regions[PRIMARY].dark, "what was pulled is given back"
    assert "it was ended while unicorn-shop-failover/failover-" in day.report.stand.stopped
    assert not day.report.ok


def approves(scene: Scene) -> Act | None:
    """Each plan, as soon as it is there, and again until it is decided on."""
    return None if scene.plan is None else Act("approve", scene.plan.hash)


USERS = f"function unicorn-shop-users {PRIMARY}"


def test_each_outage_is_measured_by_itself() -> None:
    twice = {
        310: Act("pull", USERS),
        334: Act("mend", USERS),
        1534: Act("pull", USERS),
        1540: Act("mend", USERS),
    }
    day = Scripted(twice, until=1600).play()
    first, second = (outage["seconds"] for outage in day.report.course["outages"])
    assert first == pytest.approx(30, abs=9)
    assert second == pytest.approx(9, abs=7)
    assert day.report.clients["rto_seconds"] == first
    said = verdict_of(day.report.as_json())
    assert "without service 2 times" in said
    assert "Function unicorn-shop-users in us-east-1 was throttled from 5:11 to 5:35." in said


def test_who_pulled_nothing_is_not_said_to_have_and_customers_were_never_without() -> None:
    day = Scripted({}, until=330).play()
    said = verdict_of(day.report.as_json())
    assert "pulled" not in said
    assert "never without service" in said


@pytest.mark.parametrize("how", ["mute", "503", "throttled"])
def test_a_region_that_answers_badly_is_not_drawn_as_well(how: str) -> None:
    day = Scripted({310: Act("pull", PRIMARY, how)}, until=360).play()
    during = [scene for scene in day.scenes if is_pulled(scene, PRIMARY)][-1]
    region = during.regions[PRIMARY]
    assert region.away == how
    told = [moment.text for moment in day.report.moments if moment.kind == "outage"]
    assert told == [f"Region {PRIMARY} is {'answering 503' if how == '503' else how}"]
    assert region.failed > 0
    assert not region.dark


@samples.of("globalflix")
def test_customers_who_have_moved_by_themselves_are_drawn_where_they_are() -> None:
    """Globalflix's players do, while the plan waits."""
    app = str(samples.path_of("globalflix"))
    day = Scripted({310: Act("pull", "us-west-2", "dark")}, until=480, app=app).play()
    waiting = next(scene for scene in reversed(day.scenes) if scene.plan)
    assert waiting.regions["eu-west-1"].done > 0
    assert waiting.regions["eu-west-1"].has_customers
    assert not waiting.regions["us-west-2"].has_customers


@pytest.mark.parametrize(
    "app", [SHOP, KIOSK, *(samples.case(each, samples.path_of(each)) for each in samples.NAMES)]
)
def test_each_visit_is_counted_in_one_region_and_the_line_is_the_reports(app: Path) -> None:
    primary = load(app).regions.primary
    script = {310: Act("pull", primary, "dark"), 340: Act("mend", primary)}
    day = Scripted(script, until=400, app=str(app)).play()
    for scene in day.scenes:
        assert sum(each.done for each in scene.regions.values()) == scene.done
        assert sum(each.failed for each in scene.regions.values()) == scene.failed
    fared, told = day.scenes[-1].fared, day.report.course["visits"]
    until = fared[-1].at
    for what in ("done", "failed"):
        ended, begun = (sum(each[what] for each in told if each["at"] < until - past) for past in (5, 0))
        assert ended <= sum(getattr(each, what) for each in fared) <= begun


def test_what_a_run_has_fenced_is_no_plug_that_was_pulled_and_giving_back_leaves_the_fence() -> None:
    script = {
        305: Act("pull", USERS),
        310: Act("start", "failover", "graceful"),
        700: Act("mend", USERS),
    }
    day = Scripted(script, until=760).deciding(approves).play()
    assert [run.status for run in day.report.runs] == ["SUCCEEDED"]
    assert [on for on, _ in groupby(is_pulled(scene, USERS) for scene in day.scenes)] == [False, True, False]
    catalogue = f"function unicorn-shop-unicorns {PRIMARY}"
    assert not any(is_pulled(scene, catalogue) for scene in day.scenes)
    entry = next(row for row in day.scenes[-1].regions[PRIMARY].rows if row.name == "entry")
    assert not entry.serves, "the Region that the run has left stays fenced"
    assert day.report.breaches == []


def test_a_decision_is_taken_once_and_the_next_is_told_that_it_is_on_its_way() -> None:
    said: list[str] = []

    def approves_and_regrets(scene: Scene) -> Iterator[Act]:
        if scene.plan is not None and scene.plan.hash not in said:
            said.append(scene.plan.hash)
            yield Act("approve", scene.plan.hash)
            yield Act("decline", scene.plan.hash)

    start = {310: Act("start", "failover", "graceful")}
    day = Scripted(start, until=700).deciding(approves_and_regrets).play()
    assert [said["said"] for each in day.report.course["plans"] for said in each["decisions"]] == ["approve"]
    assert any("your yes is on its way" in moment.text for moment in day.report.moments)
    assert [run.status for run in day.report.runs] == ["SUCCEEDED"]
    assert any(scene.plan and scene.plan.deciding == "approve" for scene in day.scenes)


def test_an_approval_that_the_ledger_did_not_take_is_none_for_whoever_checks() -> None:
    approved: list[str] = []
    day = Scripted({310: Act("start", "failover", "graceful")}, until=420).deciding(approves)
    day.preparing = lambda it: it.simulation.__dict__.update(
        decide=never_taken, checkers=Listening(it.simulation, approved)
    )
    day.play()
    assert approved == []


class Listening(Checkers):
    """Writes down what was approved."""

    def __init__(self, subject: Subject, approved: list[str]) -> None:
        super().__init__(subject)
        self._approved = approved

    def on_approval(self, execution: str, plan: Mapping[str, Planned]) -> None:
        self._approved.append(execution)


def never_taken(*_: Any) -> None:
    raise Trouble("the ledger has not taken it")


def test_a_run_that_was_refused_the_lease_is_not_what_the_report_or_the_picture_is_about() -> None:
    """The alarm starts a second one, while the person's is under way."""
    script = {
        310: Act("pull", PRIMARY, "dark"),
        320: Act("start", "failover", "ungraceful"),
        760: Act("mend", PRIMARY),
    }
    day = Scripted(script, until=1000).deciding(approves).play()
    assert any("Refused" in moment.text for moment in day.report.moments)
    assert [(run.procedure, run.status) for run in day.report.runs] == [("failover", "SUCCEEDED")]
    assert "FAILED" not in verdict_of(day.report.as_json())
    run = day.scenes[-1].run
    assert run is not None
    assert not [state for state in run.states if state.outcome == "Refused"]
    assert day.report.breaches == []
    assert "led by hand" in documents(day.report.as_json())["report.html"]


def test_a_run_that_a_person_leaves_under_way_is_one_breach() -> None:
    day = Scripted({310: Act("start", "failover", "graceful")}, until=360).play()
    assert len(day.report.breaches) == 1
    assert "it was ended while" in day.report.breaches[0].story


def test_a_run_that_is_started_twice_at_once_is_one() -> None:
    start = Act("start", "failover", "graceful")
    day = Scripted({310: start, 311: start}, until=330).play()
    said = [moment.text for moment in day.report.moments if moment.kind == "start"]
    assert sorted(said) == [
        "failover is being started already",
        "unicorn-shop-failover is started in us-west-1, graceful",
    ]


def test_what_is_at_risk_and_since_when_customers_are_without_service_is_known_meanwhile() -> None:
    script = {310: Act("pull", "replication users"), 320: Act("pull", PRIMARY, "dark")}
    day = Scripted(script, until=380).play()
    before = next(scene for scene in day.scenes if scene.at > 305)
    assert before.outage is None
    during = day.scenes[-1 - [is_pulled(scene, PRIMARY) for scene in reversed(day.scenes)].index(True)]
    assert during.outage == pytest.approx(321, abs=5)
    assert during.at_risk > 0
    assert [mark.kind for mark in during.marks] == ["outage", "outage"]
    users = next(row for row in during.regions[STANDBY].rows if row.name == "users")
    assert users.newest is not None
    assert users.newest.at < 315, "what it has got of the other is from before replication stopped"


def test_a_plan_is_drawn_by_what_its_steps_are(scenes: list[Scene]) -> None:
    plan = next(scene.plan for scene in scenes if scene.plan)
    edges = [step.name for step in plan.steps if step.edge]
    assert edges == ["aurora_writer us-west-1"]
    silent = next(step for step in plan.steps if step.name == f"lambda_concurrency {PRIMARY}")
    assert f"lambda:GetFunctionConcurrency in {PRIMARY}: ConnectTimeoutError (" in silent.doubts[0], (
        "said once"
    )
    assert not any("doubts" in said for step in plan.steps for said in step.says)
