"""What AWS would refuse, and what lint calls an error, `farshore compile` refuses: all at once, by line."""

from __future__ import annotations

import copy
import functools
import json
import operator
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from own_shop import ROOT, repository
from test_compile import edited, everything, second_application
from transform import transformed

from farshore.cli import farshore
from farshore.runbook.mistakes import Mistakes
from farshore.runbook.registry import steps

RUNBOOK = "runbooks/unicorn-shop.yaml"
LONG = "unicorn-shop-function-{:02d}"
"""A function's name of 24 characters."""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with our runbook and template, and nothing compiled."""
    monkeypatch.chdir(repository(tmp_path))
    return tmp_path


def compiling(*words: str) -> Any:
    return CliRunner(mix_stderr=False).invoke(farshore, ["compile", *words])


def refusal(house: Path) -> list[str]:
    """Each mistake that compile finds; nothing is written, and `--check` finds the same."""
    before = everything(house)
    found = [compiling(*words).exception for words in ((), ("--check",))]
    assert isinstance(found[0], Mistakes), found
    assert str(found[0]) == str(found[1])
    assert everything(house) == before
    return str(found[0]).split("\n")


def line_of(house: Path, text: str) -> int:
    lines = (house / RUNBOOK).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def linted() -> list[str]:
    """What lint calls an error."""
    result = CliRunner(mix_stderr=False).invoke(farshore, ["lint", "--json"])
    found = [each for each in json.loads(result.stdout)["findings"] if each["severity"] == "error"]
    return [f"{each['path']}:{each['line']}: {each['what']}: {each['instead']}" for each in found]


# What lint calls an error, compile refuses.


def test_what_lint_calls_an_error_is_refused_together_with_what_aws_would_refuse(house: Path) -> None:
    edited(house / RUNBOOK, "lose_at_most: 30s", "lose_at_most: 31s")
    edited(house / RUNBOOK, '"lastName": "Shore"', '"lastName": "${Lease}"')
    edited(house / RUNBOOK, "within: 15m", "within: 300h")
    said = refusal(house)
    lines = [line_of(house, step) for step in ("- approval:", "- aurora_writer:", "- synthetic_write:")]
    assert [line.partition(": ")[0] for line in said] == [f"{RUNBOOK}:{n}" for n in (lines[0], *lines)]
    assert "unicorn-shop-failover: its longest run writes" in said[0]
    assert "unicorn-shop-failback: its longest run writes" in said[1]
    assert "may lose 31s, and the rpo is 30s" in said[2]
    assert 'has "${" in it' in said[3]
    assert sorted(said) == sorted(linted())


def test_a_runbook_that_cannot_be_read_hides_no_mistake_of_another(house: Path) -> None:
    second_application(house)
    edited(house / "runbooks/second.yaml", "at_least: 2", "at_least: two")
    edited(house / RUNBOOK, "lose_at_most: 30s", "lose_at_most: 31s")
    said = refusal(house)
    assert [line.partition(":")[0] for line in said] == ["runbooks/second.yaml", RUNBOOK]
    assert [line.rstrip(": ") for line in linted()] == said


def test_what_lint_alone_calls_an_error_is_refused(house: Path) -> None:
    edited(house / RUNBOOK, "lose_at_most: 30s", "lose_at_most: 31s")
    assert refusal(house) == linted() != []


def test_a_warning_of_lint_does_not_keep_a_runbook_from_compiling(house: Path) -> None:
    path = house / "runbooks" / "unicorn-shop.yaml"
    path.write_text(path.read_text().replace("rto: 20m", "rto: 10m"))
    assert "warning" in CliRunner(mix_stderr=False).invoke(farshore, ["lint"]).stdout
    assert compiling().exit_code == 0


# Texts that are not left as they are.


TEXTS: dict[str, tuple[str, str, str, str]] = {
    # what stands there, instead of what, in which line, what is said of it
    "a substitution in a body": (
        '"lastName": "Shore"',
        '"lastName": "${Lease}"',
        "- synthetic_write:",
        'has "${" in it, which is CloudFormation\'s: write the text without it',
    ),
    "a substitution in an alarm's name": (
        "  - alarm: unicorn-shop-canary",
        "  - alarm: unicorn-shop-${Lease}",
        "- alarm: unicorn-shop-$",
        'has "${" in it, which is CloudFormation\'s: write the text without it',
    ),
    "a reference to a secret in an alarm's name": (
        "  - alarm: unicorn-shop-canary",
        "  - alarm: 'unicorn-shop-{{resolve:ssm:canary}}'",
        "- alarm: 'unicorn-shop-{",
        'has "{{resolve:" in it, which is CloudFormation\'s: write the text without it',
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_that_cloudformation_would_change_is_refused(house: Path, case: str) -> None:
    old, new, place, said = TEXTS[case]
    edited(house / RUNBOOK, old, new)
    assert any(
        line.startswith(f"{RUNBOOK}:{line_of(house, place)}: ") and line.endswith(said)
        for line in refusal(house)
    )


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of every text in a document; that of a key ends with KEY."""
    if isinstance(node, dict):
        for key, item in node.items():
            yield (*path, key, KEY)
            yield from places(item, (*path, key))
    elif isinstance(node, list):
        for number, item in enumerate(node):
            yield from places(item, (*path, number))
    elif isinstance(node, str):
        yield path


KEY = object()
THEIRS = ("${Lease}", "{{resolve:ssm:x}}")


def respelled(document: Any, path: tuple[Any, ...], word: str) -> Any:
    """A copy in which the word is added to the text of that place."""
    document = copy.deepcopy(document)
    *way, last = path
    if last is KEY:
        *way, last = way
    node = functools.reduce(operator.getitem, way, document)
    if path[-1] is KEY:
        node[f"{last}{word}"] = node.pop(last)
    else:
        node[last] += word
    return document


@pytest.mark.parametrize("word", THEIRS)
def test_wherever_it_stands_in_a_runbook_it_is_refused(house: Path, word: str) -> None:
    document = yaml.safe_load((house / RUNBOOK).read_text())
    everywhere = list(places(document))
    assert len(everywhere) > 100
    for path in everywhere:
        (house / RUNBOOK).write_text(yaml.safe_dump(respelled(document, path, word), sort_keys=False))
        assert isinstance(compiling("--check").exception, Mistakes), path


def test_what_a_step_says_of_itself_is_left_as_it_is() -> None:
    """Its first line becomes a comment in machines, and its function's description."""
    said = [step.__doc__ or "" for step in steps().values()]
    assert not [text for text in said for word in ("${", "{{resolve:") if word in text]


def test_what_aws_would_refuse_is_not_rehearsed(house: Path) -> None:
    edited(house / RUNBOOK, '"lastName": "Shore"', '"lastName": "${Lease}"')
    done = CliRunner(mix_stderr=False).invoke(farshore, ["rehearse", "unicorn-shop"])
    assert isinstance(done.exception, Mistakes)
    assert str(done.exception).split("\n") == refusal(house)


# What becomes one in the template.


def test_an_alarm_that_stands_twice_is_refused(house: Path) -> None:
    edited(house / RUNBOOK, "prepare:\n", "  - {alarm: unicorn-shop-canary, mode: graceful}\n\nprepare:\n")
    first, second = line_of(house, "- alarm: "), line_of(house, "- {alarm: unicorn-shop-canary, mode")
    assert refusal(house) == [
        f'{RUNBOOK}:{second}: triggers: the alarm "unicorn-shop-canary" stands in line {first} already: '
        "remove one: an alarm starts one run"
    ]


def test_alarms_that_would_be_one_rule_are_refused(house: Path) -> None:
    edited(house / RUNBOOK, "prepare:\n", "  - {alarm: unicorn.shop canary, mode: graceful}\n\nprepare:\n")
    assert refusal(house) == [
        f'{RUNBOOK}:{line_of(house, "- {alarm: unicorn.shop")}: triggers: "unicorn.shop canary" and '
        '"unicorn-shop-canary" would both be the rule UnicornShopCanary: give one of the alarms another name'
    ]


@pytest.mark.parametrize("alarm", ["---", "a" * 200], ids=["no letters", "too long"])
def test_an_alarm_of_which_no_rule_can_be_named_is_refused(house: Path, alarm: str) -> None:
    edited(house / RUNBOOK, "- alarm: unicorn-shop-canary", f"- alarm: '{alarm}'")
    (said,) = refusal(house)
    assert "no rule can be named: name the alarm with letters and digits, at most 175" in said


def test_a_rule_that_would_be_called_like_another_resource_is_refused(house: Path) -> None:
    """SAM calls it after its machine and its alarm: UnicornShopFailoverLogs is the machine's log already."""
    edited(house / RUNBOOK, "- alarm: unicorn-shop-canary", "- alarm: logs")
    (said,) = refusal(house)
    assert said == (
        "template.yaml: more than one resource would be called UnicornShopFailoverLogs: "
        "rename the application, the alarm, the step or the table"
    )


# Sizes.


def named(count: int) -> str:
    return "functions: [" + ", ".join(LONG.format(n) for n in range(count)) + "]"


def with_functions(house: Path, count: int) -> None:
    functions = "functions: [unicorn-shop-users, unicorn-shop-basket, unicorn-shop-unicorns]"
    edited(house / RUNBOOK, functions, f"{named(count)}\n      patience: {max(20, count)}s")


def letters(document: Any) -> int:
    """As IAM counts: without white space, a reference as what it becomes."""
    text = json.dumps(document)
    text = re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", text)
    text = text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", "1" * 12)
    return len(re.sub(r"\s", "", text))


def test_seventy_functions_of_24_characters_compile_into_managed_policies_that_iam_accepts(
    house: Path,
) -> None:
    with_functions(house, 70)
    assert compiling().exit_code == 0
    resources = transformed(house / "template.yaml")["Resources"]
    role = resources["LambdaConcurrencyRole"]["Properties"]
    assert not role.get("Policies")
    attached = [each["Ref"] for each in role["ManagedPolicyArns"] if isinstance(each, dict)]
    assert len(attached) > 1
    assert len(role["ManagedPolicyArns"]) <= 10
    policies = [resources[name] for name in attached]
    assert all(each["Condition"] == "InUsEast1OrUsWest1" for each in policies)
    documents = [each["Properties"]["PolicyDocument"] for each in policies]
    assert max(map(letters, documents)) <= 6144
    allowed = {
        arn["Fn::Sub"].rpartition(":")[2]
        for document in documents
        for statement in document["Statement"]
        if "lambda:PutFunctionConcurrency" in statement["Action"]
        for arn in statement["Resource"]
    }
    assert allowed == {LONG.format(n) for n in range(70)}


def test_a_policy_that_fits_stays_inline_though_no_managed_policy_would_hold_it(house: Path) -> None:
    with_functions(house, 50)
    assert compiling().exit_code == 0
    role = transformed(house / "template.yaml")["Resources"]["LambdaConcurrencyRole"]["Properties"]
    assert 6144 < letters([policy["PolicyDocument"] for policy in role["Policies"]]) <= 10_240
    assert all(isinstance(arn, str) for arn in role["ManagedPolicyArns"])


def test_more_than_a_role_can_be_given_is_refused_at_its_first_line(house: Path) -> None:
    with_functions(house, 400)
    said = refusal(house)
    assert said[0].startswith(
        f"{RUNBOOK}:{line_of(house, '- lambda_concurrency:')}: farshore-lambda-concurrency may do so much"
    )
    assert said[0].endswith("managed policies, of 8: name fewer resources, or some with shorter names")
    assert [line.rstrip(": ") for line in linted()] == said


def test_what_applications_together_ask_of_a_role_is_refused(house: Path) -> None:
    """Each by itself fits."""
    with_functions(house, 250)
    second_application(house)
    (said,) = refusal(house)
    assert said.startswith(
        "template.yaml: farshore-lambda-concurrency may do so much that its policies have "
    )
    assert said.endswith(": keep some of the applications in a repository of their own")


def test_an_event_that_is_too_large_is_refused_at_its_line_and_at_the_approvals(house: Path) -> None:
    edited(house / RUNBOOK, '"lastName": "Shore"', f'"lastName": "{"x" * 258_000}"')
    said = [line.partition(": ")[2] for line in refusal(house)]
    assert any(
        re.match(r"unicorn-shop-failover: the event of synthetic_write us-west-1 has 26\d{4} bytes", line)
        for line in said
    )
    assert any(
        line.startswith("unicorn-shop-failover: the event of approval has ")
        and line.endswith("it holds the events of all later steps: write shorter texts in them")
        for line in said
    )


def test_a_definition_that_is_too_large_is_refused(house: Path) -> None:
    text = (house / RUNBOOK).read_text()
    proof = text[text.index("  - synthetic_write:") : text.index("outage:")].rstrip() + "\n"
    longer = proof.replace('"lastName": "Shore"', f'"lastName": "{"x" * 60_000}"')
    edited(house / RUNBOOK, proof, longer * 10)
    said = refusal(house)
    assert any(
        re.search(r"unicorn-shop-failover: its definition has 1\d{6} bytes, of 1048576", line)
        for line in said
    )


def test_a_template_of_too_many_resources_is_refused_counting_those_that_sam_adds(house: Path) -> None:
    text, counted = (house / RUNBOOK).read_text(), []
    for number in range(2):
        assert compiling().exit_code == 0
        counted.append(len(transformed(house / "template.yaml")["Resources"]))
        (house / f"runbooks/{number}.yaml").write_text(text.replace("unicorn-shop", f"shop-{number}-x"))
    for number in range(2, 14):
        (house / f"runbooks/{number}.yaml").write_text(text.replace("unicorn-shop", f"shop-{number}-x"))
    one, two = counted
    assert refusal(house) == [
        f"template.yaml: the template makes {one + 14 * (two - one)} resources, of 500, with those that SAM "
        "adds: keep some of the applications in a repository of their own"
    ]


def test_a_template_of_too_many_bytes_is_refused(house: Path) -> None:
    edited(house / "template.yaml", "Resources:\n", "Resources:\n# " + "x" * 1_000_000 + "\n")
    (size,) = refusal(house)
    assert re.fullmatch(
        r"template.yaml: the template has 10\d{5} bytes, of 1000000: keep some of the applications .*", size
    )


@pytest.mark.parametrize("section", ["Parameters", "Metadata", "Conditions", "Outputs"])
def test_what_compile_derives_is_refused_above_the_marker(house: Path, section: str) -> None:
    """A document has a key once: CloudFormation would take one of the two."""
    template = house / "template.yaml"
    edited(template, "\nResources:\n", f"\n{section}:\n  Mine: {{Value: x}}\n\nResources:\n")
    line = template.read_text().splitlines().index(f"{section}:") + 1
    assert refusal(house) == [
        f"template.yaml:{line}: {section} stand above the marker, and compile derives them: "
        "remove them there: CloudFormation takes them once"
    ]


def test_a_step_whose_description_lambda_would_refuse_is_refused(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps()["aurora_writer"], "__doc__", "x" * 257)
    (said,) = refusal(house)
    assert said == (
        f"{RUNBOOK}:{line_of(house, '- aurora_writer:')}: aurora_writer: its class begins with 257 "
        "characters, of 256: write a shorter first line"
    )


def test_what_a_step_defaults_to_need_not_be_written(house: Path) -> None:
    """A default of `$to` is the Region that takes over, also for a step that compares its Regions."""
    text = (house / RUNBOOK).read_text()
    assert "on_in: $to" in text
    (house / RUNBOOK).write_text(re.sub(r"(?m)^ +on_in: \$to\n|^ +off_in: \$from\n", "", text))
    assert linted() == []
    assert compiling().exit_code == 0


def test_applications_whose_runs_would_wait_for_each_other_are_refused(house: Path) -> None:
    """Each by itself is right."""
    text = (ROOT / "tests/applications/other_steps.yaml").read_text()
    machines = "{us-east-1: payments-failback, us-west-1: payments-failover}"
    back = "{us-east-1: other-steps-failback, us-west-1: other-steps-failover}"
    theirs = text.replace("application: other-steps", "application: payments").replace(machines, back)
    (house / "runbooks/other-steps.yaml").write_text(text)
    (house / "runbooks/payments.yaml").write_text(theirs)
    said = refusal(house)
    assert said[0].endswith(
        "nested_run: other-steps-failover starts payments-failover, which starts other-steps-failover: "
        "its own run has the lease: start one of them by hand"
    )
    assert [line.partition(":")[0] for line in said] == ["runbooks/other-steps.yaml"] * 2 + [
        "runbooks/payments.yaml"
    ] * 2
