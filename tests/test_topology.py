"""A topology beside a runbook says what the runbook does not: who comes, what they do, and where it goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result
from own_shop import SHOP
from rich.console import Console

from farshore.cli import farshore
from farshore.commands.rehearse import _print_result
from farshore.compile.schema import topology_schema
from farshore.explore.results import _code
from farshore.report.page import verdict
from farshore.runbook.load import load
from farshore.simulate.furnishing import wanted
from farshore.simulate.report import Report
from farshore.testing.twin import Twin
from twin.customers import Customers
from twin.furnishing import Room, Wanted, Way
from twin.services.elbv2.furnish import _rules
from twin.verb import Verb

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


def said(topology: str, runbook: str = RUNBOOK) -> Wanted:
    """What the two files say, nothing being furnished of it."""
    Path("payroll.yaml").write_text(runbook)
    Path("payroll.topology.yaml").write_text(topology)
    return wanted(load("payroll.yaml"))


def refused(done: Result) -> list[str]:
    """The lines of its message about topologies."""
    assert done.exit_code in (1, 2), done.exception or done.stdout + done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    told = (done.stdout + done.stderr).splitlines()
    return [line.removeprefix("Error: ") for line in told if ".topology.y" in line]


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
  - {read: /hours/1, host: pay.example, body: hours}
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
        f'{here}1: every: customers who come again after "0s": write 1s to 60s',
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
        f'{here}5: host: no URL of the runbook has the host "pay.example": did you mean "payroll.example"?',
        f"{here}5: body lacks {{marker}}: put it in: each write has its own",
        f'{here}6: data: expected a list of texts, found "hours": write ["hours"]',
        f'{here}7: write: "/x" stands in line 6 already: write one entry for it',
        f'{here}8: unknown key "warm" of the topology: its keys are customers, hosts, entries',
    ]


@pytest.mark.parametrize(
    ("topology", "told"),
    [
        ("", "payroll.topology.yaml:1: error: the file is empty: begin with customers, hosts or entries"),
        ("- 1\n", "expected a mapping of customers, hosts or entries, found a list"),
        (
            "customers: {count: 3, stale: 3}\n",
            "stale: 3 of 3 customers, and the RTO is what the others feel: write stale: 2, or fewer",
        ),
        ("customers: {count: 1}\n", "stale: 1 of 1 customers, and the RTO is what the others feel"),
        ("customers: {count: 0}\n", "count: 0 customers: write 1 to 1,000"),
        ("customers: {count: 1001}\n", "count: 1001 customers: write 1 to 1,000"),
        ("customers: {every: 61s}\n", 'every: customers who come again after "61s": write 1s to 60s'),
        ("customers: {every: 300d}\n", 'every: customers who come again after "300d": write 1s to 60s'),
        ("customers: {every: 0.5s}\n", 'every: customers who come again after "0.5s": write 1s to 60s'),
        (
            f"hosts: {{sydney.payroll.example: {HOME}}}\n"
            "entries: [{write: /x, host: sydney.payroll.example}]\n",
            f"yaml:2: error: host: sydney.payroll.example leads to {HOME} alone, as hosts says",
        ),
    ],
)
def test_a_mistake_says_what_would_be_right(run: Run, topology: str, told: str) -> None:
    (line,) = refused(run("lint", "payroll.yaml", topology=topology, runbook=SYDNEY + RUNBOOK))
    assert told in line


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


@pytest.mark.parametrize(
    "entry",
    [
        """{write: /canary, body: '{"x": "{marker}"}', data: [wages]}""",
        '{write: /canary, read: "/other/{marker}"}',
    ],
    ids=["body", "read"],
)
def test_an_entry_for_a_path_that_the_runbook_verifies_leaves_its_verification(
    twin: Twins, entry: str
) -> None:
    Path("payroll.topology.yaml").write_text(f"entries: [{entry}]\n")
    payroll = twin("payroll.yaml")
    since = payroll.now
    payroll.advance(30)
    assert payroll.felt(since) == 0
    assert payroll.start("failover", "graceful").ended().status == "SUCCEEDED"


def test_what_an_entry_says_of_a_path_is_so_of_the_runbooks_own_write_to_it() -> None:
    told = said(
        "entries: [{write: /canary, read: '/other/{marker}', through: [claims-api], data: [wages]}]\n"
    )
    assert [(verb.read, {*verb.through}, {*verb.data}) for verb in told.answered] == [
        (read, {"claims-api"}, {"wages"}) for read in ("/canary/{marker}", "/other/{marker}")
    ]


def test_what_the_runbook_reads_back_it_reads_before_customers_do() -> None:
    entries = "entries: [{write: /first, read: '/canary/{marker}', data: [wages]}, {write: /canary}]\n"
    assert [verb.write for verb in said(entries).answered] == ["/canary", "/first"]


def test_a_verb_has_what_its_entry_says_and_else_what_the_runbook_does() -> None:
    """/ping is verified at a host that is said to be a Region's own: customers call the other."""
    entries = """\
hosts: {sydney.payroll.example: ap-southeast-2}
entries:
  - {write: /a, host: payroll.example, body: 'a {marker}', read: '/b/{marker}'}
  - {write: /canary}
  - {write: /c/}
  - {write: /ping}
"""
    assert said(entries, SYDNEY + RUNBOOK).verbs == tuple(
        Verb("payroll.example", write, body, read, f"POST {write} at https://payroll.example")
        for write, body, read in (
            ("/a", "a {marker}", "/b/{marker}"),
            ("/canary", '{"canary": "{marker}"}', "/canary/{marker}"),
            ("/c/", '{"item": "{marker}"}', "/c/{marker}"),
            ("/ping", '{"ping": "{marker}"}', "/ping/{marker}"),
        )
    )


def test_customers_call_the_host_that_is_said(twin: Twins) -> None:
    both = "hosts: {sydney.payroll.example: both}\nentries: [{write: /a, host: HOST, body: 'a {marker}'}]\n"
    for host in ("sydney.payroll.example", "payroll.example"):
        assert said(both.replace("HOST", host), SYDNEY + RUNBOOK).verbs[0].host == host
    payroll = twin("payroll.yaml")
    asked: list[tuple[str, bytes]] = []
    net = payroll.simulation.net
    request = net.request

    def listen(origin: str, method: str, url: str, body: bytes | None = None, *rest: Any, **more: Any) -> Any:
        asked.append((url, body or b""))
        return request(origin, method, url, body, *rest, **more)

    net.request = listen  # type: ignore[method-assign]
    payroll.advance(10)
    assert {url for url, _ in asked} == {"https://payroll.example/a"}
    assert all(json.loads(body).startswith("a ") for _, body in asked)


def test_customers_come_again_as_often_as_is_said(twin: Twins) -> None:
    Path("payroll.topology.yaml").write_text("customers: {count: 3, stale: 1, every: 20s}\n")
    payroll = twin("payroll.yaml")
    payroll.advance(300)
    for name in {visit.customer for visit in payroll.simulation.customers.notebook.visits}:
        mine = [v for v in payroll.simulation.customers.notebook.visits if v.customer == name]
        pauses = [later.at - later.seconds - earlier.at for earlier, later in pairwise(mine)]
        assert len(pauses) > 5
        assert all(10 - 1e-6 <= pause <= 30 + 1e-6 for pause in pauses)
        assert max(pauses) > 15


def test_a_table_and_a_database_of_one_name_both_keep_it(twin: Twins) -> None:
    Path("payroll.yaml").write_text(RUNBOOK.replace("{hours: {pk", "{wages: {pk"))
    Path("payroll.topology.yaml").write_text("entries: [{write: /a, data: [wages]}]\n")
    promises = twin("payroll.yaml").simulation.customers.notebook.promises
    assert {promise.dataset for promise in promises} == {"wages", "wages, too"}


def test_results_of_before_are_not_those_of_another_topology() -> None:
    book = load("payroll.yaml")
    found = [_code(book)]
    for text in (TOPOLOGY, TOPOLOGY.replace("6s", "7s")):
        Path("payroll.topology.yaml").write_text(text)
        found.append(_code(book))
    assert len(set(found)) == 3


def test_a_rehearsal_without_an_acknowledged_write_knows_no_rto(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("payroll", 1, "graceful", None)
    report.clients = {"requests": 0, "failed": 0, "rto_seconds": 0.0, "longest_outage_seconds": 0.0}
    none: dict[str, Any] = {"lost": [], "overwritten": [], "late": []}
    report.data = {**none, "acknowledged": 0, "rpo_seconds": 0.0, "exposure_seconds": 0.0}
    report.course = {"regions": {"primary": HOME}, "outage_at": 0.0, "unkept": []}
    _print_result(Console(width=200), report)
    printed = capsys.readouterr().out
    assert "no write of theirs was acknowledged" in printed
    assert "0 s of outage" not in printed
    told = list(verdict(report.as_json()))
    assert "No write of customers was acknowledged: what they felt, and what was lost, is not known." in told
    assert not any("without service" in sentence for sentence in told)


KIOSK = (STAND_INS / "kiosk.yaml").read_text()


def test_an_entry_hides_no_other_from_the_load_balancer() -> None:
    entries = """\
entries:
  - {write: /orders, through: [kiosk/web]}
  - {write: /orders/rush, through: [kiosk/orders]}
  - {write: /both, read: '/both?of={marker}', through: [kiosk/orders, kiosk/web]}
"""
    room: Any = SimpleNamespace(wanted=said(entries, KIOSK))
    groups: Any = {"kiosk/web": "web", "kiosk/orders": "orders"}
    rules: list[Any] = [*_rules(room, groups)]
    assert rules == [
        ("/orders", "web"),
        ("/orders/rush", "orders"),
        ("/both", "web"),
        ("/orders/rush/*", "orders"),
        ("/orders/*", "web"),
        ("/both", "web"),
        ("/orders/*", "orders"),
        ("*", "web"),
    ]


def test_a_regions_own_host_follows_no_customers_unless_it_is_said(run: Run) -> None:
    entry = "entries: [{write: /orders, host: kiosk-ohio.us-east-2.elb.amazonaws.com}]\n"
    done = run("plan", "payroll.yaml", "--twin", topology=entry, runbook=KIOSK)
    assert refused(done) == [
        "payroll.topology.yaml:1: host: kiosk-ohio.us-east-2.elb.amazonaws.com leads to us-east-2 alone, as "
        "the runbook has it: write a host that customers call, or in hosts "
        "kiosk-ohio.us-east-2.elb.amazonaws.com: both"
    ]
    both = f"hosts: {{kiosk-ohio.us-east-2.elb.amazonaws.com: both}}\n{entry}"
    assert said(both, KIOSK).verbs[0].host == "kiosk-ohio.us-east-2.elb.amazonaws.com"


def test_a_host_that_is_made_up_is_none_of_the_runbooks() -> None:
    """Its only host is a Region's own, and is what would be made up for customers to call."""
    own = said("customers: {count: 3}\n", RUNBOOK.replace("https://payroll", f"https://{HOME}.payroll"))
    assert own.hosts.shared == ("payroll.example",)
    assert replace(own, application=f"{HOME}.payroll").hosts.shared == (f"made-up.{HOME}.payroll.example",)


@pytest.mark.parametrize("host", [HOME, AWAY])
def test_some_host_is_left_for_customers_to_call(run: Run, host: str) -> None:
    done = run("plan", "payroll.yaml", "--twin", topology=f"hosts: {{payroll.example: {host}}}\n")
    assert refused(done) == [
        "payroll.topology.yaml:1: hosts: no host is left that customers call: "
        "write payroll.example: both, or leave it out"
    ]


def test_a_link_that_leads_nowhere_is_not_passed_over(run: Run) -> None:
    for target in ("nowhere.yaml", "payroll.topology.yaml"):
        Path("payroll.topology.yaml").unlink(missing_ok=True)
        Path("payroll.topology.yaml").symlink_to(target)
        assert refused(run("plan", "payroll.yaml", "--twin", topology=None))


@pytest.mark.parametrize("name", ["payroll.topology.yml", "payrol.topology.yaml"])
@pytest.mark.parametrize(
    "words", [["plan", "payroll.yaml", "--twin"], ["lint", "payroll.yaml"]], ids=" ".join
)
def test_one_of_another_name_is_not_passed_over(run: Run, name: str, words: list[str]) -> None:
    Path(name).write_text(TOPOLOGY)
    (line,) = refused(run(*words, topology=None))
    assert line.startswith(f"{name}: ")
    assert "name it" in line
    Path("payrol.yaml").write_text(RUNBOOK)
    assert name.endswith("yml") or run("lint", "payroll.yaml", topology=None).exit_code == 0


def test_lint_says_what_is_wrong_in_a_topology(run: Run) -> None:
    assert refused(run("lint", "payroll.yaml", topology="customers: {count: 0}\n")) == [
        "payroll.topology.yaml:1: error: count: 0 customers: write 1 to 1,000 [runbook]"
    ]
    assert run("lint", "payroll.yaml", topology=TOPOLOGY).exit_code == 0


def test_one_in_a_directorys_place_is_said(run: Run) -> None:
    Path("payroll.topology.yaml").mkdir()
    (line,) = refused(run("plan", "payroll.yaml", "--twin", topology=None))
    assert "this is a directory" in line
    assert "take it away" in line


@pytest.mark.parametrize(
    ("topology", "told"),
    [
        (
            "hosts: {payroll.example: boht}\n",
            [
                '1: hosts.payroll.example: "boht" is no Region of the application: write '
                f"{HOME}, {AWAY} or both"
            ],
        ),
        (
            "entries: [{write: /x, through: [1, null], body: ''}]\n",
            ["1: through: expected a text, found 1", "1: through: expected", "1: body: expected a text"],
        ),
        ("entries:\n  - {write: /x}\n  - {write: /x}\n", ["3: entries: a mapping stands here twice"]),
        (
            "entries: [{write: /x, data: [wages]}, {write: /x, data: [hours]}]\n",
            ['1: write: "/x" stands in line 1 already'],
        ),
        ("entries: [{write: '/x/{marker}'}, {write: /x?y=1}]\n", ["1: write:", "1: write:"]),
        ("entries: [{write: /x, host: 'https://[::1'}]\n", ["1: host: no URL of the runbook has the host"]),
        ("entries: [{write: /x, url: 'https://[::1'}]\n", ['1: unknown key "url" of "entries"']),
        ("x: " + "[" * 30 + "\n", ["1: nested deeper than 20: write it flatter"]),
    ],
)
def test_each_mistake_is_said_once(run: Run, topology: str, told: list[str]) -> None:
    lines = refused(run("plan", "payroll.yaml", "--twin", topology=topology))
    assert len(lines) == len(told), lines
    for line, begins in zip(lines, told, strict=True):
        assert line.startswith(f"payroll.topology.yaml:{begins}")


def test_data_that_an_entry_does_not_name_never_have_what_it_writes(twin: Twins) -> None:
    Path("payroll.topology.yaml").write_text(TOPOLOGY)
    payroll = twin("payroll.yaml")
    found = writes(payroll)
    kept: Any = {dataset.name: dataset for dataset in payroll.simulation.application.datasets}
    for name, other in (("wages", "hours"), ("hours", "wages")):
        assert all(kept[name].has(HOME, key) for key in found[name])
        assert not any(kept[other].has(HOME, key) for key in found[name])


def test_the_barest_customer_writes_what_some_entry_keeps_and_where_its_way_is_open(twin: Twins) -> None:
    Path("payroll.topology.yaml").write_text(TOPOLOGY)
    simulation = (payroll := twin("payroll.yaml")).simulation
    barely = Customers(simulation.clock, simulation.net, simulation.application, 1)
    barely.come_barely()
    payroll.advance(20)
    came = len(barely.notebook.promises)
    assert came
    shut("claims-api")
    payroll.advance(20)
    assert {promise.dataset for promise in barely.notebook.promises} == {"wages"}
    assert len(barely.notebook.promises) == came


def test_what_no_entry_writes_is_written_by_nobody(twin: Twins) -> None:
    Path("payroll.topology.yaml").write_text("entries: [{write: /hours, data: [hours]}]\n")
    assert twin("payroll.yaml").simulation.application.session.dataset == "hours"


def test_a_region_lets_in_where_some_entry_can_be_done_and_needs_only_what_some_entry_meets() -> None:
    entries = "entries: [{write: /canary, through: [a]}, {write: /hours, through: [b]}]\n"
    runbook = RUNBOOK.replace("[claims-api, hours-api, nightly-export]", "[a, b, c]")
    cloud: Any = SimpleNamespace(faults=SimpleNamespace(is_dark=lambda region: False))
    nothing: Any = None
    room = Room(said(entries, runbook), cloud, nothing, False, nothing, {}, {}, nothing)
    is_open = {"a": True, "b": False, "c": False}
    for name in is_open:
        gate: Any = SimpleNamespace(is_open=lambda name=name: is_open[name])
        room.add_way(HOME, Way("FunctionName", name, gate, carry=dict))
    assert [way.name for way in room.in_use(HOME)] == ["a", "b"]
    assert room.lets_in(HOME)
    is_open |= {"a": False, "c": True}
    assert not room.lets_in(HOME)
