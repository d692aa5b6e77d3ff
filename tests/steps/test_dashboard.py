"""One dashboard shows both Regions: the real handler against the twin's dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prepared import allowed, policy_of

from farshore.testing.ticker import EAST, WEST, Ticker, ticking
from functions.steps.dashboard import Dashboard
from twin.services.cloudwatch.dashboards import Dashboards

NAME = "both-regions"


def cpu(service: str) -> dict[str, Any]:
    return {"namespace": "AWS/ECS", "metric": "CPUUtilization", "dimensions": {"ServiceName": service}}


INPUTS = {
    "dashboard": NAME,
    "metrics": {EAST: [cpu("orders"), cpu("likes")], WEST: [cpu("orders"), cpu("likes")]},
    "within": 120,
}
TEXT = {"type": "text", "x": 0, "y": 0, "width": 24, "height": 3, "properties": {"markdown": "hello"}}


def graph(region: str, *rows: list[Any], y: int = 3) -> dict[str, Any]:
    where = {"type": "metric", "x": 0, "y": y, "width": 12, "height": 6}
    return {**where, "properties": {"metrics": list(rows), "region": region, "title": "theirs"}}


ORDERS, LIKES = (["AWS/ECS", "CPUUtilization", "ServiceName", name] for name in ("orders", "likes"))


class Scene(Ticker):
    """A dashboard that shows the primary alone, as the workshop's people leave it."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.dashboards = Dashboards(cloud)
        self.shows(TEXT, graph(EAST, ORDERS, LIKES))
        self.deploy(Dashboard)
        self.hold()

    def shows(self, *widgets: Any, **more: Any) -> None:
        self.dashboards.bodies[NAME] = json.dumps({"start": "-PT6H", **more, "widgets": widgets})

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.dashboards.bodies[NAME]))

    def run(self, **more: Any) -> dict[str, Any]:
        return self.converge("dashboard", INPUTS | more, purpose="prepare")

    def wrong(self, **more: Any) -> str:
        return self.fails("dashboard", INPUTS, purpose="prepare", **more)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ticking(1, Scene) as scene:
        assert isinstance(scene, Scene)
        yield scene


def test_the_missing_regions_metrics_get_widgets_below_the_others_which_stay_as_they_are(
    scene: Scene,
) -> None:
    before = scene.body
    assert scene.run() == {"outcome": "done", "facts": {"widgets": 4}}
    after = scene.body
    assert after["start"] == "-PT6H"
    assert after["widgets"][:2] == before["widgets"]
    added = after["widgets"][2:]
    assert [(each["x"], each["y"]) for each in added] == [(0, 9), (12, 9)]
    assert {each["properties"]["region"] for each in added} == {WEST}
    assert [each["properties"]["metrics"] for each in added] == [[ORDERS], [LIKES]]
    assert scene.calls("PutDashboard") == ["PutDashboard"]


def test_again_it_changes_nothing(scene: Scene) -> None:
    scene.run()
    scene.calls()
    assert scene.run()["outcome"] == "done"
    assert scene.calls("PutDashboard") == []


@pytest.mark.parametrize(
    "rows",
    [
        [ORDERS, ["...", "likes"]],
        [ORDERS, [".", ".", ".", "likes"]],
        [[*ORDERS, {"visible": False}], ["...", "likes", {"color": "#fff"}]],
        [[{"expression": "m1 * 2"}], ORDERS, LIKES],
    ],
)
def test_short_forms_of_metrics_are_read(scene: Scene, rows: list[Any]) -> None:
    scene.shows(graph(EAST, *rows), graph(WEST, *rows))
    scene.run()
    assert scene.calls("PutDashboard") == []


def test_a_metric_may_be_of_another_region_than_its_widget(scene: Scene) -> None:
    abroad = [[*row, {"region": WEST}] for row in (ORDERS, LIKES)]
    scene.shows(graph(EAST, ORDERS, LIKES, *abroad))
    scene.run()
    assert scene.calls("PutDashboard") == []


def test_a_metric_of_other_dimensions_is_another(scene: Scene) -> None:
    scene.shows(graph(EAST, ORDERS, LIKES), graph(WEST, ORDERS, LIKES[:2]))
    scene.run()
    assert [each["properties"]["metrics"] for each in scene.body["widgets"][2:]] == [[LIKES]]


def test_a_dashboard_that_is_not_there_is_made(scene: Scene) -> None:
    del scene.dashboards.bodies[NAME]
    assert scene.run()["facts"] == {"widgets": 4}


def test_a_dry_run_says_what_it_would_show(scene: Scene) -> None:
    plan = scene.tick("dashboard", INPUTS, purpose="prepare", input={"mode": "graceful", "dry_run": True})
    assert plan["outcome"] == "would change"
    assert plan["why"] == (
        f"show CPUUtilization of orders in {WEST}; CPUUtilization of likes in {WEST} on {NAME}"
    )
    assert scene.calls("PutDashboard") == []


def test_what_aws_warns_of_our_own_widget_is_refused(scene: Scene) -> None:
    warned = {"DataPath": "/widgets/2/properties/metrics/0", "Message": "no such statistic"}
    put = scene.dashboards.operations()["PutDashboard"]
    scene.cloud.serve(
        "cloudwatch",
        "PutDashboard",
        lambda request: {**put(request), "DashboardValidationMessages": [warned]},
    )
    said = scene.wrong()
    assert said == (
        f"Refused: the state: CloudWatch says of CPUUtilization of orders in {WEST} on {NAME}: no such "
        "statistic: correct its metric"
    )


def test_what_aws_warns_of_others_widgets_is_told(scene: Scene) -> None:
    odd = graph(EAST, ORDERS, LIKES)
    del odd["properties"]["region"]
    scene.shows(TEXT, odd)
    assert scene.run()["facts"] == {
        "widgets": 6,
        "warnings": ["/widgets/1/properties/region: Should have a region"],
    }


@pytest.mark.parametrize("body", ["{", "[" * 100_000, "[]", '{"widgets": 1}', '{"widgets": ["a"]}'])
def test_a_body_that_is_none_is_not_overwritten(scene: Scene, body: str) -> None:
    scene.dashboards.bodies[NAME] = body
    assert f"dashboard {NAME} has a body that is none: correct it in the console" in scene.wrong()
    assert scene.dashboards.bodies[NAME] == body


@pytest.mark.parametrize("place", [{"y": "6"}, {"height": None}, {"y": 1e999}])
def test_a_widget_whose_place_nobody_understands_stays_and_is_in_nobodys_way(
    scene: Scene, place: Any
) -> None:
    odd = {**TEXT, **place}
    scene.shows(odd)
    assert scene.run()["outcome"] == "done"
    assert scene.body["widgets"][0] == odd


def test_too_many_widgets_are_refused(scene: Scene) -> None:
    scene.shows(*[TEXT] * 499)
    assert "has 499 widgets, and may have 500: remove some" in scene.wrong()


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "503", "throttled", "slow"])
def test_a_lost_answer_writes_no_second_widget(scene: Scene, kind: Any) -> None:
    scene.inject(kind, "PutDashboard")
    assert scene.run()["outcome"] == "done"
    assert len(scene.body["widgets"]) == 4


def test_nothing_is_written_upon_a_stale_answer(scene: Scene) -> None:
    """It would take away what somebody has just added."""
    bodies = iter(['{"widgets": []}', scene.dashboards.bodies[NAME]])
    scene.cloud.serve("cloudwatch", "GetDashboard", lambda request: {"DashboardBody": next(bodies)})
    assert scene.wrong() == f"NotYet: the state: dashboard {NAME} changes while it is read"
    assert scene.calls("PutDashboard") == []


def test_a_hollow_answer_and_a_dark_region_are_waited_for(scene: Scene) -> None:
    scene.inject("hollow", "GetDashboard", times=2)
    assert scene.wrong() == f"NotYet: the state: dashboard {NAME}: its body was not told"
    scene.cloud.faults.dark.add(WEST)
    assert scene.wrong().startswith(f"NotYet: the state: dashboard {NAME}: cloudwatch:GetDashboard in {WEST}")


def test_the_dark_primary_keeps_nobody_from_it(scene: Scene) -> None:
    scene.cloud.faults.dark.add(EAST)
    assert scene.run()["outcome"] == "done"


def test_its_policy_names_the_dashboard_and_is_enough(scene: Scene, tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "dashboard", INPUTS)
    assert allowed(policy)["cloudwatch:PutDashboard"] == [f"cloudwatch::123456789012:dashboard/{NAME}"]
    scene.deploy(Dashboard, policy=policy)
    assert scene.run()["outcome"] == "done"
