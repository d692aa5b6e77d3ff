"""A command of Systems Manager has run on so many nodes, once: the real handler, in the twin."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from farshore.testing.ticker import EAST, OTHER, WEST, Ticker, declared, ticking
from functions.handler import step_from
from functions.steps.ssm_command import SsmCommand
from twin.cloud import AwsError, Cloud
from twin.faults import Kind
from twin.services.ssm.model import Ssm

STEP, DOCUMENT, SEND = "ssm_command", "warm-caches", "SendCommand"
INPUTS: dict[str, Any] = {
    "document": DOCUMENT,
    "parameters": {"depth": ["2"]},
    "targets": [{"key": "tag:role", "values": ["cache"]}],
    "expected": 2,
    "region": WEST,
}


class Scene(Ticker):
    """Two nodes of a role in each Region, and the document."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        ssm = self.ssm = Ssm.of(cloud)
        for place, region in enumerate((EAST, WEST)):
            ssm.document(region, DOCUMENT)
            for number in (1, 2):
                ssm.node(region, f"i-{place}000000000000000{number}", role="cache")
        self.deploy(SsmCommand, policy=declared(SsmCommand, INPUTS))
        self.hold()

    @property
    def nodes(self) -> list[Any]:
        return [node for (region, _), node in self.ssm.nodes.items() if region == WEST]

    @property
    def ran(self) -> list[int]:
        """How often each node has run it."""
        return [len(node.ran) for node in self.nodes]

    def go(self, **more: Any) -> dict[str, Any]:
        given = {
            name: more.pop(name) for name in ("mode", "execution", "redrives", "entered") if name in more
        }
        return self.converge(STEP, {**INPUTS, **more}, **given)

    def refuses(self, **given: Any) -> str:
        """Ticks until it does."""
        inputs = {**INPUTS, **given.pop("inputs", {})}
        given.setdefault("entered", self.clock.now)
        for _ in range(200):
            said = self.fails(STEP, inputs, **given)
            if not said.startswith("NotYet"):
                return said
            self.clock.sleep(2)
        raise AssertionError("it never did")

    def until_sent(self) -> None:
        self.fails(STEP, INPUTS)
        assert len(self.ssm.commands) == 1


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ticking(kind=Scene) as made:
        assert isinstance(made, Scene)
        yield made


def test_it_has_run_on_every_node_of_the_region_and_on_no_other(scene: Scene) -> None:
    done = scene.go()
    (name,) = (name for _, name in scene.ssm.commands)
    assert done == {"outcome": "done", "facts": {"command": name, "nodes": 2}}
    assert scene.ran == [1, 1]
    assert [node.ran for (region, _), node in scene.ssm.nodes.items() if region == EAST] == [[], []]


def test_it_is_sent_with_its_parameters_and_reaches_no_node_once_the_state_waits_no_longer(
    scene: Scene,
) -> None:
    scene.until_sent()
    (command,) = scene.ssm.commands.values()
    assert command.asked["Parameters"] == {"depth": ["2"]}
    assert command.asked["TimeoutSeconds"] == 900
    assert command.asked["Comment"].startswith("shop ")
    assert len(command.asked["Comment"]) <= 100


def test_right_after_it_was_sent_it_is_not_to_be_seen_yet(scene: Scene) -> None:
    assert "NotYet" in scene.fails(STEP, INPUTS)
    said = scene.fails(STEP, INPUTS)
    assert said.startswith("NotYet: the state: command warm-caches in us-west-1 (")


def test_again_is_the_same(scene: Scene) -> None:
    scene.go()
    scene.calls()
    assert scene.go()["outcome"] == "done"
    assert scene.calls(SEND, "PutItem") == []
    assert scene.ran == [1, 1]


def test_another_run_sends_its_own(scene: Scene) -> None:
    scene.go()
    scene.hold(OTHER)
    scene.go(execution=OTHER)
    assert scene.ran == [2, 2]


# Once.


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "503", "slow", "hollow"])
@pytest.mark.parametrize("operation", [SEND, "ListCommands", "ListCommandInvocations", "PutItem"])
def test_one_call_that_goes_wrong_delays_it_and_nothing_runs_twice(
    scene: Scene, operation: str, kind: Kind
) -> None:
    scene.inject(kind, operation)
    assert scene.go()["outcome"] == "done"
    assert scene.ran == [1, 1]


def test_lists_that_say_nothing_of_commands_do_not_say_that_there_are_none(scene: Scene) -> None:
    scene.inject("lost_after", SEND)
    scene.inject("hollow", "ListCommands", times=60)
    entered = scene.clock.now
    for _ in range(60):
        assert scene.fails(STEP, INPUTS, entered=entered).startswith("NotYet")
        scene.clock.sleep(5)
    assert len(scene.ssm.commands) == 1
    scene.go(entered=entered)
    assert scene.ran == [1, 1]


def test_a_command_whose_answer_was_lost_is_found_by_its_comment_among_many(scene: Scene) -> None:
    scene.inject("lost_after", SEND)
    scene.fails(STEP, INPUTS)
    request = next(request for request in scene.requests if request.operation == SEND)
    for number in range(120):  # others' commands fill more than a page
        others = {**request.parameters, "Comment": f"of somebody {number}"}
        scene.ssm._send(dataclasses.replace(request, parameters=others))
    scene.clock.sleep(60)
    assert scene.go()["outcome"] == "done"
    comments = [command.asked["Comment"] for command in scene.ssm.commands.values()]
    assert len([each for each in comments if each.startswith("shop ")]) == 1


def test_two_ticks_at_once_send_it_once(scene: Scene) -> None:
    tasks = [scene.clock.spawn(lambda: scene.fails(STEP, INPUTS)) for _ in range(2)]
    for task in tasks:
        task.join()
    assert len(scene.ssm.commands) == 1
    scene.go()
    assert scene.ran == [1, 1]


def test_a_redrive_goes_by_the_command_of_before(scene: Scene) -> None:
    scene.until_sent()
    scene.hold(redrives=1)
    assert scene.go(redrives=1)["outcome"] == "done"
    assert scene.ran == [1, 1]


def test_a_redrive_sends_anew_what_has_failed(scene: Scene) -> None:
    scene.nodes[0].outcome = "Failed"
    said = scene.refuses()
    assert f"did not succeed on {scene.nodes[0].id} Failed: look there, and redrive" in said
    assert scene.refuses() == said
    scene.nodes[0].outcome = "Success"
    scene.hold(redrives=1)
    assert scene.go(redrives=1)["outcome"] == "done"
    assert scene.ran == [2, 2]


# Each node is judged.


@pytest.mark.parametrize("outcome", ["Failed", "Undeliverable", "InvalidPlatform"])
def test_a_node_on_which_it_did_not_succeed_is_a_refusal(scene: Scene, outcome: Any) -> None:
    scene.nodes[1].outcome = outcome
    said = scene.refuses(inputs={"expected": 1})
    assert said.startswith("Refused")
    assert f"did not succeed on {scene.nodes[1].id} {outcome}" in said


def test_fewer_nodes_than_expected_are_a_refusal(scene: Scene) -> None:
    said = scene.refuses(inputs={"expected": 3})
    assert "has run on 2 nodes, and 3 are expected: start the others, and redrive" in said


def test_no_node_is_a_refusal(scene: Scene) -> None:
    said = scene.refuses(inputs={"targets": [{"key": "tag:role", "values": ["nobody"]}]})
    assert "found no node: correct its targets, or start the nodes" in said


def test_a_node_that_is_away_is_waited_for(scene: Scene) -> None:
    scene.nodes[0].online = False
    entered = scene.clock.now
    for _ in range(30):
        said = scene.fails(STEP, INPUTS, entered=entered)
        assert said.startswith("NotYet")
        scene.clock.sleep(5)
    assert "is InProgress: 1 of 2 nodes have run it" in said
    scene.nodes[0].online = True
    assert scene.go(entered=entered)["outcome"] == "done"


def test_all_pages_of_invocations_are_judged(scene: Scene) -> None:
    for number in range(110):
        scene.ssm.node(WEST, f"i-2{number:016d}", role="cache")
    scene.nodes[-1].outcome = "Failed"
    assert f"did not succeed on {scene.nodes[-1].id} Failed" in scene.refuses(inputs={"expected": 100})


def test_a_status_that_nobody_knows_is_waited_for(scene: Scene) -> None:
    scene.until_sent()
    scene.nodes[0].outcome = "Pondering"
    entered = scene.clock.now
    for _ in range(30):
        assert scene.fails(STEP, INPUTS, entered=entered).startswith("NotYet")
        scene.clock.sleep(2)
    assert scene.fails(STEP, INPUTS, entered=scene.clock.now - 901).startswith(
        "Refused: the state: not within 900 s"
    )


# Whatever else AWS says.


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_a_dark_region_is_waited_for_and_nothing_runs_twice(scene: Scene, mode: str) -> None:
    entered = scene.clock.now
    scene.cloud.faults.dark.add(WEST)
    for _ in range(20):
        assert scene.fails(STEP, INPUTS, mode=mode, entered=entered).startswith("NotYet")
        scene.clock.sleep(2)
    scene.cloud.faults.dark.clear()
    assert scene.go(mode=mode, entered=entered)["outcome"] == "done"
    assert scene.ran == [1, 1]


def test_a_command_that_is_denied_is_refused_and_a_redrive_may_send_it(scene: Scene) -> None:
    scene.inject("denied", SEND)
    assert "command warm-caches in us-west-1 was refused: AccessDeniedException" in scene.fails(STEP, INPUTS)
    scene.hold(redrives=1)
    assert scene.go(redrives=1)["outcome"] == "done"
    assert scene.ran == [1, 1]


def test_one_that_was_throttled_is_sent_again_at_once(scene: Scene) -> None:
    scene.inject("throttled", SEND)
    scene.until_sent()


def test_a_document_that_is_not_there_is_refused(scene: Scene) -> None:
    scene.ssm.documents.clear()
    assert "InvalidDocument" in scene.fails(STEP, INPUTS)


def test_a_run_without_the_lease_sends_nothing(scene: Scene) -> None:
    scene.hold(OTHER)
    assert "superseded" in scene.fails(STEP, INPUTS)
    assert not scene.ssm.commands


# In peace.


def plan(scene: Scene, **more: Any) -> dict[str, Any]:
    return scene.tick(STEP, {**INPUTS, **more}, dry_run=True)


def test_a_dry_run_shows_the_command_and_sends_none(scene: Scene) -> None:
    told = plan(scene)
    assert (told["outcome"], told["why"]) == ("would change", "send command warm-caches in us-west-1")
    assert [call["operation"] for call in told["calls"]] == [SEND]
    assert told["facts"] == {}
    assert not scene.ssm.commands


def test_a_dry_run_doubts_nodes_that_are_too_few(scene: Scene) -> None:
    scene.nodes[0].online = False
    (doubt,) = plan(scene)["facts"]["doubts"]
    assert doubt == "1 nodes in us-west-1 are online, and 2 are expected: start them, or correct the targets"


def test_a_dry_run_doubts_a_document_that_is_not_there_or_no_command(scene: Scene) -> None:
    del scene.ssm.documents[WEST, DOCUMENT]
    (doubt,) = plan(scene)["facts"]["doubts"]
    assert doubt.startswith("there is no document warm-caches in us-west-1")
    scene.ssm.document(WEST, DOCUMENT, "Automation")
    (doubt,) = plan(scene)["facts"]["doubts"]
    assert "is a Automation and Active: no active Command" in doubt


def test_an_answer_that_lacks_everything_is_no_doubt_of_ours_and_no_crash(scene: Scene) -> None:
    def hollow(request: Any) -> Any:
        raise AwsError("InternalServerError", "later", 500)

    scene.cloud.serve("ssm", "DescribeDocument", hollow)
    assert any("DescribeDocument" in doubt for doubt in plan(scene)["facts"]["doubts"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"targets": []}, "0 targets: write one to five"),
        ({"targets": [{"key": "InstanceIds", "values": []}]}, "one to 50 values"),
        ({"expected": 0}, "expected is 0"),
        ({"expected": 251}, "expected is 251: write 1 to 250"),
        ({"within": 20}, "no command may wait for less than 30 s"),
    ],
)
def test_inputs_that_do_not_go_together_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        step_from(SsmCommand, {**INPUTS, **change})
