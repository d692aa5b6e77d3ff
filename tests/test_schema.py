"""The editors' schema accepts what the loader accepts, and refuses what a schema can express."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import jsonschema
import pytest
import yaml
from made_up import GOOD, REGISTRY, changed, mutated

from farshore.compile.schema import json_schema
from farshore.runbook.load import load
from farshore.runbook.mistakes import Mistakes
from farshore.runbook.registry import inputs, steps, written
from functions.step import Step


class AsEditorsRead(yaml.CSafeLoader):
    """YAML 1.2: only true and false are truths, and a day is a text."""


AsEditorsRead.yaml_implicit_resolvers = {
    first: [
        (tag, form)
        for tag, form in resolvers
        if not tag.endswith((":bool", ":timestamp", ":merge", ":value", ":int"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
AsEditorsRead.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile("^(true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
AsEditorsRead.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile("^[-+]?[0-9]+$"), list("-+0123456789")
)


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema(REGISTRY))


def refused_by_schema(schema: jsonschema.Draft202012Validator, text: str) -> bool:
    return not schema.is_valid(yaml.load(text, Loader=AsEditorsRead))


def refused_by_loader(path: Path, text: str) -> bool:
    path.write_bytes(text.encode())
    try:
        load(path, REGISTRY)
    except Mistakes:
        return True
    return False


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(REGISTRY))
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_a_good_runbook_is_valid(schema: jsonschema.Draft202012Validator, tmp_path: Path) -> None:
    assert not refused_by_loader(tmp_path / "shop.yaml", GOOD)
    assert not refused_by_schema(schema, GOOD)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{primary: us-east-1,", "{\n  # served while all is well\n  primary: us-east-1,"),
        ("    cooldown: 60m\n", ""),
        ("failover:", "ledger: {table: mine, regions: [eu-west-1, eu-west-2, eu-central-1]}\nfailover:"),
        ("failover:", "prepare: [bake: ]\nfailback: [bake: {within: 0.5h}]\nfailover:"),
        ("members: {us-east-1: east, us-west-1: west}", "members: {$from: a, $to: b, }"),
        ("members: {us-east-1: east,", "members: {us-west-2: observed, us-east-1: east,"),
        ("share: 0.25", "share: 1"),
        ("labels: {a: 1}", "labels: null"),
        ("labels: {a: 1}", 'labels: {on: 1, "15": 0}'),
        ("cluster: unicorn", "cluster: no"),
        ("cluster: unicorn", "cluster: 2026-11-20"),
        ("cluster: unicorn", "cluster: |\n            a\n            b"),
        ("reserved: restore", "reserved: 100"),
        ("{loud: true}", "{}"),
        ("{loud: true}", "{loud: False}"),
    ],
)
def test_a_runbook_that_the_loader_accepts_is_valid(
    schema: jsonschema.Draft202012Validator, tmp_path: Path, old: str, new: str
) -> None:
    text = changed(old, new)
    assert not refused_by_loader(tmp_path / "shop.yaml", text)
    assert not refused_by_schema(schema, text)


def test_slips_that_the_loader_forgives_are_valid(
    schema: jsonschema.Draft202012Validator, tmp_path: Path
) -> None:
    dice, accepted = random.Random(7), 0
    for _ in range(300):
        text = mutated(GOOD, dice)
        if not refused_by_loader(tmp_path / "shop.yaml", text):
            accepted += 1
            assert not refused_by_schema(schema, text), text
    assert accepted > 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("aurora_writer:", "aurora_witer:"),
        ("      - bake:\n", "      - lease:\n"),
        ("application: corner-shop\n", ""),
        ("application: corner-shop", "application: Unicorn"),
        ("failover:", "prepare:"),
        ("outage:", "outages:"),
        ("          cluster: unicorn\n", ""),
        ("cluster: unicorn", "clutser: unicorn"),
        ("cluster: unicorn", "cluster: 15"),
        ("cluster: unicorn", "cluster: [unicorn]"),
        ("cluster: unicorn", 'cluster: ""'),
        ("functions: [buy, pay], region: $from", "functions: buy, region: $from"),
        ("functions: [buy, pay], region: $from", "functions: [], region: $from"),
        ("functions: [buy, pay], region: $from", "functions: [buy, buy], region: $from"),
        ("reserved: 0", "reserved: -1"),
        ("reserved: restore", "reserved: restroe"),
        ("within: 2h", "within: 15"),
        ("within: 2h", "within: 15 minutes"),
        ("off_in: $from", "off_in: $form"),
        ("primary: us-east-1", "primary: virginia"),
        (", us-west-1: west}", "}"),
        ("members: {us-east-1: east", "members: {east: east"),
        ("loud: true", "loud: yes"),
        ("loud: true", "made: 1"),
        ("loud: true", "before_approval: true"),
        ("kind: alarm", "kind: alarms"),
        ("mode: ungraceful", "mode: reckless"),
        ("  - bake: {loud: true}", "  - bake"),
        ("  - bake: {loud: true}", "  - bake:\n    loud: true"),
        ("outage:\n  - bake: {loud: true}", "outage: []"),
        ("  - bake: {loud: true}", "  - together: [bake: ]"),
        ("  - bake: {loud: true}", "  - together: [bake: , together: [bake: , bake: ]]"),
        ("  - bake: {loud: true}", "  - bake:\nledger: {regions: [us-east-1, us-west-2]}"),
    ],
)
def test_a_wrong_runbook_is_refused_by_both(
    schema: jsonschema.Draft202012Validator, tmp_path: Path, old: str, new: str
) -> None:
    text = changed(old, new)
    assert refused_by_loader(tmp_path / "shop.yaml", text)
    assert refused_by_schema(schema, text)


def test_every_real_step_is_in_it_with_its_inputs_and_their_meaning() -> None:
    defined: dict[str, Any] = json_schema()["$defs"]
    for name, step_type in written(steps()).items():
        assert name in defined["entry"]["properties"]
        for each in inputs(step_type):
            assert defined[f"step.{name}"]["properties"][each.name]["description"] == each.doc
    hidden = [name for name, step_type in steps().items() if not step_type.written]
    assert not set(hidden) & set(defined["entry"]["properties"])


@dataclass(frozen=True, kw_only=True)
class Odd(Step[None]):
    """It cannot be written."""

    raw: Annotated[bytes, "nothing in YAML"]

    name: ClassVar = "odd"


def test_a_type_that_no_runbook_can_write_is_its_authors_mistake() -> None:
    with pytest.raises(TypeError, match="a runbook cannot write a <class 'bytes'>"):
        json_schema({"odd": Odd})
