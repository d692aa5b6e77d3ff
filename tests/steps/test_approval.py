"""A person has said yes to this very plan: the real handler, which asks real handlers of made-up steps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import boto3
import pytest
from botocore.credentials import ReadOnlyCredentials

from farshore.operate.identity import Unproved, signed
from farshore.operate.proposal import proposal_of
from farshore.testing.ticker import EAST, OTHER, THIS, WEST, Ticker, ticking, topic
from functions.calls import READ_SECONDS, Api, Endpoint, Silence
from functions.errors import NotYet, Refused
from functions.planned import PAGE_AGAIN_SECONDS
from functions.step import Change, Decision, Done, Step, Wait
from functions.steps import approval
from functions.steps.approval import INVOKE as APPROVAL_INVOKE
from functions.steps.approval import PROOF_SECONDS, Approval
from functions.world import World
from twin.faults import Kind, Request
from twin.services.sts.model import Sts

GET = Api("route53-recovery-cluster:GetRoutingControlState", plane="data", why="made up")
SET = Api("route53-recovery-cluster:UpdateRoutingControlState", plane="data", why="made up")
FENCE, WRITER = "fence us-east-1", "writer us-west-1"
INVOKE, PUBLISH = "Invoke", "Publish"


@dataclass(frozen=True, kw_only=True)
class Gate(Step[Any]):
    """The gate is open; in the plan it stands for whatever is still to be done."""

    arn: str
    figure: bool = False

    name: ClassVar = "gate"
    reads: ClassVar = (GET,)
    writes: ClassVar = (SET,)

    def observe(self, world: World) -> Any:
        return *world.ask(GET(EAST, RoutingControlArn=self.arn)), world.now, world.run

    def decide(self, seen: Any) -> Decision:
        sight, now, run = seen
        facts = {"lag_seconds": now % 7, "lag_age_seconds": 12}
        if isinstance(sight, Silence):
            return Wait("the gate is silent", facts)
        state = sight["RoutingControlState"]
        if state == "On":
            return Done(facts=facts)
        if state == "Off":
            call = SET(EAST, RoutingControlArn=self.arn, RoutingControlState="On")
            return Change(f"open in a {run.mode} run", (call,), facts=facts)
        if state == "silent":
            raise NotYet("nobody says")
        if state == "broken":
            raise KeyError("a mistake of ours")
        raise Refused(f"it is {state}: a person must look")


class Desk(Ticker):
    """A gate for each later step, the approval before them, and a topic that pages."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.gates = {FENCE: "Off", WRITER: "Off"}
        self.deploy(Approval)
        self.deploy(Gate)
        cloud.serve("route53-recovery-cluster", "GetRoutingControlState", self._get)
        self.sts = Sts(cloud, self.net)
        self.sts.endpoint(WEST)
        self.topics = {WEST: topic(WEST), EAST: topic(EAST)}
        self.pages: list[Mapping[str, Any]] = []
        self.more: dict[str, Any] = {}
        """Inputs besides."""
        cloud.watchers.append(self._published)
        self.hold()
        self.entered = self.clock.now

    def inputs(self, **more: Any) -> dict[str, Any]:
        later = [
            {"state": name, "function": "gate", "event": self._event(name), "no_return": name == WRITER}
            for name in self.gates
        ]
        return {"topics": self.topics, "later": later} | more

    def _event(self, name: str) -> dict[str, Any]:
        event = self.event({"arn": name}, step="gate")
        return {key: event[key] for key in ("inputs", "run", "ledger")}

    def asks(self, **given: Any) -> str:
        return self.fails("approval", self.inputs(**self.more), entered=self.entered, **given)

    def decided(self, **given: Any) -> dict[str, Any]:
        return self.tick("approval", self.inputs(**self.more), entered=self.entered, **given)

    @property
    def hash(self) -> str:
        return str(self.records().proposal["hash"])

    @property
    def plan(self) -> dict[str, Any]:
        return {entry["state"]: entry for entry in self.records().proposal["plan"]}

    def decide(self, plan: str, decision: str = "approve", **more: Any) -> None:
        proposal = self.records().proposal
        about = {name: proposal[name] for name in ("digest", "execution", "started")}
        word = {"decision": decision, "who": "jane", "why": "I looked", "at": self.clock.now} | about | more
        assert self.ledger.say(f"decision#{plan}", word, self.records())

    def proof(
        self, by: ReadOnlyCredentials, decision: str = "approve", why: str = "I looked", **about: Any
    ) -> dict[str, str]:
        """As the command line makes it, for the plan that is pending; or for another one, or another run."""
        proposal = proposal_of(self.records())
        assert proposal is not None
        made, _ = signed(self.outside, replace(proposal, **about), decision, why, by)
        return made.as_json()

    def asked_of_sts(self) -> list[str]:
        """The requests over HTTP that functions have made since the last look."""
        found = [str(request.parameters["url"]) for request in self.requests if request.service == "http"]
        self.requests.clear()
        return found

    def _get(self, request: Request) -> dict[str, Any]:
        arn = str(request.parameters["RoutingControlArn"])
        return {"RoutingControlArn": arn, "RoutingControlState": self.gates[arn]}

    def _published(self, request: Request, answer: object) -> None:
        if request.operation == PUBLISH:
            self.pages.append(request.parameters)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with ticking(1, Desk) as desk:
        assert isinstance(desk, Desk)
        yield desk


# The plan.


def test_the_plan_holds_what_each_later_step_would_do(desk: Desk) -> None:
    desk.gates[FENCE] = "On"
    assert desk.asks().startswith("NotYet: the state: nobody has decided on plan ")
    assert desk.plan[FENCE]["outcome"] == "done"
    writer = desk.plan[WRITER]
    assert (writer["outcome"], writer["why"]) == ("would change", "open in a graceful run")
    assert writer["calls"][0]["region"] == EAST
    assert [entry["no_return"] for entry in desk.plan.values()] == [False, True]
    assert set(desk.gates.values()) == {"On", "Off"}


def test_the_plan_is_paged_in_the_region_that_takes_over_with_its_hash(desk: Desk) -> None:
    desk.asks()
    (page,) = desk.pages
    assert page["TopicArn"] == desk.topics[WEST]
    assert page["Subject"] == f"shop failover: approve {desk.hash}?"
    lines = str(page["Message"]).splitlines()
    assert "MessageStructure" not in page
    assert lines[0] == "shop failover, graceful, us-east-1 to us-west-1"
    assert f"- {FENCE}: would change: open in a graceful run" in lines
    assert f"- {WRITER}: would change: open in a graceful run [no return]" in lines


def test_a_page_says_until_when_what_is_at_stake_and_how_to_answer_before_the_details(desk: Desk) -> None:
    desk.ledger.write_once("debt#lambda:buy", {"why": "it is dark", "since": 0.0})
    desk.clock.sleep(300)
    desk.asks(mode="ungraceful", trigger="canary-west")
    lines = str(desk.pages[0]["Message"]).splitlines()
    ends = datetime.fromtimestamp(desk.entered + 900, tz=UTC)
    lag = desk.plan[WRITER]["facts"]["lag_seconds"]
    said = [
        "started by the alarm canary-west",
        f"decide by {ends:%H:%M:%S} UTC, in 10 min: then the run gives up, and gives back what it took",
        f"to be lost: about {lag:g} s of writes ({WRITER}: replication lagged so much, 12 s ago)",
        "nobody has confirmed: lambda:buy: it is dark",
        f"no return from {WRITER} on",
        f"farshore approve shop {desk.hash} --why …",
        f"farshore decline shop {desk.hash} --why …",
        f"farshore status {THIS}",
    ]
    places = [lines.index(line) for line in said]
    assert places == sorted(places)
    assert places[-1] < lines.index(f"- {FENCE}: would change: open in a ungraceful run")


def test_a_page_has_each_call_in_a_line(desk: Desk) -> None:
    desk.asks()
    action = "route53-recovery-cluster:UpdateRoutingControlState"
    call = f'    {action} in {EAST}: RoutingControlArn="{FENCE}", RoutingControlState="On"'
    assert call in str(desk.pages[0]["Message"]).splitlines()


def test_a_page_of_a_graceful_run_expects_no_loss(desk: Desk) -> None:
    desk.asks()
    assert "to be lost" not in str(desk.pages[0]["Message"])
    assert "started by no alarm" in str(desk.pages[0]["Message"])


def test_where_the_topics_lead_to_a_chat_each_protocol_gets_its_own_words(desk: Desk) -> None:
    """Source: docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html"""
    desk.more = {"chat": True}
    desk.gates[WRITER] = "closed " + "ü" * 200_000
    desk.asks()
    (page,) = desk.pages
    assert page["MessageStructure"] == "json"
    assert len(str(page["Message"]).encode()) <= 262_144
    said = json.loads(str(page["Message"]))
    assert said["default"].splitlines()[0] == "shop failover, graceful, us-east-1 to us-west-1"
    chat = json.loads(said["https"])
    assert (chat["version"], chat["source"], chat["content"]["textType"]) == (
        "1.0",
        "custom",
        "client-markdown",
    )
    assert chat["content"]["title"] == page["Subject"]
    assert chat["content"]["nextSteps"][0] == f"farshore approve shop {desk.hash} --why …"
    assert chat["metadata"]["threadId"] == THIS


@pytest.mark.parametrize("text", ['"', "\\", "<!channel> ```", "ü"])
def test_whatever_others_wrote_a_page_fits_and_says_nothing_to_a_chat_but_itself(
    desk: Desk, text: str
) -> None:
    desk.more = {"chat": True}
    desk.gates[WRITER] = "closed " + text * 100_000
    desk.asks()
    (page,) = desk.pages
    assert len(str(page["Message"]).encode()) <= 262_144
    chat = json.loads(json.loads(str(page["Message"]))["https"])["content"]["description"]
    assert chat.startswith("```\n")
    assert chat.endswith("\n```")
    assert "`" not in chat[3:-3]


def test_the_hash_stays_while_nothing_changes_and_a_figure_is_no_change(desk: Desk) -> None:
    desk.asks()
    first = desk.hash
    desk.clock.sleep(3)
    desk.asks()
    assert desk.hash == first
    assert len(desk.pages) == 1


@pytest.mark.parametrize(("state", "text"), [("On", "done"), ("closed for good", "would refuse")])
def test_the_hash_is_another_when_a_step_would_do_something_else(desk: Desk, state: str, text: str) -> None:
    desk.asks()
    first = desk.hash
    desk.gates[FENCE] = state
    desk.asks()
    assert desk.hash != first
    assert desk.plan[FENCE]["outcome"] == text


def test_the_hash_is_another_in_another_mode_and_for_another_run(desk: Desk) -> None:
    hashes = set()
    for given in ({}, {"mode": "ungraceful"}):
        desk.asks(**given)
        hashes.add(desk.hash)
    desk.hold(OTHER)
    desk.asks(execution=OTHER)
    assert len(hashes | {desk.hash}) == 3


def test_a_run_made_ungraceful_asks_the_later_steps_as_ungraceful(desk: Desk) -> None:
    desk.say(ungraceful=True)
    desk.asks()
    assert desk.plan[WRITER]["why"] == "open in a ungraceful run"


# The decision.


def test_it_is_done_when_a_person_approves_that_hash(desk: Desk) -> None:
    desk.asks()
    desk.decide(desk.hash)
    said = desk.decided()
    assert said["outcome"] == "approved"
    assert said["facts"] == {"plan": desk.hash, "by": "jane (self-declared)", "why": "I looked"}


def test_a_decision_on_an_older_plan_does_not_count(desk: Desk) -> None:
    desk.asks()
    desk.decide(desk.hash)
    desk.gates[FENCE] = "On"
    assert "nobody has decided on plan" in desk.asks()
    desk.gates[FENCE] = "Off"
    assert desk.decided()["outcome"] == "approved"


def test_an_approval_of_another_run_does_not_count(desk: Desk) -> None:
    desk.asks()
    desk.decide(desk.hash)
    desk.hold(OTHER)
    assert "nobody has decided" in desk.asks(execution=OTHER)


def test_a_decision_on_a_run_that_had_this_name_before_does_not_count(desk: Desk) -> None:
    """After 90 days Step Functions gives a name away again."""
    desk.asks()
    desk.decide(desk.hash)
    assert "nobody has decided" in desk.asks(started=desk.clock.now)


def test_two_runs_whose_plans_have_the_same_digest_share_no_decision(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approval, "_digest", lambda run, plan: "aa")
    desk.asks()
    desk.decide(desk.hash)
    desk.hold(OTHER)
    assert "nobody has decided" in desk.asks(execution=OTHER)
    desk.hold()
    assert desk.decided()["outcome"] == "approved"


def test_a_decision_that_copies_a_short_hash_does_not_count(desk: Desk) -> None:
    desk.asks()
    word = {"decision": "approve", "who": "mallory", "why": "hurry", "identity": "self-declared"}
    assert desk.ledger.say(f"decision#{desk.hash}", word, desk.records())
    assert "nobody has decided" in desk.asks()


def test_nobody_skips_an_approval(desk: Desk) -> None:
    desk.say(skip=["the state"])
    assert "nobody has decided" in desk.asks()


def test_a_decline_is_refused_saying_who_and_why(desk: Desk) -> None:
    desk.asks()
    desk.decide(desk.hash, "decline")
    assert desk.asks() == "Refused: the state: declined by jane (self-declared): I looked"


def test_a_plan_that_nobody_decides_on_expires(desk: Desk) -> None:
    desk.asks()
    desk.clock.sleep(901)
    assert desk.asks().startswith("Refused: the state: not within 900 s: nobody has decided on plan ")


def test_a_decision_at_the_last_moment_counts(desk: Desk) -> None:
    desk.asks()
    desk.clock.sleep(901)
    desk.decide(desk.hash)
    assert desk.decided()["outcome"] == "approved"


def test_a_dry_run_asks_nobody(desk: Desk) -> None:
    said = desk.decided(dry_run=True)
    assert (said["outcome"], said["why"]) == ("would wait", "a person's approval of this plan")
    assert desk.calls(INVOKE, PUBLISH) == []


def test_a_dry_run_doubts_a_topic_that_would_wake_nobody(desk: Desk) -> None:
    facts = desk.decided(dry_run=True)["facts"]
    assert facts["doubts"] == [
        f"nobody has confirmed a subscription to {desk.topics[r]}" for r in (WEST, EAST)
    ]
    for region, arn in desk.topics.items():
        sns = boto3.client("sns", region_name=region)
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="a@example.com")
    assert "doubts" not in desk.decided(dry_run=True)["facts"]
    boto3.client("sns", region_name=EAST).delete_topic(TopicArn=desk.topics[EAST])
    assert desk.decided(dry_run=True)["facts"]["doubts"] == [f"there is no topic {desk.topics[EAST]}"]


def test_a_run_without_the_lease_proposes_nothing(desk: Desk) -> None:
    desk.hold(OTHER)
    assert "superseded" in desk.asks()
    assert desk.pages == []
    assert desk.records().proposal == {}


# Who decides.

JANE = "arn:aws:iam::123456789012:user/jane"
ELSEWHERE = "999999999999"


@pytest.fixture
def jane(desk: Desk) -> ReadOnlyCredentials:
    """A person of the run's account, while a plan waits for a decision."""
    desk.asks()
    return desk.sts.user("jane")


def test_who_approves_with_a_proof_is_named_as_aws_names_them(desk: Desk, jane: ReadOnlyCredentials) -> None:
    desk.decide(desk.hash, proof=desk.proof(jane), who="somebody else")
    assert desk.decided()["facts"]["by"] == f"{JANE} (proved by STS)"


def test_who_declines_with_a_proof_is_named_as_aws_names_them(desk: Desk, jane: ReadOnlyCredentials) -> None:
    desk.decide(desk.hash, "decline", proof=desk.proof(jane, "decline"))
    assert desk.asks() == f"Refused: the state: declined by {JANE} (proved by STS): I looked"


def test_temporary_credentials_prove_as_well(desk: Desk) -> None:
    desk.asks()
    joe = desk.sts.user("joe", token="abc/+=" * 100)
    desk.decide(desk.hash, proof=desk.proof(joe))
    assert desk.decided()["facts"]["by"].endswith("user/joe (proved by STS)")


def test_nobody_is_asked_who_decides_where_no_proof_is_given(desk: Desk) -> None:
    desk.asks()
    desk.decide(desk.hash, identity="proved by STS")
    assert desk.decided()["facts"]["by"] == "jane (self-declared)"
    assert desk.asked_of_sts() == []


FORGERIES = {
    "of another plan": {"digest": "0" * 64},
    "of another run": {"execution": OTHER},
    "of a run of the same name": {"started": 1.0},
    "of a decline": {"decision": "decline"},
    "of another reason": {"why": "she did not say that"},
    "for another Region": {"execution": THIS.replace(WEST, EAST)},
}


@pytest.mark.parametrize("about", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_proof_of_anything_else_makes_a_decision_count_for_nothing(
    desk: Desk, jane: ReadOnlyCredentials, about: dict[str, Any]
) -> None:
    desk.sts.endpoint(EAST)
    desk.decide(desk.hash, proof=desk.proof(jane, **about))
    assert desk.asks().endswith(
        "; the decision of jane counts for nothing: STS refuses it: SignatureDoesNotMatch"
    )
    desk.decide(desk.hash, proof=desk.proof(jane))
    assert desk.decided()["facts"]["by"] == f"{JANE} (proved by STS)"


ALTERED = {
    "signature": ("0" * 64, "SignatureDoesNotMatch"),
    "at": ("20270101T000100Z", "SignatureDoesNotMatch"),
    "key": ("AKIANOBODY", "InvalidClientTokenId"),
    "token": ("another", "InvalidClientTokenId"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_a_proof_that_was_altered_makes_a_decision_count_for_nothing(
    desk: Desk, jane: ReadOnlyCredentials, name: str
) -> None:
    value, code = ALTERED[name]
    desk.decide(desk.hash, proof=desk.proof(jane) | {name: value})
    assert f"counts for nothing: STS refuses it: {code}" in desk.asks()


def test_a_proof_is_over_after_a_quarter_of_an_hour(desk: Desk, jane: ReadOnlyCredentials) -> None:
    proof = desk.proof(jane)
    desk.clock.sleep(880)
    desk.decide(desk.hash, proof=proof)
    assert desk.decided()["outcome"] == "approved"
    desk.clock.sleep(30)
    desk.entered = desk.clock.now
    assert "counts for nothing: STS refuses it" in desk.asks()


def test_who_is_of_another_account_decides_nothing(desk: Desk) -> None:
    desk.asks()
    namesake = desk.sts.user("jane", ELSEWHERE)
    with pytest.raises(Unproved, match="and not of account"):
        desk.proof(namesake)
    desk.decide(desk.hash, proof=made_by(desk, namesake))
    assert f"it is of arn:aws:iam::{ELSEWHERE}:user/jane, and not of account" in desk.asks()


def made_by(desk: Desk, by: ReadOnlyCredentials) -> dict[str, str]:
    """A proof that its maker did not look at first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("farshore.operate.identity.account_of", lambda arn: ELSEWHERE)
        return desk.proof(by)


ODD = {
    "a URL": {"url": "https://mallory.example/"},
    "a host": {"host": "mallory.example"},
    "plain HTTP": {"scheme": "http"},
    "a body": {"body": "X-Amz-Expires=9"},
    "another Region": {"region": EAST},
    "a host in its key": {"key": "a@mallory.example/"},
    "a line in its key": {"key": "AKIA\r\nhost: mallory.example"},
    "a query in its date": {"at": "20270101T000000Z&X-Amz-Expires=9"},
    "a date that is none": {"at": 20270101},
    "no signature": {"signature": ""},
    "a query in its token": {"token": "a&X-Amz-Expires=9"},
}


@pytest.mark.parametrize("more", ODD.values(), ids=ODD.keys())
def test_a_proof_with_anything_of_its_makers_in_it_is_sent_to_nobody(
    desk: Desk, jane: ReadOnlyCredentials, more: dict[str, Any]
) -> None:
    desk.decide(desk.hash, proof=desk.proof(jane) | more)
    desk.requests.clear()
    assert "counts for nothing: it is no proof of a form that Farshore writes" in desk.asks()
    assert desk.asked_of_sts() == []


@pytest.mark.parametrize("odd", [None, "", [], {}, {"key": "a"}, "https://sts.us-west-1.amazonaws.com/"])
def test_what_is_no_proof_at_all_makes_a_decision_count_for_nothing(desk: Desk, odd: Any) -> None:
    desk.asks()
    desk.decide(desk.hash, proof=odd)
    assert "counts for nothing: it is no proof" in desk.asks()


def test_a_proof_is_sent_to_sts_in_the_runs_region_and_to_nobody_else(
    desk: Desk, jane: ReadOnlyCredentials
) -> None:
    desk.decide(desk.hash, proof=desk.proof(jane))
    desk.requests.clear()
    desk.decided()
    (url,) = desk.asked_of_sts()
    assert url.startswith("https://sts.us-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&")


def test_a_decision_that_counts_for_nothing_is_paged_and_asked_about_once(
    desk: Desk, jane: ReadOnlyCredentials
) -> None:
    desk.decide(desk.hash, proof=desk.proof(jane) | {"signature": "0" * 64}, who="mallory\nWOULD FAIL")
    desk.requests.clear()
    for _ in range(3):
        assert "NotYet: the state: nobody has decided on plan" in desk.asks()
    assert len(desk.asked_of_sts()) == 1
    desk.clock.sleep(PAGE_AGAIN_SECONDS)
    desk.asks()
    lines = str(desk.pages[-1]["Message"]).splitlines()
    assert lines[2].startswith("the decision of mallory\\nWOULD FAIL counts for nothing: STS refuses it")


def test_a_plan_that_changes_and_comes_back_keeps_its_proved_decision(
    desk: Desk, jane: ReadOnlyCredentials
) -> None:
    desk.decide(desk.hash, proof=desk.proof(jane))
    desk.gates[FENCE] = "On"
    assert "nobody has decided on plan" in desk.asks()
    desk.gates[FENCE] = "Off"
    assert desk.decided()["facts"]["by"] == f"{JANE} (proved by STS)"


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "500", "throttled", "denied"])
def test_a_silent_sts_is_asked_again_and_then_the_decision_is_self_declared(
    desk: Desk, jane: ReadOnlyCredentials, kind: Kind
) -> None:
    """What a firewall answers is silence, too."""
    desk.decide(desk.hash, proof=desk.proof(jane))
    desk.inject(kind, "GET", times=2)
    for _ in range(2):
        assert "is decided on, and STS does not say by whom" in desk.asks()
    assert desk.decided()["facts"]["by"] == f"{JANE} (proved by STS)"
    desk.inject(kind, "GET", times=99)
    desk.clock.sleep(PROOF_SECONDS)
    assert desk.decided()["facts"]["by"] == "jane (self-declared: STS was silent)"


def test_a_silent_sts_ends_no_run_whose_plan_was_approved_at_the_last_moment(
    desk: Desk, jane: ReadOnlyCredentials
) -> None:
    desk.clock.sleep(895)
    desk.decide(desk.hash, proof=desk.proof(jane))
    desk.inject("lost_before", "GET", times=99)
    assert "STS does not say by whom" in desk.asks()
    desk.clock.sleep(5)
    assert desk.decided()["facts"]["by"] == "jane (self-declared: STS was silent)"


@pytest.mark.parametrize("at", [None, "soon", 0, 1e12])
def test_when_a_decision_says_that_it_was_made_holds_up_nobody(
    desk: Desk, jane: ReadOnlyCredentials, at: Any
) -> None:
    desk.decide(desk.hash, proof=desk.proof(jane), at=at)
    desk.inject("lost_before", "GET", times=99)
    assert desk.decided()["outcome"] == "approved"


def test_where_a_proof_is_asked_for_a_decision_without_one_counts_for_nothing(
    desk: Desk, jane: ReadOnlyCredentials
) -> None:
    desk.more = {"identity": "proved"}
    for decision in ("decline", "approve"):
        desk.decide(desk.hash, decision)
        assert "it has no proof of identity, and the runbook asks for one" in desk.asks()
    desk.decide(desk.hash, proof=desk.proof(jane))
    assert desk.decided()["facts"]["by"] == f"{JANE} (proved by STS)"


def test_where_a_proof_is_asked_for_nobody_decides_while_sts_is_silent(
    desk: Desk, jane: ReadOnlyCredentials
) -> None:
    desk.more = {"identity": "proved"}
    desk.decide(desk.hash, proof=desk.proof(jane))
    desk.cloud.faults.dark.add(f"sts/{WEST}")
    desk.clock.sleep(800)
    assert desk.asks().startswith("NotYet: the state: plan ")
    desk.clock.sleep(101)
    assert desk.asks().startswith("Refused: the state: not within 900 s: plan ")


def test_no_signature_is_told_to_anybody(
    desk: Desk, jane: ReadOnlyCredentials, capfd: pytest.CaptureFixture[str]
) -> None:
    proof = desk.proof(desk.sts.user("joe", token="atokenofjoe"))
    said = []
    desk.inject("lost_before", "GET")
    desk.decide(desk.hash, proof=proof)
    said.append(desk.asks())
    desk.decide(desk.hash, proof=proof | {"key": jane.access_key})
    said.append(desk.asks())
    desk.decide(desk.hash, proof=proof)
    said += [str(desk.decided()), str(desk.records().proposal), str(desk.pages), *capfd.readouterr()]
    for secret in (proof["signature"], proof["token"]):
        assert not any(secret in text for text in said)


# The page.


@pytest.mark.parametrize("kind", ["denied", "lost_before", "500", "throttled"])
def test_a_page_that_cannot_be_sent_delays_nothing(desk: Desk, kind: Kind) -> None:
    desk.inject(kind, PUBLISH, times=99)
    before = desk.clock.now
    assert "nobody has decided" in desk.asks()
    assert desk.clock.now - before < 10
    desk.decide(desk.hash)
    assert desk.decided()["outcome"] == "approved"


def test_a_page_that_was_lost_is_sent_again_and_so_is_one_that_nobody_heeds(desk: Desk) -> None:
    desk.inject("lost_before", PUBLISH)
    desk.asks()
    assert desk.pages == []
    for sent in (1, 2):
        desk.clock.sleep(PAGE_AGAIN_SECONDS)
        desk.asks()
        assert len(desk.pages) == sent
        desk.asks()
        assert len(desk.pages) == sent


def test_a_plan_that_flickers_pages_no_more_often_and_the_ledger_has_the_newest(desk: Desk) -> None:
    for state in ("On", "Off", "On"):
        desk.gates[FENCE] = state
        desk.asks()
        assert desk.plan[FENCE]["outcome"] == ("done" if state == "On" else "would change")
    assert len(desk.pages) == 1


def test_the_same_plan_keeps_the_time_at_which_it_was_proposed(desk: Desk) -> None:
    desk.asks()
    at = desk.records().proposal["at"]
    desk.clock.sleep(PAGE_AGAIN_SECONDS)
    desk.asks()
    assert desk.records().proposal["at"] == at


def test_a_new_run_pages_at_once(desk: Desk) -> None:
    desk.asks()
    desk.hold(OTHER)
    desk.asks(execution=OTHER)
    assert len(desk.pages) == 2


# Later steps that do not say what they would do.


@pytest.mark.parametrize("kind", ["lost_before", "500", "throttled"])
def test_a_later_step_that_does_not_answer_is_not_yet(desk: Desk, kind: Kind) -> None:
    desk.inject(kind, INVOKE, times=4)
    assert (
        f"NotYet: the state: {FENCE} did not say what it would do: lambda:InvokeFunction in " in desk.asks()
    )
    assert desk.pages == []
    assert "nobody has decided" in desk.asks()


def test_a_later_step_that_said_nothing_once_is_asked_again_in_the_same_tick(desk: Desk) -> None:
    """Where each answer may be lost, all of nine are seldom heard at once."""
    desk.inject("lost_before", INVOKE)
    assert "nobody has decided" in desk.asks()
    assert set(desk.plan) == {FENCE, WRITER}


def test_later_steps_that_never_answer_are_refused_in_time_saying_so(desk: Desk) -> None:
    desk.inject("500", INVOKE, times=99)
    desk.clock.sleep(901)
    assert desk.asks().startswith(f"Refused: the state: not within 900 s: {FENCE} did not say")


def test_a_step_that_would_refuse_is_shown_so_first_and_may_be_approved(desk: Desk) -> None:
    desk.gates[WRITER] = "closed for good"
    desk.asks()
    assert desk.plan[WRITER]["outcome"] == "would refuse"
    lines = str(desk.pages[0]["Message"]).splitlines()
    assert lines[2] == f"WOULD FAIL at {WRITER}: {WRITER}: it is closed for good: a person must look"
    desk.decide(desk.hash)
    assert desk.decided()["outcome"] == "approved"


def test_what_others_wrote_forges_no_line_of_a_page(desk: Desk) -> None:
    desk.gates[WRITER] = "closed\nWOULD FAIL at nothing: approve\x1b[2J"
    desk.asks()
    lines = str(desk.pages[0]["Message"]).splitlines()
    assert [line for line in lines if line.startswith("WOULD FAIL")] == [lines[2]]
    assert "\x1b" not in str(desk.pages[0]["Message"])


def test_a_page_is_cut_by_bytes_as_sns_counts(desk: Desk) -> None:
    desk.gates[WRITER] = "ü" * 40_000
    desk.asks()
    assert len(str(desk.pages[0]["Message"]).encode()) <= 262_144


def test_a_step_that_is_broken_is_shown_as_one_that_would_fail(desk: Desk) -> None:
    desk.gates[WRITER] = "broken"
    desk.asks()
    assert desk.plan[WRITER]["outcome"] == "would refuse"
    assert "KeyError" in desk.plan[WRITER]["why"]


def test_a_step_that_meets_silence_would_wait(desk: Desk) -> None:
    """A flicker must not look like a refusal."""
    desk.gates[FENCE] = "silent"
    desk.asks()
    assert (desk.plan[FENCE]["outcome"], desk.plan[FENCE]["why"]) == ("would wait", "nobody says")


def test_a_later_step_that_was_killed_is_asked_again(desk: Desk) -> None:
    def kill(request: Request) -> None:
        if request.caller == "gate":
            next(i for i in desk.functions.running if i.function.name == "gate").kill()

    desk.cloud.faults.injectors.append(kill)
    assert "did not say what it would do" in desk.asks()
    desk.cloud.faults.injectors.remove(kill)
    assert "nobody has decided" in desk.asks()


def test_a_region_that_takes_connections_and_never_answers_does_not_keep_the_plan_back(desk: Desk) -> None:
    """A gray failure: its reads end after five seconds, and the step that makes them after more than that."""
    took: list[float] = []

    def timed(request: Request, answer: object) -> None:
        if request.operation == INVOKE:
            took.append(desk.clock.now - began)

    desk.cloud.watchers.append(timed)
    desk.inject("slow", "GetRoutingControlState", times=99)
    began = desk.clock.now
    assert "nobody has decided" in desk.asks()
    assert desk.plan[FENCE]["outcome"] == "would wait"
    client = desk.outside.client(APPROVAL_INVOKE, Endpoint(WEST))
    assert READ_SECONDS < took[0] < client.meta.config.read_timeout
