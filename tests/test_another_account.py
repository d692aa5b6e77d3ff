"""Lines whose calls are made as another account's role: what a runbook says, who may do what, and STS."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from click.testing import CliRunner, Result
from own_shop import BOOKWORM
from samtranslator.yaml_helper import yaml_parse

from farshore.cli import farshore
from farshore.compile.machine import machines
from farshore.compile.policy import of_role, statements
from farshore.runbook.load import load
from farshore.runbook.model import Runbook
from farshore.runbook.named import tables_of
from functions.assume import Assume
from functions.calls import Absent, Api, Denied, Endpoint, Silence
from functions.outside import Outside

FUNCTIONS = "arn:aws:iam::222222222222:role/farshore-functions"
DATA = "arn:aws:iam::333333333333:role/data/farshore"
WEST, CENTRAL = "arn:aws:iam::222222222222:role/west", "arn:aws:iam::333333333333:role/central"
BY_REGION = f"{{eu-west-1: '{WEST}', eu-central-1: '{CENTRAL}'}}"
ITS = f", assume: {{role: {FUNCTIONS}, external_id: ours-7}}"
TEXT = BOOKWORM.read_text()
FENCE = "lambda_concurrency: {functions: [orders, cart], region: $from, reserved: 0"
RESTORE = "lambda_concurrency: {functions: [orders, cart], region: $to, reserved: restore"
WRITER = "      cluster: books\n"


def text(role: str = FUNCTIONS, external_id: str = "ours-7") -> str:
    """The bookworm's, with its functions in one account and its data in another."""
    its = ITS.replace(FUNCTIONS, role).replace("ours-7", external_id)
    return (
        TEXT.replace(FENCE, FENCE + its)
        .replace(RESTORE, RESTORE + its)
        .replace(WRITER, f"{WRITER}      assume: {{role: {DATA}}}\n")
    )


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Runbook]:
    monkeypatch.chdir(tmp_path)

    def write(said: str) -> Runbook:
        Path("bookworm.yaml").write_text(said)
        return load("bookworm.yaml")

    return write


def invoked(*words: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(farshore, list(words))


# What a runbook says.


@pytest.mark.parametrize(
    ("role", "external_id", "said"),
    [
        ("arn:aws:iam::2222:role/x", "ours", "role: expected"),
        ("farshore", "ours", "role: expected"),
        (FUNCTIONS, "a", 'expected an external ID, found "a": write 2 to 1224'),
        (FUNCTIONS, "12345", 'write "12345" in quotes'),
        (FUNCTIONS, "'o u'", 'expected an external ID, found "o u"'),
        (f"{FUNCTIONS}, rôle: x", "ours", 'unknown key "rôle" of "assume"'),
        ("{eu-west-1: '" + FUNCTIONS + "'}", "ours", "role lacks eu-central-1"),
        ("arn:aws-cn:iam::222222222222:role/x", "ours", "aws-cn"),
    ],
)
def test_a_role_that_is_none_is_named_with_its_line(
    written: Callable[[str], Any], role: str, external_id: str, said: str
) -> None:
    Path("bookworm.yaml").write_text(text(role, external_id))
    linted = invoked("lint", "bookworm.yaml")
    assert linted.exit_code == 1
    assert linted.output.count(said) >= 2, linted.output  # in each of its lines, all at once


def test_a_step_that_asks_nobody_elses_account_assumes_no_role(written: Callable[[str], Any]) -> None:
    asks = TEXT.replace("      within: 15m", f"      within: 15m\n      assume: {{role: {DATA}}}")
    Path("bookworm.yaml").write_text(asks)
    assert "approval does not: remove it" in invoked("lint", "bookworm.yaml").output


def test_what_a_fence_takes_in_one_account_is_given_back_there(written: Callable[[str], Any]) -> None:
    taken, given = ITS, f", assume: {{role: {DATA}}}"
    Path("bookworm.yaml").write_text(text().replace(RESTORE + taken, RESTORE + given))
    said = invoked("lint", "bookworm.yaml").output
    assert "orders is in account 333333333333, and in account 222222222222 by line 24" in said
    Path("bookworm.yaml").write_text(text().replace(RESTORE + taken, RESTORE))
    assert (
        "is in Farshore's own account, and in account 222222222222" in invoked("lint", "bookworm.yaml").output
    )


def test_a_role_has_one_external_id(written: Callable[[str], Any]) -> None:
    other = ITS.replace("ours-7", "theirs-8")
    Path("bookworm.yaml").write_text(text().replace(RESTORE + ITS, RESTORE + other))
    assert "is assumed with another external_id than in line 24" in invoked("lint", "bookworm.yaml").output


def test_the_events_of_such_a_line_name_the_role_and_others_do_not(
    written: Callable[[str], Runbook],
) -> None:
    made = {machine.procedure: machine for machine in machines(written(text(BY_REGION)))}
    named = dict(roles(made["failover"].definition["States"]))
    assert {name.partition(" eu-")[0] for name in named} == {
        *("lambda_concurrency", "aurora_writer", "undo lambda_concurrency")
    }
    assert named["lambda_concurrency eu-west-1"] == {"eu-west-1": WEST, "eu-central-1": CENTRAL}
    assert named["aurora_writer eu-central-1"] == DATA
    assert len(dict(roles(made["settle"].definition["States"]))) == 2, "a debt is paid as the same role"


def roles(states: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, state in states.items():
        payload = state.get("Parameters", {}).get("Payload", {})
        if "assume" in payload:
            yield name, payload["assume"]["role"]


# Who may do what.


def test_a_steps_function_may_assume_the_role_and_touch_nothing_that_the_line_names(
    written: Callable[[str], Runbook],
) -> None:
    runbook = written(text())
    uses = [(runbook, machine) for machine in machines(runbook)]
    allowed = [each for each in statements("lambda_concurrency", uses) if "table/" not in each.resources[0]]
    assert [(each.actions, each.resources) for each in allowed] == [(("sts:AssumeRole",), (FUNCTIONS,))]


def test_where_another_line_has_no_role_the_function_may_do_that_line_alone(
    written: Callable[[str], Runbook],
) -> None:
    beside = "  - lambda_concurrency: {functions: [mail], region: $from, reserved: 0}\n"
    runbook = written(text().replace("  - aurora_writer", f"{beside}  - aurora_writer"))
    uses = [(runbook, machine) for machine in machines(runbook)]
    named = {
        arn.rpartition(":")[2] for each in statements("lambda_concurrency", uses) for arn in each.resources
    }
    assert named == {"mail", "role/farshore-functions", "table/farshore-ledger"}


def test_each_regions_role_allows_what_is_in_its_region(written: Callable[[str], Runbook]) -> None:
    runbook = written(text(BY_REGION))
    uses = [(runbook, machine) for machine in machines(runbook)]
    places = {arn.split(":")[3] for each in of_role(WEST, uses) for arn in each.resources}
    assert places == {"eu-west-1"}


def test_the_template_of_a_role_trusts_one_account_and_allows_what_its_lines_do(
    written: Callable[[str], Runbook],
) -> None:
    written(text())
    shown = invoked("show", "bookworm.yaml", "--role", FUNCTIONS)
    assert shown.exit_code == 0, shown.stderr
    assert "account 222222222222" in shown.output.splitlines()[0]
    role = yaml_parse(shown.output)["Resources"]["Role"]["Properties"]
    assert (role["RoleName"], role["Path"]) == ("farshore-functions", "/")
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Condition"] == {"StringEquals": {"sts:ExternalId": "ours-7"}}
    assert "${FarshoreAccount}:root" in str(trusted["Principal"])
    (policy,) = role["Policies"]
    (allowed,) = policy["PolicyDocument"]["Statement"]
    assert "lambda:PutFunctionConcurrency" in allowed["Action"]
    assert "dynamodb" not in str(allowed)
    assert {arn["Fn::Sub"].partition(":lambda:")[2] for arn in allowed["Resource"]} == {
        f"{region}:${{AWS::AccountId}}:function:{name}"
        for region in ("eu-west-1", "eu-central-1")
        for name in ("orders", "cart")
    }


def test_a_role_that_no_line_names_has_no_template(written: Callable[[str], Runbook]) -> None:
    written(text())
    shown = invoked("show", "bookworm.yaml", "--role", "arn:aws:iam::222222222222:role/other")
    assert shown.exit_code == 2
    assert f"its roles are {FUNCTIONS}, {DATA}" in " ".join(shown.stderr.split())


def test_reconcile_is_for_tables_of_farshores_own_account(written: Callable[[str], Runbook]) -> None:
    line = "  - data_matches: {table: orders, within: 5m}\n"
    runbook = written(TEXT.replace("outage:", f"{line}outage:"))
    assert tables_of(runbook) == ("orders",)
    its = line.replace("within", f"assume: {{role: {DATA}}}, within")
    assert tables_of(written(TEXT.replace("outage:", f"{its}outage:"))) == ()


# Whom STS is asked for a session, and what becomes of it.

READ = Api("lambda:InvokeFunction", operation="Invoke", why="a test")
PAGE = Api("sns:Publish", operation="Invoke", why="a test", ours=True)
SECRET, TOKEN = "wJalrXUtnFEMI/K7MDENG", "FwoGZXIvYXdzE"
NOW = 1_800_000_000.0


def no(code: str, status: int = 400) -> ClientError:
    said = {"Code": code, "Message": f"User: x is not authorized: {code}"}
    return ClientError({"Error": said, "ResponseMetadata": {"HTTPStatusCode": status}}, "any")  # type: ignore[arg-type]


class Aws(Outside):
    """STS and one function, each as a test has it."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: self.now, at_once=lambda thunks: [thunk() for thunk in thunks])
        self.now = NOW
        self.begun: list[tuple[str, dict[str, Any]]] = []
        self.called: list[tuple[str, str]] = []
        """Regions, and the keys with which they were called; "" for the function's own."""
        self.sts: dict[str, Any] = {}
        """By Region, what STS raises there, or answers in place of a session."""
        self.refuses: list[Exception] = []

    def client(self, api: Api, endpoint: Endpoint, session: Any = None) -> Any:
        if api.service == "sts":
            assert (session, endpoint.url) == (None, f"https://sts.{endpoint.region}.amazonaws.com")
            return type("Sts", (), {"assume_role": lambda _, **asked: self._begin(endpoint.region, asked)})()
        key = session.key if session is not None else ""
        return type("Client", (), {"invoke": lambda _, **asked: self._invoke(endpoint.region, key)})()

    def _begin(self, region: str, asked: dict[str, Any]) -> Any:
        self.begun.append((region, asked))
        given = self.sts.get(region)
        if isinstance(given, Exception):
            raise given
        until = datetime.fromtimestamp(self.now + 3600, UTC)
        credentials = {
            "AccessKeyId": f"KEY{len(self.begun)}",
            "SecretAccessKey": SECRET,
            "SessionToken": TOKEN,
        }
        return {"Credentials": credentials | {"Expiration": until}} if given is None else given

    def _invoke(self, region: str, key: str) -> Any:
        self.called.append((region, key))
        if self.refuses:
            raise self.refuses.pop()
        return {}


ROLE = Assume(FUNCTIONS, "ours-7")  # type: ignore[arg-type]
RUN = "arn:aws:states:eu-central-1:1:execution:bookworm-failover:night of the 3rd"


def asked(aws: Aws, *regions: str, api: Api = READ, assume: Assume = ROLE) -> list[Any]:
    return aws.assuming(assume, RUN).replies([api(region) for region in regions], frozenset())


def test_a_session_comes_from_the_region_that_is_called_and_serves_all_calls() -> None:
    aws = Aws()
    assert asked(aws, *["eu-west-1"] * 40) == [{}] * 40
    named = {"RoleArn": FUNCTIONS, "RoleSessionName": "farshore-night-of-the-3rd", "ExternalId": "ours-7"}
    assert aws.begun == [("eu-west-1", named)]
    assert asked(aws, "eu-central-1") == [{}]
    assert len(aws.begun) == 1, "a session of one Region counts in all"
    assert set(aws.called) == {("eu-west-1", "KEY1"), ("eu-central-1", "KEY1")}


def test_what_is_farshores_own_is_asked_as_itself() -> None:
    aws = Aws()
    assert asked(aws, "eu-west-1", api=PAGE) == [{}]
    assert (aws.begun, aws.called) == ([], [("eu-west-1", "")])


def test_a_session_is_renewed_before_it_ends_and_after_a_no() -> None:
    aws = Aws()
    asked(aws, "eu-west-1")
    aws.now += 3600 - 301
    asked(aws, "eu-west-1")
    aws.now += 2
    asked(aws, "eu-west-1")
    assert [key for _, key in aws.called] == ["KEY1", "KEY1", "KEY2"]
    aws.refuses = [no("ExpiredTokenException")]
    (silence,) = asked(aws, "eu-west-1")
    assert isinstance(silence, Silence)
    assert asked(aws, "eu-west-1") == [{}]
    assert [key for _, key in aws.called[3:]] == ["KEY2", "KEY3"]


def test_another_run_has_a_session_of_its_name() -> None:
    aws = Aws()
    asked(aws, "eu-west-1")
    aws.assuming(ROLE, "plan").replies([READ("eu-west-1")], frozenset())
    assert [each["RoleSessionName"] for _, each in aws.begun] == [
        "farshore-night-of-the-3rd",
        "farshore-plan",
    ]


def test_the_name_of_a_long_execution_is_cut_to_what_a_session_may_be_called() -> None:
    aws = Aws()
    aws.assuming(ROLE, f"{RUN} {'x' * 80}").replies([READ("eu-west-1")], frozenset())
    assert len(aws.begun[0][1]["RoleSessionName"]) == 64


def test_a_role_that_may_not_be_assumed_says_what_is_missing_and_no_call_is_made() -> None:
    aws = Aws()
    aws.sts["eu-west-1"] = no("AccessDenied", 403)
    (denied,) = asked(aws, "eu-west-1")
    assert isinstance(denied, Denied)
    assert denied.answered
    assert f"--role {FUNCTIONS} prints what it must allow" in denied.why
    (evidence,) = asked(aws, "eu-west-1", api=replace(READ, absent=frozenset({"AccessDenied"})))
    assert evidence == Absent("AccessDenied")
    (insisted,) = aws.insisting().assuming(ROLE, RUN).replies([READ("eu-west-1")], frozenset())
    assert isinstance(insisted, Silence)
    assert aws.called == []


@pytest.mark.parametrize(
    "error", [no("ExpiredToken"), no("Unavailable", 503), ConnectTimeoutError(endpoint_url="x"), {}]
)
def test_where_sts_of_a_region_is_silent_so_is_the_call_there_and_then_another_regions_session_serves(
    error: Any,
) -> None:
    aws = Aws()
    aws.sts["eu-west-1"] = error
    silent, answered = asked(aws, "eu-west-1", "eu-central-1")
    assert isinstance(silent, Silence)
    assert not silent.answered
    assert answered == {}
    assert aws.called == [("eu-central-1", "KEY2")]
    assert asked(aws, "eu-west-1") == [{}]


def test_a_throttled_sts_is_asked_again_in_the_same_tick_or_done_without() -> None:
    aws = Aws()
    aws.sts["eu-west-1"] = no("Throttling")
    assert asked(aws, "eu-west-1", "eu-central-1") == [{}, {}]
    assert aws.called == [("eu-central-1", "KEY2"), ("eu-west-1", "KEY2")]


def test_each_regions_own_role_is_assumed_there_and_nowhere_else() -> None:
    aws = Aws()
    own = Assume({"eu-west-1": WEST, "eu-central-1": CENTRAL})  # type: ignore[dict-item]
    west, central, other = asked(aws, "eu-west-1", "eu-central-1", "us-west-2", assume=own)
    assert (west, central) == ({}, {})
    assert isinstance(other, Denied)
    begun = {region: each["RoleArn"] for region, each in aws.begun}
    assert begun == {"eu-west-1": WEST, "eu-central-1": CENTRAL}
    assert "ExternalId" not in aws.begun[0][1]


def test_no_secret_of_a_session_stands_in_a_log_or_an_error(caplog: pytest.LogCaptureFixture) -> None:
    aws = Aws()
    mine = aws.assuming(ROLE, RUN)
    session = mine._session_in("eu-west-1")
    aws.refuses = [no("AccessDeniedException")]
    with caplog.at_level(logging.DEBUG):
        replies = mine.replies([READ("eu-west-1")], frozenset())
    said = f"{session!r} {vars(mine)} {replies!r} {caplog.text}"
    assert "KEY1" in said
    assert SECRET not in said
    assert TOKEN not in said


def test_boto3s_clients_of_a_session_have_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    aws, outside = Aws(), Outside()
    session: Any = aws.assuming(ROLE, RUN)._session_in("eu-west-1")
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(boto3, "client", lambda service, **given: made.append(given))
    outside.client(READ, Endpoint("eu-west-1"))
    outside.client(READ, Endpoint("eu-west-1"), session)
    outside.client(READ, Endpoint("eu-west-1"), session)
    assert [each.get("aws_session_token") for each in made] == [None, TOKEN]
