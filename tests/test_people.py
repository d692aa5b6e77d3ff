"""What people may do: each command under the policy that the template has for it, or all the others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from own_shop import SHOP, compiled, house, repository, runbooks_of
from samples import EACH
from test_compile import edited
from test_refusals import letters
from test_template import iam_actions
from transform import parsed, transformed

from farshore.cli import farshore
from farshore.compile.definition import happy_path
from farshore.operate.permissions import PERMISSIONS
from farshore.runbook.find import find
from farshore.runbook.load import load
from farshore.runbook.model import Runbook
from farshore.runbook.named import tables_of
from farshore.simulate.simulation import Simulation
from twin.cloud import ACCOUNT
from twin.services.dynamodb.model import DynamoDB
from twin.services.iam.model import Policy, Statement, guard

HOUSE = house()
TEMPLATE = HOUSE / "template.yaml"
RUNBOOKS = {runbook.application: runbook for runbook in map(load, runbooks_of(HOUSE))}
JANE = "jane"


def names(runbook: Runbook) -> list[str]:
    """Of its policies: only who has tables has one to reconcile them."""
    tables = tables_of(runbook)
    return [each.name for each in PERMISSIONS if tables or not each.of_tables]


each_policy = pytest.mark.parametrize(
    ("application", "permission"),
    [(app, name) for app in RUNBOOKS for name in names(RUNBOOKS[app])],
)


def managed(application: str, permission: str, template: Path = TEMPLATE) -> list[dict[str, Any]]:
    """The policies whose ARNs the template's output gives for it."""
    resources, outputs = (parsed(template)[key] for key in ("Resources", "Outputs"))
    name = "".join(map(str.capitalize, f"{application}-may-{permission}".split("-")))
    value = outputs[name]["Value"]
    refs = value["Fn::Join"][1] if "Fn::Join" in value else [value]
    return [resources[ref["Ref"]]["Properties"]["PolicyDocument"] for ref in refs]


def statements(application: str, *permissions: str, template: Path = TEMPLATE) -> Iterator[dict[str, Any]]:
    for permission in permissions:
        for document in managed(application, permission, template):
            yield from document["Statement"]


def policy(runbook: Runbook, *permissions: str) -> Policy:
    """Of the template in which it is alone, as the twin's IAM judges it."""
    template = compiled(Path(runbook.path)) / "template.yaml"

    def arn(resource: Any) -> str:
        text: str = resource["Fn::Sub"] if isinstance(resource, dict) else resource
        return text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", ACCOUNT)

    return tuple(
        Statement(frozenset(each["Action"]), tuple(map(arn, each["Resource"])), attributes(each))
        for each in statements(runbook.application, *permissions, template=template)
    )


def attributes(statement: dict[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """Those of the ledger's items that it may write, where it says so."""
    key = "dynamodb:Attributes"
    only = statement.get("Condition", {}).get("ForAllValues:StringEquals", {}).get(key)
    return None if only is None else (key, tuple(only))


# What the policies say.


@each_policy
def test_each_is_a_managed_policy_that_iam_accepts_with_its_arn_as_output(
    application: str, permission: str
) -> None:
    assert max(map(letters, managed(application, permission))) <= 6144


@each_policy
def test_nobody_may_call_a_steps_function_delete_from_the_ledger_or_change_more_than_tables(
    application: str, permission: str
) -> None:
    ledger = f"table/{RUNBOOKS[application].ledger.table}'}}"
    for each in statements(application, permission):
        assert "dynamodb:DeleteItem" not in each["Action"] or ledger not in str(each["Resource"])
    allowed = {action for each in statements(application, permission) for action in each["Action"]}
    changing = {
        action
        for action in allowed
        if not action.partition(":")[2].startswith(("BatchGet", "Describe", "Get", "GET", "List", "Query"))
    }
    assert (
        changing
        == {
            "look": set(),
            "start": {"states:StartExecution"},
            "approve": {"dynamodb:PutItem"},
            "direct": {"dynamodb:PutItem"},
            "operate": {"dynamodb:PutItem", "states:RedriveExecution"},
            "reconcile": {"dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Scan"},
        }[permission]
    )


@pytest.mark.parametrize("application", RUNBOOKS)
def test_a_word_is_written_by_whom_it_is_for_and_a_step_writes_none(application: str) -> None:
    written: dict[str, set[str]] = {}
    for permission in names(RUNBOOKS[application]):
        for each in statements(application, permission):
            if "dynamodb:PutItem" in each["Action"] and permission != "reconcile":
                only = each["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
                written[permission] = set(only) - {"application", "item"}
                assert each["Condition"]["Null"]["dynamodb:Attributes"] == "false", "a request has some"
    assert written == {
        "approve": {"decision"},
        "direct": {"directive"},
        "operate": {"body", "stamp", "take_over"},
    }


@each_policy
def test_nobody_reads_or_writes_another_applications_part_of_the_ledger(
    application: str, permission: str
) -> None:
    ledger = f"table/{RUNBOOKS[application].ledger.table}"
    for each in statements(application, permission):
        if any(str(resource).endswith(f"{ledger}'}}") for resource in each["Resource"]):
            assert each["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"] == [application]
            assert each["Condition"]["Null"]["dynamodb:LeadingKeys"] == "false"


@each_policy
def test_a_call_of_step_functions_names_what_iam_judges_it_by(application: str, permission: str) -> None:
    known = iam_actions()["states"]["Actions"]
    for each in statements(application, permission):
        for action in (action for action in each["Action"] if action.startswith("states:")):
            named = [resource["Fn::Sub"].partition("AccountId}:")[2] for resource in each["Resource"]]
            kinds = {name.partition(":")[0].lower() for name in named}
            assert kinds <= set(known[action.partition(":")[2].lower()]["Resources"])


def test_what_one_policy_cannot_hold_is_in_several_and_all_are_in_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = repository(tmp_path) / "runbooks" / SHOP.name
    found = re.search(r"functions: \[.*\]", path.read_text())
    assert found is not None
    edited(path, found[0], f"functions: [{', '.join(f'a-function-of-ours-{n:05d}' for n in range(70))}]")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(farshore, ["compile"])
    assert done.exit_code == 0, done.exception
    template = transformed(tmp_path / "template.yaml")
    looks = [output["Value"] for name, output in template["Outputs"].items() if name.endswith("MayLook")]
    names = [each["Ref"] for each in looks[0]["Fn::Join"][1]]
    assert len(names) > 1
    documents = [template["Resources"][name]["Properties"]["PolicyDocument"] for name in names]
    assert max(map(letters, documents)) <= 6144
    assert json.dumps(documents).count("function:a-function-of-ours-") == 70 * 2


# What the commands need.


class Person:
    """Somebody at a terminal, with the credentials of a role."""

    def __init__(self, account: Simulation) -> None:
        self.account = account
        self.policy: Policy = ()
        judge = guard(lambda region, name: self.policy if name == JANE else None)
        # AWS tells everybody who they are.
        account.cloud.guards.append(lambda request: None if request.service == "sts" else judge(request))

    def __call__(self, permissions: Sequence[str], verb: str, *words: str) -> Result:
        region = self.account.runbook.regions.standby
        self.policy = policy(self.account.runbook, *permissions)
        while self.account.functions.running:
            self.account.clock.sleep(0.1)
        with self.account.cloud.acting_as(JANE, region):
            path, outside = self.account.runbook.path, self.account.deployment.outside
            result = CliRunner(mix_stderr=False).invoke(farshore, [verb, path, *words], obj=outside)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def without(self, permission: str, verb: str, *words: str) -> None:
        """All the others together do not suffice."""
        result = self([name for name in names(self.account.runbook) if name != permission], verb, *words)
        assert result.exit_code != 0, result.stdout
        assert re.search("AccessDenied|not authorized", result.stdout + result.stderr), result.stderr

    def only(self, permission: str, verb: str, *words: str) -> None:
        result = self([permission], verb, *words)
        assert result.exit_code == 0, result.stderr


@pytest.fixture(scope="module", params=[str(SHOP), *EACH], ids=lambda app: Path(app).name)
def account(request: pytest.FixtureRequest) -> Iterator[Simulation]:
    with Simulation(find(str(request.param)), 1, data="memory") as simulation:
        simulation.customers.come_barely()
        simulation.clock.sleep(130)
        yield simulation


@pytest.fixture
def person(account: Simulation) -> Iterator[Person]:
    guards = len(account.cloud.guards)
    yield Person(account)
    del account.cloud.guards[guards:]


WHY = ("--who", JANE, "--why", "she knows")


def held(account: Simulation) -> str:
    """The run under way, once it has the lease."""

    def holder() -> str:
        lease = account.operator.records().lease
        return "" if lease is None or lease.released else lease.holder

    account.clock.wait_for(lambda: bool(holder()), 60)
    return holder()


def proposed(account: Simulation, execution: str) -> str:
    """The plan of a run, once it asks."""

    def proposal() -> Mapping[str, Any]:
        return account.operator.records().proposal

    account.clock.wait_for(lambda: proposal().get("execution") == execution, 600)
    return str(proposal()["hash"])


def over(account: Simulation, execution: str) -> str:
    account.clock.wait_for(lambda: account.status(execution) != "RUNNING", 3600)
    return account.status(execution)


def rule(account: Simulation) -> str:
    """A safety rule of the control panel of the routing controls that the runbook names; "" for none."""
    text = json.dumps(account.deployment.machines["failover"].definition)
    found = re.search(r"(arn:aws:route53-recovery-control::[^\"/]+/[^\"/]+)/routingcontrol/", text)
    return f"{found[1]}/safetyrule/one-serves" if found else ""


START = ("start", "--mode", "graceful", "--who", JANE)


def test_a_decline_and_each_word_to_a_run_takes_the_permission_for_it(
    account: Simulation, person: Person
) -> None:
    person.only("start", *START)
    run = held(account)
    plan = proposed(account, run)
    person.without("approve", "decline", plan, *WHY)
    person.only("approve", "decline", plan, *WHY)
    assert over(account, run) == "FAILED"
    person.only("start", *START)
    run = held(account)
    proposed(account, run)
    person.without("direct", "pause", *WHY)
    person.only("direct", "pause", *WHY)
    person.only("direct", "resume", *WHY)
    tasks = [name for name, _ in happy_path(account.deployment.machines["failover"].definition)]
    person.only("direct", "skip", tasks[-2], *WHY)
    person.only("direct", "ungraceful", *WHY)
    if rule(account):
        person.only("direct", "override", "--rule", rule(account), *WHY)
    person.only("direct", "abort", *WHY)
    assert over(account, run) == "FAILED"


def test_a_run_from_its_start_to_its_redrive_takes_each_permission_for_its_own_commands(
    account: Simulation, person: Person
) -> None:
    person.without("start", *START)
    person.only("start", *START)
    run = held(account)
    plan = proposed(account, run)
    person.only("look", "status")
    person.only("look", "report")
    person.only("approve", "approve", plan, *WHY)
    account.deployment.client("failover").stop_execution(executionArn=run)
    person.without("operate", "redrive", run, "--yes")
    person.only("operate", "redrive", run, "--yes")
    assert over(account, run) == "SUCCEEDED"
    person.only("look", "report")


UNTOLD = ("lambda:InvokeFunction", "rds-data:ExecuteStatement")


def test_who_may_look_sees_a_whole_plan_and_who_may_only_start_does_not(
    account: Simulation, person: Person
) -> None:
    """But for what a function of the application's own, or SQL, says: IAM cannot tell looks from changes."""
    shown = person(["look"], "plan")
    lines = (shown.stdout + shown.stderr).splitlines()
    denied = [each for each in lines if "AccessDenied" in each]
    assert [each for each in denied if not any(action in each for action in UNTOLD)] == []
    shown = person(["start"], "plan")
    assert re.search("AccessDenied|not authorized", shown.stdout + shown.stderr)


def test_to_reconcile_tables_takes_a_permission_of_its_own(
    account: Simulation, person: Person, tmp_path: Path
) -> None:
    tables, primary = tables_of(account.runbook), account.runbook.regions.primary
    if not tables:
        assert person([], "reconcile").exit_code == 0, "there is nothing to compare"
        return
    person.without("reconcile", "reconcile")
    table = DynamoDB.of(account.cloud).global_tables[tables[0]]
    table.hold()
    for region, name in ((primary, "jane"), (account.runbook.regions.standby, "joan")):
        table.put(region, (name, "1") if len(table.keys) > 1 else name, {}, name)
    compared = person(["reconcile"], "reconcile")
    lines = [line for line in compared.stdout.splitlines() if '"jane"' in line or '"joan"' in line]
    picked = tmp_path / "picked.jsonl"
    picked.write_text("\n".join(lines))
    words = ("--apply", str(picked), "--stands", primary, "--yes", "--json")
    person.without("reconcile", "reconcile", *words)
    done = person(["reconcile"], "reconcile", *words)
    said = [(each["write"], each["outcome"]) for each in json.loads(done.stdout)["lines"]]
    assert said == [("put", "applied"), ("delete", "applied")], done.stderr
    table.release()
