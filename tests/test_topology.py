"""A topology beside a runbook says what the runbook does not: who comes, what they do, and where it goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result
from own_shop import SHOP

from farshore.cli import farshore
from farshore.compile.schema import topology_schema
from farshore.testing.twin import Twin

HOME, AWAY = "ap-southeast-2", "ap-southeast-1"
STAND_INS = Path(__file__).parent / "stand_ins"
DOCUMENTED = Path(__file__).parent.parent / "docs" / "topology.md"
Twins = Callable[..., Twin]
Run = Callable[..., Result]

RUNBOOK = (STAND_INS / "payroll.yaml").read_text()
TOPOLOGY = """\
customers: {count: 12, stale: 2, every: 6s}
entries:
  - {write: /claims, through: [claims-api], data: [wages]}
  - {write: /hours, through: [hours-api], data: [hours]}
"""


@pytest.fixture(autouse=True)
def payroll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a runbook, and nothing else."""
    monkeypatch.chdir(tmp_path)
    Path("payroll.yaml").write_text(RUNBOOK)


@pytest.fixture
def run() -> Run:
    def run(*words: str, topology: str | None = TOPOLOGY, runbook: str = RUNBOOK) -> Result:
        Path("payroll.yaml").write_text(runbook)
        if topology is not None:
            Path("payroll.topology.yaml").write_text(topology)
        return CliRunner(mix_stderr=False).invoke(farshore, words)

    return run


def shut(function: str) -> None:
    functions = boto3.client("lambda", region_name=HOME)
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)


def writes(twin: Twin, since: float = 0.0) -> dict[str, set[str]]:
    """By dataset, the keys that were acknowledged since then."""
    found: dict[str, set[str]] = {"wages": set(), "hours": set()}
    for promise in twin.simulation.customers.notebook.promises:
        if promise.at > since:
            found[promise.dataset].add(promise.key)
    return found


def test_each_write_goes_to_the_data_that_it_is_said_to_go_to(twin: Twins) -> None:
    Path("payroll.topology.yaml").write_text(TOPOLOGY)
    found = writes(twin("payroll.yaml"))
    assert found["wages"]
    assert found["hours"]
    assert not found["wages"] & found["hours"]


def test_without_one_each_write_goes_to_all_data(twin: Twins) -> None:
    found = writes(twin("payroll.yaml"))
    assert found["wages"]
    assert found["wages"] == found["hours"]


def test_a_function_that_is_shut_keeps_out_what_goes_through_it_and_nothing_else(twin: Twins) -> None:
    Path("payroll.topology.yaml").write_text(TOPOLOGY)
    payroll = twin("payroll.yaml")
    shut("nightly-export")
    since = payroll.now
    payroll.advance(60)
    assert payroll.felt(since) == 0
    shut("claims-api")
    since = payroll.now
    payroll.advance(60)
    assert writes(payroll, since)["hours"]
    assert not writes(payroll, since)["wages"]


def test_as_many_customers_come_as_are_said_and_so_many_keep_addresses_for_ever(twin: Twins) -> None:
    Path("payroll.topology.yaml").write_text(TOPOLOGY)
    customers = twin("payroll.yaml").simulation.customers
    assert len({visit.customer for visit in customers.notebook.visits}) == 12
    assert sum(customer.stale for customer in customers.each) == 2


def test_the_first_line_names_it_and_the_same_seed_makes_the_same_report(run: Run) -> None:
    words = ["rehearse", "payroll.yaml", "--mode", "ungraceful", "--dark", HOME, "--json"]
    done = run(*words)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.splitlines()[0] == (
        "farshore: the customers of payroll are a stand-in, as payroll.topology.yaml says: 12 of them POST "
        "/claims at https://payroll.example through claims-api into wages and POST /hours at "
        "https://payroll.example through hours-api into hours, they are led by a, b"
    )
    first, second = (json.loads(it.stdout) for it in (done, run(*words)))
    assert first["data"]["lost"]
    assert first | {"wall_seconds": 0} == second | {"wall_seconds": 0}


SYDNEY = """\
prepare:
  - synthetic_write:
      url: https://sydney.payroll.example
      write: /ping
      body: '{"ping": "{marker}"}'
      read: /ping/{marker}
      region: ap-southeast-2
"""


@pytest.mark.parametrize(
    ("topology", "region"),
    [("customers: {count: 3}\n", AWAY), (f"hosts: {{sydney.payroll.example: {HOME}}}\n", HOME)],
)
def test_a_host_that_only_one_line_has_follows_customers_unless_it_is_said_to_be_a_regions_own(
    twin: Twins, topology: str, region: str
) -> None:
    Path("payroll.yaml").write_text(SYDNEY + RUNBOOK)
    Path("payroll.topology.yaml").write_text(topology)
    payroll = twin("payroll.yaml")
    assert payroll.start("failover", "graceful").ended().status == "SUCCEEDED"
    shut_off = boto3.client("lambda", region_name=HOME)
    for function in ("claims-api", "hours-api", "nightly-export"):
        shut_off.delete_function_concurrency(FunctionName=function)
    _, body = payroll.simulation.net.request("", "GET", "https://sydney.payroll.example/")
    assert json.loads(body.splitlines()[0])["region"] == region


@pytest.mark.parametrize(
    "words",
    [
        ["plan", "payroll.yaml", "--twin"],
        ["explore", "payroll.yaml", "--count"],
        ["replay", "payroll.yaml,failover,graceful"],
    ],
    ids=lambda words: words[0],
)
def test_every_verb_that_plays_in_the_twin_goes_by_it(run: Run, words: list[str]) -> None:
    done = run(*words)
    assert done.exit_code == 0, done.stdout + done.stderr
    assert "as payroll.topology.yaml says: 12 of them" in done.stderr


WRONG = """\
customers: {count: none, stail: 2, every: 0s}
hosts: {payrol.example: both, payroll.example: ap-south-1}
entries:
  - {write: claims, through: [claims], data: [wage]}
  - {read: /hours/1, url: https://pay.example, body: hours}
  - {write: /x, data: hours}
  - {write: /x}
warm: true
"""


def test_every_mistake_is_said_at_once_with_its_line(run: Run) -> None:
    done = run("rehearse", "payroll.yaml", topology=WRONG)
    assert done.exit_code == 2
    assert done.stdout == ""
    said = [line.removeprefix("Error: ") for line in done.stderr.splitlines() if "topology.yaml:" in line]
    here = "payroll.topology.yaml:"
    assert said == [
        f'{here}1: count: expected a whole number, 0 or more, found "none"',
        f'{here}1: unknown key "stail" of "customers": did you mean "stale"?',
        f"{here}1: every: customers who never pause stop the clock: write 4s, say",
        f'{here}2: hosts: no URL of the runbook has the host "payrol.example": '
        'did you mean "payroll.example"?',
        f'{here}2: hosts.payroll.example: "ap-south-1" is no Region of the application: '
        "write ap-southeast-2, ap-southeast-1 or both",
        f'{here}4: write: "claims" is not a path: write /claims',
        f'{here}4: through: nothing of the runbook that lets customers in is "claims": '
        'did you mean "claims-api"?',
        f'{here}4: data: the runbook has no table or global database "wage": did you mean "wages"?',
        f'{here}5: "entries" lacks the key "write": add it: the path that customers POST to',
        f"{here}5: read lacks {{marker}}: put it in: each write has its own",
        f'{here}5: url: no URL of the runbook has the host "pay.example": did you mean "payroll.example"?',
        f"{here}5: body lacks {{marker}}: put it in: each write has its own",
        f'{here}6: data: expected a list of texts, found "hours": write ["hours"]',
        f'{here}7: write: "/x" stands in line 6 already: write one entry for it',
        f'{here}8: unknown key "warm" of the topology: its keys are customers, hosts, entries',
    ]


@pytest.mark.parametrize(
    ("topology", "said"),
    [
        ("", "payroll.topology.yaml:1: the file is empty: begin with customers, hosts or entries"),
        ("- 1\n", "expected a mapping of customers, hosts or entries, found a list"),
        ("customers: {count: 3, stale: 4}\n", "stale: 4 of 3 customers: write no more than there are"),
        ("customers: {count: 0}\n", "count: 0 customers: write 1 to 1,000"),
        (
            f"hosts: {{payroll.example: {HOME}}}\nentries: [{{write: /x, url: 'https://payroll.example'}}]\n",
            f"payroll.topology.yaml:2: url: payroll.example leads to {HOME} alone, as hosts says",
        ),
    ],
)
def test_a_mistake_says_what_would_be_right(run: Run, topology: str, said: str) -> None:
    done = run("plan", "payroll.yaml", "--twin", topology=topology)
    assert done.exit_code == 2
    assert said in done.stderr


def test_what_each_region_has_of_its_own_is_wanted_of_both(run: Run) -> None:
    stands_in = STAND_INS / "museum.yaml"
    topology = "entries: [{write: /tickets, through: [guides]}]\n"
    done = run("plan", "payroll.yaml", "--twin", topology=topology, runbook=stands_in.read_text())
    assert done.exit_code == 2
    assert (
        "through: nothing of it is in eu-west-2, where the runbook has such, too: add guides-ldn"
        in done.stderr
    )


def test_one_without_its_runbook_is_said_where_runbooks_are_read() -> None:
    Path("runbooks").mkdir()
    Path("runbooks/payrol.topology.yaml").write_text(TOPOLOGY)
    Path("runbooks/payroll.yaml").write_text(RUNBOOK)
    done = CliRunner(mix_stderr=False).invoke(farshore, ["lint"])
    assert done.exit_code == 1
    assert "payrol.topology.yaml: error: a topology, and no runbook beside it" in done.stdout + done.stderr


def test_one_that_is_named_as_a_runbook_is_refused(run: Run) -> None:
    done = run("rehearse", "payroll.topology.yaml")
    assert done.exit_code == 2
    assert "is a topology: name the runbook beside it" in done.stderr


def test_an_application_that_the_twin_has_takes_none(run: Run) -> None:
    done = run("plan", "payroll.yaml", "--twin", runbook=SHOP.read_text())
    assert done.exit_code == 2
    assert "of its own, which no topology changes" in done.stderr


def test_requests_through_one_service_do_not_need_the_others(twin: Twins) -> None:
    stands_in = STAND_INS / "kiosk.yaml"
    Path("kiosk.yaml").write_text(stands_in.read_text())
    Path("kiosk.topology.yaml").write_text("entries: [{write: /orders, through: [kiosk/orders]}]\n")
    kiosk = twin("kiosk.yaml")
    ecs = boto3.client("ecs", region_name="us-east-2")
    ecs.update_service(cluster="kiosk", service="web", desiredCount=0)
    since = kiosk.now
    kiosk.advance(300)
    assert kiosk.felt(since) == 0
    assert kiosk.serving == {"us-east-2"}
    ecs.update_service(cluster="kiosk", service="orders", desiredCount=0)
    kiosk.advance(120)
    assert kiosk.felt(since) > 0
    assert kiosk.serving == {"ca-central-1"}


def test_the_documented_one_is_loaded_and_as_editors_want_it(run: Run) -> None:
    documented = DOCUMENTED.read_text().partition("```yaml\n")[2].partition("```")[0]
    assert len(documented.splitlines()) <= 14
    jsonschema.Draft202012Validator(topology_schema()).validate(yaml.safe_load(documented))
    done = run("plan", "payroll.yaml", "--twin", topology=documented)
    assert done.exit_code == 0, done.stderr
    assert "as payroll.topology.yaml says" in done.stderr


def test_the_schema_refuses_what_the_loader_refuses_by_its_form() -> None:
    schema = jsonschema.Draft202012Validator(topology_schema())
    assert schema.is_valid(yaml.safe_load(TOPOLOGY))
    for line in WRONG.splitlines()[:2]:
        assert not schema.is_valid(yaml.safe_load(WRONG))
        assert not schema.is_valid(yaml.safe_load(line)) or "payrol" in line
