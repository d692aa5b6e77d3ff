"""Names are not any text: the runbook that ships, with one name written as AWS would not take or keep it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, NewType

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result
from own_shop import SHOP as RUNBOOK
from own_shop import TESTS
from test_schema import AsEditorsRead

from farshore.cli import farshore
from farshore.compile.schema import json_schema
from farshore.runbook.load import load
from farshore.runbook.mistakes import Mistakes
from functions.inputs import FORMS, Form
from functions.step import Step

SHOP = RUNBOOK.read_text()
OTHERS = [
    path for folder in ("applications", "stand_ins") for path in sorted((TESTS / folder).glob("*.yaml"))
]
EVERY = [SHOP, *(path.read_text() for path in OTHERS)]
TABLE = Path(__file__).with_name("input_mistakes.txt")
"""Cases: a name, what of the shipped runbook is replaced (-) by what (+), and what is said then."""
ACCELERATOR = "arn:aws:globalaccelerator::210987654321:accelerator/12ab34cd-abcd-1234-abcd-1234abcdefab"
GROUPS = f"{ACCELERATOR}/listener/0123abcd"
OHIO, CANADA = (
    f"http://kiosk-{name}.elb.amazonaws.com/" for name in ("ohio.us-east-2", "canada.ca-central-1")
)
IN_STAGES = "alarms: {us-east-2: kiosk-down, ca-central-1: kiosk-down}"
CONTROL = f"123456789012:controlpanel/{'0' * 32}/routingcontrol/us-east-1"


def cases() -> dict[str, tuple[str, str, str]]:
    found = {}
    for case in TABLE.read_text().strip().split("\n\n"):
        name, old, new, said = (line.strip() for line in case.split("\n"))
        assert (old[:2], new[:2]) == ("- ", "+ "), name
        found[name] = (old[2:].replace("\\n", "\n"), new[2:].replace("\\n", "\n"), said)
    return found


CASES = cases()
BEYOND_SCHEMA = {"a port that no host has", "a topic in no Region", "a topic in another partition"}


def written(path: Path, text: str) -> list[str]:
    """What is wrong in the runbook of this text."""
    path.write_text(text)
    try:
        load(path)
    except Mistakes as refused:
        return [each.what + (f": {each.instead}" if each.instead else "") for each in refused.mistakes]
    return []


@pytest.mark.parametrize(("old", "new", "said"), CASES.values(), ids=CASES)
def test_a_name_is_refused_as_aws_would_and_shown_as_aws_keeps_it(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in SHOP
    assert written(tmp_path / "shop.yaml", SHOP.replace(old, new, 1)) == [said]


@pytest.mark.parametrize("case", [case for case in CASES if case not in BEYOND_SCHEMA])
def test_editors_refuse_it_too(case: str) -> None:
    old, new, _ = CASES[case]
    schema = jsonschema.Draft202012Validator(json_schema())
    assert schema.is_valid(yaml.load(SHOP, Loader=AsEditorsRead))
    assert not schema.is_valid(yaml.load(SHOP.replace(old, new, 1), Loader=AsEditorsRead))


@pytest.mark.parametrize("kind", FORMS, ids=str)
def test_every_form_takes_its_own_example(kind: object) -> None:
    form = FORMS[kind]
    assert form.wrong(form.example) is None


FRAME = "Resources:\n\n# ---- derived by farshore compile: do not edit below ----\n"


def compiling(root: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> Result:
    """What `farshore compile` says where this is the one runbook."""
    text = next(text for text in EVERY if old in text)
    (root / "runbooks").mkdir()
    (root / "runbooks" / "a.yaml").write_text(text.replace(old, new, 1))
    (root / "template.yaml").write_text(FRAME)
    monkeypatch.chdir(root)
    return CliRunner(mix_stderr=False).invoke(farshore, ["compile"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("on_in: $to", "on_in: $from", "arc_controls: us-east-1 is both on_in and off_in"),
        # Right on the way there, and wrong on the way back.
        ("on_in: $to", "on_in: us-west-1", "arc_controls: us-west-1 is both on_in and off_in"),
        ("on_in: $to", "on_in: us-west-2", "arc_controls: no routing control for us-west-2"),
        (CONTROL, CONTROL.replace("east", "west"), "arc_controls: two Regions have the same routing control"),
        (
            "reserved: 0",
            "reserved: 0\n      patience: 15m",
            "lambda_concurrency: patience 900 s is not shorter than within 900 s",
        ),
        (
            '{marker}@farshore.example", "first',
            'me@farshore.example", "first',
            "synthetic_write: body lacks {marker}",
        ),
        (
            "endpoint-group/bbbb",
            "endpoint-group/aaaa",
            f'endpoint_groups.ca-central-1: "{GROUPS[:59]}…" is that of us-east-2 already: '
            "write each Region's own",
        ),
        (
            "us-west-1: passive-secondary-uibucket",
            "us-west-1: active-primary-uibucket",
            'buckets.us-west-1: "active-primary-uibucket" is that of us-east-1',
        ),
        ("b1b2c3d4e5", "a1b2c3d4e5", 'apis.us-west-1: "a1b2c3d4e5" is that of us-east-1'),
        ("[34e0", "[14e0", 'mappings.us-west-1: "14e0db71-5d35-4eb5-b481-8945cf9d10c2" is that of us-east-1'),
        ("sg-1123", "sg-0123", 'groups.us-west-1: "sg-0123456789abcdef0" is that of us-east-1'),
        ("[sgr-2", "[sgr-0", 'rules.us-west-1: "sgr-0123456789abcdef0" is that of us-east-1'),
        (
            "0123abcd/endpoint-group/bbbb\n      to:",
            "0123abce/endpoint-group/bbbb\n      to:",
            f"accelerator_dials: {GROUPS[:-8]}0123abce/endpoint-group/bbbb is of another listener",
        ),
        (
            f"accelerator: {ACCELERATOR}\n",
            f"accelerator: {ACCELERATOR[:-1]}\n",
            f"accelerator_dials: {GROUPS}/endpoint-group/aaaa is not of",
        ),
        (
            f"direct:\n        us-east-2: {OHIO}\n",
            f"direct:\n        us-east-2: {CANADA}\n",
            f"accelerator_dials: {CANADA} stands twice",
        ),
        (
            "probe: http://a1b2c3d4e5f6a7b8c.awsglobalaccelerator.com/\n",
            f"probe: {OHIO}\n",
            f"accelerator_dials: {OHIO} stands twice",
        ),
        (
            "dial: restore",
            f"dial: restore\n      stages: [10, 50, 100]\n      bake: 0s\n      {IN_STAGES}",
            "accelerator_dials: bake 0 s leaves no time in which an alarm could fire",
        ),
        (
            "dial: restore",
            f"dial: 30\n      stages: [10, 50, 100]\n      bake: 1m\n      {IN_STAGES}",
            "accelerator_dials: stages [10, 50, 100] rise above the dial 30",
        ),
        (
            "stage: prod\n      region: $from",
            "stage: prod\n      region: us-east-2",
            "api_throttle: apis has no entry for us-east-2: write $from or $to, or one of its Regions",
        ),
        (
            "desired: 4",
            "desired: 4\n      region: us-east-2",
            "asg_capacity: groups has no entry for us-east-2",
        ),
        ("quiet_for: 5m", "quiet_for: 0s", "bake: quiet_for 0 s leaves no time in which an alarm could fire"),
        (
            "desired: 4",
            "desired: 2147483648",
            "desired: expected a whole number, 0 or more, or `restore`, found 2147483648: "
            "write at most 2147483647",
        ),
        (
            "source: 10.0.0.0/32",
            "source: 0.0.0.0/0",
            "security_group_source: 0.0.0.0/0 lets in everybody",
        ),
        (
            "table: kiosk-orders,",
            "table: kiosk-orders, other: $to,",
            "data_matches: ca-central-1 would be compared with itself",
        ),
        (
            "tables: {kiosk-orders: {OrderId: heartbeat}}",
            "tables: {kiosk-orders: {OrderId: heartbeat}}\n      source: $to",
            "dynamodb_caught_up: ca-central-1 has caught up with itself always",
        ),
        (
            "stage: London, deploys_to: eu-west-2}",
            "stage: London, deploys_to: eu-north-1}",
            "ready: guide is in eu-north-1, and would deploy there alone",
        ),
        (
            "namespace: AWS/RDS",
            "namespace: .",
            'dashboard: "." in the name of a metric means the one above it',
        ),
        (
            "{us-east-1: payments-failback, us-west-1: payments-failover}",
            "{us-east-1: other-steps-failback, us-west-1: payments-failover}",
            "nested_run: other-steps-failback is a machine of this application: its run has the lease",
        ),
    ],
)
def test_inputs_that_do_not_go_together_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, said: str
) -> None:
    result = compiling(tmp_path, monkeypatch, old, new)
    assert isinstance(result.exception, Mistakes)
    assert re.search(f"a.yaml:[0-9]+: {re.escape(said)}", str(result.exception))
    assert not (tmp_path / "statemachines").exists()


def test_a_text_that_reads_like_a_direction_stays_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is a Region by its type is replaced."""
    host = "host: https://api.unicorn-shop.example"
    assert compiling(tmp_path, monkeypatch, host, f"{host}\n      key: $from").exit_code == 0
    machine = (tmp_path / "statemachines" / "unicorn-shop-prepare.asl.json").read_text()
    assert '"key": "$from"' in machine


Colour = NewType("Colour", str)
"""What only one step names: its form stands beside the step."""


@dataclass(frozen=True, kw_only=True)
class Painted(Step[None]):
    """The site is painted."""

    colour: Annotated[Colour, "the colour"]

    name: ClassVar = "painted"


def test_a_step_may_bring_a_type_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = Form("a colour", "colours", "red|blue", "red or blue", "red", canonical=str.lower, keeper="Paint")
    monkeypatch.setitem(FORMS, Colour, form)
    registry = {"painted": Painted}
    least = (
        "application: a\nregions: {primary: eu-west-1, standby: eu-west-2}\nobjectives: {rto: 1h, rpo: 0s}\n"
    )

    def said(colour: str) -> str:
        (tmp_path / "a.yaml").write_text(f"{least}failover: [painted: {{colour: {colour}}}]\n")
        try:
            load(tmp_path / "a.yaml", registry)
        except Mistakes as refused:
            return refused.mistakes[0].what
        return "read"

    assert said("red") == "read"
    assert said("RED") == 'colour: "RED": Paint keeps it as red'
    assert said("mauve") == 'colour: "mauve" is not a colour'
    colours = json_schema(registry)["$defs"]["step.painted"]["properties"]["colour"]
    assert colours["pattern"] == "^(red|blue)$"
