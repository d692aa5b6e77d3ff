"""Probes of a runbook: what is compiled of them, what the prober says, and what lint says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from own_shop import FOUR, SHOP, STAND_INS, compiled
from statelint.linter import Linter
from test_template import stands_in
from transform import parsed, transformed

from farshore.cli import farshore
from farshore.compile.compilation import compiled as derived
from farshore.compile.samconfig import stack_regions
from farshore.lint import judged
from farshore.runbook.load import load
from functions.calls import Call, Reply, Silence
from functions.outside import Outside
from functions.prober import prober

LIGHTHOUSE = STAND_INS / "lighthouse.yaml"
TEXT = LIGHTHOUSE.read_text()
WEST, CENTRAL, PARIS = "eu-west-1", "eu-central-1", "eu-west-3"
DOORS = {
    WEST: "https://api-dub.lighthouse.example/health",
    CENTRAL: "https://api-fra.lighthouse.example/health",
}


def template() -> dict[str, Any]:
    found: dict[str, Any] = transformed(compiled(LIGHTHOUSE, SHOP) / "template.yaml")
    return found


def machine() -> dict[str, Any]:
    path = compiled(LIGHTHOUSE, SHOP) / "statemachines/lighthouse-probes.asl.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


# What is compiled.


def test_a_runbook_without_probes_has_no_prober_and_no_stack_in_its_observer() -> None:
    folder = compiled(*FOUR)
    assert "Prober" not in parsed(folder / "template.yaml")["Resources"]
    assert not list((folder / "statemachines").glob("*-probes.asl.json"))
    runbook = load(SHOP)
    assert runbook.regions.observer not in stack_regions(runbook)


def test_the_prober_looks_from_the_standby_and_the_observer_and_from_nowhere_else() -> None:
    deployed = template()
    for name in ("Prober", "LighthouseProbes", "LighthouseProbesScheduled"):
        there = [region for region in (WEST, CENTRAL, PARIS) if stands_in(deployed, name, region)]
        assert there == [CENTRAL, PARIS], name
    assert stack_regions(load(LIGHTHOUSE)) == ("us-east-1", WEST, CENTRAL, PARIS)


def test_each_region_is_watched_from_every_other_and_not_from_itself() -> None:
    deployed = template()
    for of, name in ((WEST, "LighthouseFrontEuWest1"), (CENTRAL, "LighthouseFrontEuCentral1")):
        for alarm in (name, f"{name}Unseen"):
            there = [region for region in (CENTRAL, PARIS) if stands_in(deployed, alarm, region)]
            assert there == [region for region in (CENTRAL, PARIS) if region != of]
            assert not stands_in(deployed, alarm, WEST)


def test_a_minute_of_the_machine_has_a_look_every_two_seconds_and_none_takes_another_with_it() -> None:
    looks = machine()["States"]["looks"]
    begun = []
    for branch in looks["Branches"]:
        states = branch["States"]
        first = states[branch["StartAt"]]
        begun.append(first.get("Seconds", 0))
        (task,) = (state for state in states.values() if state["Type"] == "Task")
        (caught,) = task["Catch"]
        assert caught["ErrorEquals"] == ["States.ALL"]
        assert "Retry" not in task
    assert begun == list(range(0, 60, 2))
    assert looks["ResultPath"] is None


def test_statelint_finds_nothing_in_it() -> None:
    arn = "arn:aws:lambda:us-west-1:123456789012:function:a-step:1"
    assert Linter.validate(json.loads(re.sub(r"\$\{\w+\}", arn, json.dumps(machine())))) == []


def test_it_is_an_express_machine_that_is_started_each_minute_once_the_application_is_armed() -> None:
    resources = template()["Resources"]
    assert resources["LighthouseProbes"]["Properties"]["StateMachineType"] == "EXPRESS"
    rule = resources["LighthouseProbesScheduled"]["Properties"]
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert rule["State"] == {"Fn::If": ["LighthouseArmed", "ENABLED", "DISABLED"]}
    (target,) = rule["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}}


def test_the_prober_may_call_nothing_and_its_machine_the_prober_alone() -> None:
    resources = template()["Resources"]
    role = resources["ProberRole"]["Properties"]
    assert "Policies" not in role
    (managed,) = role["ManagedPolicyArns"]
    assert "AWSLambdaBasicExecutionRole" in json.dumps(managed)
    (policy,) = resources["LighthouseProbesRole"]["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": [{"Fn::Sub": "${Prober.Arn}:*"}],
        }
    ]


def test_a_lost_look_is_no_alarm_and_that_nobody_looks_pages() -> None:
    resources = template()["Resources"]
    alarm = resources["LighthouseFrontEuWest1"]["Properties"]
    assert (alarm["Period"], alarm["Statistic"], alarm["Threshold"]) == (10, "Minimum", 1.0)
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (2, 2)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert "AlarmActions" not in alarm
    unseen = resources["LighthouseFrontEuWest1Unseen"]["Properties"]
    assert (unseen["TreatMissingData"], unseen["Threshold"]) == ("breaching", 0.5)
    assert unseen["AlarmActions"] == [{"Ref": "Pages"}]
    assert unseen["ActionsEnabled"] == {"Fn::If": ["LighthouseArmed", True, False]}


def test_an_alarm_watches_the_very_metric_that_the_prober_writes(capsys: pytest.CaptureFixture[str]) -> None:
    look({WEST: 503, CENTRAL: 200})
    *_, line = capsys.readouterr().out.splitlines()
    written = json.loads(line)
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    alarm = template()["Resources"]["LighthouseFrontEuWest1"]["Properties"]
    watched = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    assert directive["Namespace"] == alarm["Namespace"]
    assert directive["Metrics"] == [
        {"Name": alarm["MetricName"], "Unit": "Count", "StorageResolution": 1},
    ]
    assert [set(names) for names in directive["Dimensions"]] == [set(watched)]
    assert {name: written[name] for name in watched} == watched
    assert written[alarm["MetricName"]] == [alarm["Threshold"]]


def test_the_trigger_hears_the_probes_alarm_where_it_stands() -> None:
    resources = template()["Resources"]
    rule = resources["LighthouseFailoverLighthouseFrontEuWest1"]["Properties"]["EventPattern"]
    assert rule["detail"]["alarmName"] == [resources["LighthouseFrontEuWest1"]["Properties"]["AlarmName"]]
    assert rule["region"] == [CENTRAL]


def test_two_applications_share_one_prober(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(
        TEXT.replace("lighthouse", "harbour")
        .replace("observer: eu-west-3", "observer: eu-north-1")
        .replace("at: eu-west-3", "at: eu-north-1")
    )
    resources = parsed(compiled(LIGHTHOUSE, tmp_path / "other.yaml") / "template.yaml")["Resources"]
    assert resources["Prober"]["Condition"] == "InEuCentral1OrEuNorth1OrEuWest3"
    assert {"LighthouseProbes", "HarbourProbes"} <= resources.keys()


def test_text_that_cloudformation_would_replace_is_refused_in_a_probe() -> None:
    assert says(TEXT.replace("  front:\n", "  front:\n    search_string: '${Pages}'\n")) == [
        'probes: "${Pages}" has "${" in it, which is CloudFormation\'s'
    ]


# What the prober says.


class Asked(Outside):
    """Front doors that answer as they are told to: a status, or silence."""

    def __init__(self, answers: Mapping[str, Reply]) -> None:
        super().__init__(clock=lambda: 0.0)
        self.answers, self.calls = answers, list[Call]()

    def reply(self, call: Call, busy: frozenset[str] = frozenset()) -> Reply:
        self.calls.append(call)
        return self.answers[call.parameters["url"]]


def look(answers: Mapping[str, int | Silence], here: str = CENTRAL, wanted: str = "") -> dict[str, str]:
    replies: dict[str, Reply] = {
        DOORS[region]: {"status": said, "body": b"all well"} if isinstance(said, int) else said
        for region, said in answers.items()
    }
    event = {
        "application": "lighthouse",
        "probes": [{"name": "front", "url": DOORS, "search_string": wanted}],
        "execution": f"arn:aws:states:{here}:123456789012:express:lighthouse-probes:a:b",
    }
    found: dict[str, str] = prober(Asked(replies))(event, None)["front"]
    return found


GONE = Silence("no such host", nameless=True)
SILENT = Silence("a time-out")


@pytest.mark.parametrize(
    ("primary", "standby", "says"),
    [
        (200, 200, "no"),
        (503, 200, "yes"),
        (403, 200, "yes"),
        (SILENT, 200, "yes"),
        (404, 200, "unknown"),
        (GONE, 200, "unknown"),
        (503, 503, "unknown"),
        (SILENT, SILENT, "unknown"),
        (SILENT, GONE, "unknown"),
        (200, 503, "no"),
    ],
)
def test_a_look_is_judged_as_a_runs_evidence_is(
    primary: int | Silence, standby: int | Silence, says: str
) -> None:
    assert look({WEST: primary, CENTRAL: standby}) == {WEST: says}


def test_an_answer_without_the_text_that_it_should_have_is_none() -> None:
    assert look({WEST: 200, CENTRAL: 200}, wanted="all well") == {WEST: "no"}
    event = {WEST: 200, CENTRAL: 200}
    assert look(event, wanted="all ill") == {WEST: "unknown"}, "the other Region's lacks it, too"


def test_the_observer_says_something_of_both_regions() -> None:
    assert look({WEST: 503, CENTRAL: 200}, here=PARIS) == {WEST: "yes", CENTRAL: "no"}


def test_why_a_look_found_nothing_well_stands_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    look({WEST: 200, CENTRAL: 200})
    assert len(capsys.readouterr().out.splitlines()) == 1, "while all is well, the metric alone"
    look({WEST: 503, CENTRAL: 200})
    said, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert (said["message"], said["why"], said["region"]) == ("yes", "HTTP 503", WEST)


# What lint says.


def says(text: str, tmp_path: Path | None = None) -> list[str]:
    with CliRunner().isolated_filesystem():
        Path("a.yaml").write_text(text)
        return [each.what for each in judged(load("a.yaml")).findings if each.rule in ("probes", "runbook")]


def test_lint_finds_nothing_in_it() -> None:
    assert says(TEXT) == []


def test_an_alarm_that_is_named_where_it_does_not_stand_is_an_error() -> None:
    evidence = "{alarm: lighthouse-front-eu-west-1, at: eu-west-3}"
    at_home = says(TEXT.replace(evidence, evidence.replace("eu-west-3", WEST)))
    assert at_home == [
        "there is no alarm lighthouse-front-eu-west-1 in eu-west-1: it stands in eu-central-1, eu-west-3"
    ]
    other = "lighthouse-front-eu-central-1"
    trigger = says(TEXT.replace("- alarm: lighthouse-front-eu-west-1", f"- alarm: {other}"))
    assert trigger == [f"there is no alarm {other} in eu-central-1: it stands in eu-west-3"]


def test_a_probe_that_nothing_goes_by_is_a_warning() -> None:
    back = "  back:\n    url: {eu-west-1: https://b-dub.example, eu-central-1: https://b-fra.example}\n"
    assert says(TEXT.replace("probes:\n", f"probes:\n{back}")) == ["probes: nothing goes by what back sees"]


def test_a_standby_that_looks_alone_is_a_warning() -> None:
    alone = TEXT.replace(", observer: eu-west-3", "").replace("at_least: 2", "at_least: 1")
    alone = alone.replace("        - {alarm: lighthouse-front-eu-west-1, at: eu-west-3}\n", "")
    (what,) = says(alone)
    assert what.startswith("probes: eu-central-1 alone looks")


# Who deploys.


def test_the_script_of_a_deployment_comes_to_the_observer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(compiled(LIGHTHOUSE, SHOP))
    done = CliRunner().invoke(farshore, ["deploy", "lighthouse", "--print"])
    assert f"'{PARIS}: lighthouse-probes'" in done.output
    assert f"sam deploy --config-env {PARIS}" in done.output


def test_what_was_compiled_of_probes_goes_with_them(tmp_path: Path) -> None:
    from own_shop import repository

    from farshore.operate.permissions import PERMISSIONS

    root = repository(tmp_path, (LIGHTHOUSE,))
    derived(root, [load(LIGHTHOUSE)], PERMISSIONS).write()
    without = tmp_path / "without.yaml"
    without.write_text(TEXT.replace(TEXT[TEXT.index("probes:") : TEXT.index("triggers:")], ""))
    due = derived(root, [load(without)], PERMISSIONS).difference()
    assert due.left_over == ("statemachines/lighthouse-probes.asl.json",)
