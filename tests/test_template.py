"""template.yaml and the machines, as the linters and CloudFormation see them in each Region."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from own_shop import SHOP, compiled, house, runbooks_of
from statelint.linter import Linter
from transform import MACHINE, parsed, transformed

from farshore.compile.emitter import Flow, Noted, Tag, emit
from farshore.compile.graph import every_state
from farshore.compile.resource_names import camel
from farshore.compile.states import function_name, logical_id
from farshore.runbook.load import load
from farshore.runbook.registry import steps
from functions.calls import LONGEST_TICK_SECONDS, Api
from functions.handler import run_from
from functions.ledger import QUERY

HOUSE = house()
TEMPLATE = HOUSE / "template.yaml"
RUNBOOKS = [load(path) for path in runbooks_of(HOUSE)]
REGIONS = sorted(
    {region for runbook in RUNBOOKS for region in (runbook.regions.primary, runbook.regions.standby)}
)
NEWER = {"ecr:ListReplicationBackfills", "ecr:StartReplicationBackfill"}
"""Actions that are newer than what cfn-lint carries.
Source: docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartReplicationBackfill.html"""
FILES = sorted((HOUSE / "statemachines").glob("*.asl.json"))
MACHINES = {
    name: each["Properties"]
    for name, each in parsed(TEMPLATE)["Resources"].items()
    if each["Type"] == MACHINE
}
CALLS = {
    f"{step.name} {api.action} {api.operation_name}": api
    for step in steps().values()
    for api in (QUERY, *step.reads, *step.writes, *step.ledger_writes())
    if not api.is_http
}


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    return transformed(TEMPLATE)


def stands_in(template: dict[str, Any], name: str, region: str) -> bool:
    """Whether CloudFormation makes the resource in that Region."""

    def holds(condition: Any) -> bool:
        ((function, words),) = condition.items()
        if function == "Condition":
            return holds(template["Conditions"][words])
        if function == "Fn::Or":
            return any(map(holds, words))
        assert (function, words[0]) == ("Fn::Equals", {"Ref": "AWS::Region"})
        return bool(words[1] == region)

    condition = template["Resources"][name].get("Condition")
    return condition is None or holds({"Condition": condition})


def test_cfn_lint_finds_nothing_in_any_region(deployed: dict[str, Any], tmp_path: Path) -> None:
    # Without spaces: what it counts of a file is what CloudFormation has of the template.
    (tmp_path / "template.json").write_text(json.dumps(deployed, separators=(",", ":")))
    linter = Path(sys.executable).with_name("cfn-lint")
    # Actions are held to IAM's by a test of their own, which knows the ones that cfn-lint does not yet.
    words = [linter, "--ignore-checks", "W3037", "--regions", *REGIONS]
    words += ["--template", tmp_path / "template.json"]
    assert subprocess.run(words, capture_output=True, text=True, timeout=120).stdout == ""


def test_a_machine_exists_only_in_the_region_that_it_activates(deployed: dict[str, Any]) -> None:
    where = {name: [region for region in REGIONS if stands_in(deployed, name, region)] for name in MACHINES}
    for runbook in RUNBOOKS:
        name = "".join(word.title() for word in runbook.application.split("-"))
        assert where[f"{name}Failover"] == [runbook.regions.standby]
        assert where[f"{name}Failback"] == [runbook.regions.primary]
    assert all(len(regions) == 1 for regions in where.values())


def test_whatever_a_machine_calls_exists_where_it_does(deployed: dict[str, Any]) -> None:
    for name, properties in MACHINES.items():
        for region in (region for region in REGIONS if stands_in(deployed, name, region)):
            functions = properties["DefinitionSubstitutions"].keys() - {"Prefix"}
            missing = [s for s in functions if not stands_in(deployed, s, region)]
            assert not missing, f"{name} in {region} calls {missing}"


def test_the_ledger_is_made_once_with_three_strongly_consistent_replicas(deployed: dict[str, Any]) -> None:
    kind = "AWS::DynamoDB::GlobalTable"
    tables = {n: each["Properties"] for n, each in deployed["Resources"].items() if each["Type"] == kind}
    made = sorted(table["TableName"] for table in tables.values())
    assert made == sorted({runbook.ledger.table for runbook in RUNBOOKS})
    for name, table in tables.items():
        assert table["MultiRegionConsistency"] == "STRONG"
        replicas = [replica["Region"] for replica in table["Replicas"]]
        assert len(replicas) == 3
        assert [region for region in replicas if stands_in(deployed, name, region)] == replicas[:1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_statelint_finds_nothing(path: Path) -> None:
    """It wants ARNs where substitutions stand."""
    arn = "arn:aws:lambda:us-west-1:123456789012:function:a-step:1"
    assert Linter.validate(json.loads(re.sub(r"\$\{\w+\}", arn, path.read_text()))) == []


@pytest.mark.parametrize("properties", MACHINES.values(), ids=MACHINES)
def test_a_machine_is_given_the_versions_of_just_what_it_names(properties: dict[str, Any]) -> None:
    named = set(re.findall(r"\$\{(\w+)\}", (HOUSE / properties["DefinitionUri"]).read_text()))
    assert properties["DefinitionSubstitutions"] == {
        name: {"Ref": name if name == "Prefix" else f"{name}.Version"} for name in named
    }


@pytest.mark.parametrize("properties", MACHINES.values(), ids=MACHINES)
def test_a_machine_may_invoke_its_own_functions_in_any_version_and_no_others(
    properties: dict[str, Any],
) -> None:
    invoke, logs = properties["Policies"][0]["Statement"]
    definition = json.loads((HOUSE / properties["DefinitionUri"]).read_text())
    tasks = [state for _, state in every_state(definition["States"]) if state["Type"] == "Task"]
    own = {task["Parameters"]["FunctionName"].replace("}", ".Arn}:*") for task in tasks}
    assert invoke["Action"] == "lambda:InvokeFunction"
    assert {resource["Fn::Sub"] for resource in invoke["Resource"]} == own
    assert all(action.startswith("logs:") for action in logs["Action"])


def test_only_machines_and_the_steps_that_ask_later_ones_or_themselves_may_invoke_a_function(
    deployed: dict[str, Any],
) -> None:
    """A function does what its event says: no policy of its own lets anybody in, and no person's does. A step
    that invokes a function of the application's own may invoke none of Farshore's; one that asks itself, in
    other Regions, no other."""
    kinds = {each["Type"] for each in deployed["Resources"].values()}
    assert "AWS::Lambda::Permission" not in kinds
    assert "AWS::Lambda::Url" not in kinds
    asking = {f"{logical_id(step.name)}Role" for step in steps().values() if "later" in step.derived}
    machines = {f"{name}Role" for name in MACHINES}
    themselves = {
        f"{logical_id(step.name)}Role": step for step in steps().values() if "itself" in step.derived
    }
    may = machines | asking | set(themselves)
    assert invoking(deployed) == {role for role in may if role in deployed["Resources"]}
    for role in themselves.keys() & deployed["Resources"].keys():
        invoked = {
            resource["Fn::Sub"].partition(":function:")[2]
            for statement in _statements(deployed["Resources"][role]["Properties"])
            if _invokes_ours(statement)
            for resource in statement["Resource"]
        }
        assert invoked == {f"{function_name(themselves[role].name, '${Prefix}')}:*"}


def invoking(deployed: dict[str, Any]) -> set[str]:
    """The roles and managed policies that let somebody invoke a function of ours."""
    return {
        name
        for name, each in deployed["Resources"].items()
        if each["Type"] in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
        and any(_invokes_ours(statement) for statement in _statements(each["Properties"]))
    }


def _statements(properties: Any) -> Iterator[dict[str, Any]]:
    if isinstance(properties, dict) and "Action" in properties:
        yield properties
    elif isinstance(properties, dict | list):
        for inner in properties.values() if isinstance(properties, dict) else properties:
            yield from _statements(inner)


def _invokes_ours(statement: dict[str, Any]) -> bool:
    if not re.search(r'"(lambda:(Invoke\w*|\*)|\*)"', json.dumps(statement["Action"])):
        return False
    named = statement.get("Resource", [])
    every = [json.dumps(each) for each in (named if isinstance(named, list) else [named])]
    return not all(":function:" in each and ":function:${Prefix}-" not in each for each in every)


def test_an_alarm_starts_the_failover_with_an_input_that_steps_accept() -> None:
    event = json.loads((HOUSE / "tests/events/lease.json").read_text())
    shop = parsed(compiled(SHOP) / "template.yaml")["Resources"]["UnicornShopFailover"]
    (rule,) = shop["Properties"]["Events"].values()
    assert rule["Type"] == "EventBridgeRule"
    assert rule["Properties"]["Pattern"]["detail"]["state"] == {"value": ["ALARM"]}
    run, _ = run_from(event | {"input": json.loads(rule["Properties"]["Input"])})
    assert (run.mode, run.trigger, run.dry_run) == ("ungraceful", "unicorn-shop-canary", False)


@pytest.mark.parametrize("key", ["AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID", "Comment"])
def test_steps_accept_what_step_functions_itself_adds_to_an_input(key: str) -> None:
    event = json.loads((HOUSE / "tests/events/lease.json").read_text())
    run, _ = run_from(event | {"input": {"mode": "graceful", key: "said by Step Functions"}})
    assert run.mode == "graceful"


def test_owed_fences_are_tried_again_every_minute_and_nothing_else_starts_by_itself() -> None:
    started = {name for name, properties in MACHINES.items() if properties.get("Events")}
    by_themselves = ("Failover", "Settle", "Heartbeat", "Readiness")
    assert started <= {name for name in MACHINES if name.endswith(by_themselves)}
    event = json.loads((HOUSE / "tests/events/lease.json").read_text())
    for name in (name for name in MACHINES if name.endswith("Settle")):
        (schedule,) = MACHINES[name]["Events"].values()
        assert schedule["Properties"]["Schedule"] == "rate(1 minute)"
        run, _ = run_from(event | {"input": json.loads(schedule["Properties"]["Input"])})
        assert (run.mode, run.trigger) == ("ungraceful", "")


def test_what_is_ready_is_looked_at_four_times_a_day() -> None:
    for name in (name for name in MACHINES if name.endswith("Readiness")):
        (schedule,) = MACHINES[name]["Events"].values()
        assert schedule["Properties"]["Schedule"] == "rate(360 minutes)"
        assert json.loads(schedule["Properties"]["Input"]) == {"mode": "graceful"}


# Dashboards.


def dashboards() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in parsed(TEMPLATE)["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            text = resource["Properties"]["DashboardBody"]["Fn::Sub"]
            yield name, json.loads(text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", "1"))


def test_each_application_has_a_dashboard_with_its_regions_side_by_side() -> None:
    assert {name for name, _ in dashboards()} == {
        f"{camel(runbook.application)}Overview" for runbook in map(load, runbooks_of(HOUSE))
    }
    for _, body in dashboards():
        graphs = [each for each in body["widgets"] if each["type"] == "metric"]
        shown = [(each["y"], each["x"], each["properties"]["region"]) for each in graphs]
        last = max(y for y, *_ in shown)  # what is ready, of the whole application
        shown = [each for each in shown if each[0] < last]
        left, right = ([region for _, x, region in sorted(shown) if x == place] for place in (0, 12))
        assert len(set(left)) == len(set(right)) == 1
        assert left[0] != right[0]
        rows = [each for each in graphs if each["y"] < last]
        titles = [[each["properties"]["title"] for each in rows if each["x"] == place] for place in (0, 12)]
        assert titles[0] == titles[1]


def test_no_two_widgets_of_a_dashboard_overlap() -> None:
    for _, body in dashboards():
        taken = [
            (x, y)
            for each in body["widgets"]
            for x in range(each["x"], each["x"] + each["width"])
            for y in range(each["y"], each["y"] + each["height"])
        ]
        assert len(taken) == len(set(taken))
        assert max(x for x, _ in taken) == 23


def test_a_dashboard_shows_each_machine_where_it_stands(deployed: dict[str, Any]) -> None:
    for _, body in dashboards():
        for each in (each["properties"] for each in body["widgets"] if each["type"] == "metric"):
            arns = [metric[3].split(":") for metric in each["metrics"] if metric[0] == "AWS/States"]
            for _, _, _, region, _, _, machine in arns:
                assert region == each["region"]
                assert stands_in(deployed, camel(machine), region)


def test_no_service_may_page_for_another_account(deployed: dict[str, Any]) -> None:
    """EventBridge publishes with no source account, so the topic's policy must not let it at all."""
    policy = deployed["Resources"]["PagesPolicy"]["Properties"]["PolicyDocument"]
    for statement in policy["Statement"]:
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_rules_page_by_a_role_that_can_do_nothing_else(deployed: dict[str, Any]) -> None:
    role = deployed["Resources"]["RulesPage"]["Properties"]
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trusted["Principal"], trusted["Action"]) == (
        {"Service": "events.amazonaws.com"},
        "sts:AssumeRole",
    )
    (policy,) = role["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": {"Ref": "Pages"}}
    ]


def test_an_alarms_rule_hears_the_alarm_of_its_own_account_and_region_alone(
    deployed: dict[str, Any],
) -> None:
    for name, properties in MACHINES.items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "EventBridgeRule":
                pattern = event["Properties"]["Pattern"]
                assert pattern["account"] == [{"Ref": "AWS::AccountId"}]
                (region,) = pattern["region"]
                assert stands_in(deployed, name, region)


@pytest.mark.parametrize("name", MACHINES)
def test_a_run_that_does_not_succeed_pages_by_two_ways(deployed: dict[str, Any], name: str) -> None:
    alarm = deployed["Resources"][f"{name}DidNotSucceed"]["Properties"]
    counted = {m["MetricStat"]["Metric"]["MetricName"] for m in alarm["Metrics"] if "MetricStat" in m}
    assert counted == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
    assert alarm["AlarmActions"] == [{"Ref": "Pages"}]
    rule = deployed["Resources"][f"{name}Ended"]["Properties"]
    assert rule["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": "Pages"}
    assert target["RoleArn"] == {"Fn::GetAtt": ["RulesPage", "Arn"]}


def test_what_no_rule_could_deliver_is_kept_and_pages(deployed: dict[str, Any]) -> None:
    """An alarm's rule that started nothing is a night on which nobody comes."""
    resources = deployed["Resources"]
    rules = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Events::Rule"]
    assert rules
    dead = {"DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}}}
    assert all(dead.items() <= target.items() for rule in rules for target in rule["Targets"])
    (statement,) = resources["UndeliveredPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == (
        {"Service": "events.amazonaws.com"},
        "sqs:SendMessage",
    )
    assert "${AWS::AccountId}:rule/*" in statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    alarm = resources["UndeliveredAlarm"]["Properties"]
    assert alarm["AlarmActions"] == [{"Ref": "Pages"}]
    assert alarm["Dimensions"] == [
        {"Name": "QueueName", "Value": {"Fn::GetAtt": ["Undelivered", "QueueName"]}}
    ]


def test_every_function_has_an_event_and_may_run_for_as_long_as_a_tick(deployed: dict[str, Any]) -> None:
    called = {step for properties in MACHINES.values() for step in properties["DefinitionSubstitutions"]}
    called.discard("Prefix")
    events = {path.stem for path in (HOUSE / "tests/events").glob("*.json")}
    assert {logical_id(step) for step in events & steps().keys()} == called
    for step in events & steps().keys():
        function = deployed["Resources"][logical_id(step)]["Properties"]
        assert function["Handler"] == f"{steps()[step].__module__}.handler"
        assert function["Timeout"] == LONGEST_TICK_SECONDS


def test_what_may_touch_every_resource_says_why() -> None:
    lines = TEMPLATE.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.fullmatch(r" +Resource: (\['\*'\]|'\*')", line):
            above = lines[:number]
            while not above[-1].lstrip().startswith("- Effect: "):
                above.pop()
            assert above[-2].lstrip().startswith("# "), f"template.yaml:{number + 1}"


@pytest.mark.parametrize("api", CALLS.values(), ids=CALLS)
def test_a_declared_call_is_an_operation_of_aws_and_an_action_of_iam(api: Api) -> None:
    model = botocore.session.get_session().get_service_model(api.service)
    assert api.operation_name in model.operation_names
    service, _, action = api.action.partition(":")
    known = iam_actions()[service]["Actions"]
    assert action.lower() in known or api.action in NEWER


def iam_actions() -> dict[str, Any]:
    """As cfn-lint carries them."""
    home = find_spec("cfnlint")
    assert home is not None
    assert home.origin is not None
    text = (Path(home.origin).parent / "data/AdditionalSpecs/Policies.json").read_text()
    actions: dict[str, Any] = json.loads(text)
    return actions


TRICKY = [
    "yes",
    "on",
    "2012-10-17",
    "a: b",
    "a #b",
    "- a",
    "*",
    "it's",
    'say "x"',
    "{a}",
    "a, b",
    "1",
    "",
    " a",
    "a:",
    "é\n",
]


def test_what_is_emitted_is_read_back(tmp_path: Path) -> None:
    written = {
        "Texts": TRICKY,
        "Apart": [{"A": text, "B": Flow({"C": text, "D": [text, 1, True]})} for text in TRICKY],
        "Noted": Noted("why", {"Ref": [Noted("because", Tag("Sub", "arn:${AWS::Partition}:s3:::*"))]}),
        "Or": Tag("Or", [Tag("Condition", "A"), Tag("Equals", [Tag("Ref", "B"), "us-east-1"])]),
        "Empty": [{}, []],
    }
    (tmp_path / "a.yaml").write_text("\n".join(emit(written)))
    assert parsed(tmp_path / "a.yaml") == {
        "Texts": TRICKY,
        "Apart": [{"A": text, "B": {"C": text, "D": [text, 1, True]}} for text in TRICKY],
        "Noted": {"Ref": [{"Fn::Sub": "arn:${AWS::Partition}:s3:::*"}]},
        "Or": {"Fn::Or": [{"Condition": "A"}, {"Fn::Equals": [{"Ref": "B"}, "us-east-1"]}]},
        "Empty": [{}, []],
    }
