"""What a call of a step changes: a declared write that is neither the ledger's nor a page to a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from farshore.compile import definition
from farshore.compile.definition import change_of
from farshore.runbook.registry import steps
from functions.calls import Api
from functions.step import Step

PUT = Api("dynamodb:PutItem", resource="dynamodb:{region}:{account}:table/shop", plane="data")


@dataclass(frozen=True, kw_only=True)
class Marked(Step[None]):
    """A row of the application's own table says where it lives."""

    name: ClassVar = "marked"
    writes: ClassVar = (PUT,)
    notes: ClassVar = (Api("dynamodb:PutItem"),)


def changed(step: str, service: str, operation: str, **parameters: Any) -> Api | None:
    event: Mapping[str, Any] = {"run": {"step": step}, "ledger": {"table": "farshore-ledger"}}
    return change_of(event, service, operation, parameters)


def test_a_declared_write_changes_the_application() -> None:
    assert changed("arc_controls", "route53-recovery-cluster", "UpdateRoutingControlStates")
    assert changed("lambda_concurrency", "lambda", "PutFunctionConcurrency")
    assert changed("s3_public_access", "s3", "DeletePublicAccessBlock")


def test_what_a_step_reads_or_never_declared_changes_nothing() -> None:
    assert not changed("arc_controls", "route53-recovery-cluster", "GetRoutingControlState")
    assert not changed("arc_controls", "lambda", "PutFunctionConcurrency")
    assert not changed("a_step_of_another_version", "lambda", "PutFunctionConcurrency")


def test_a_post_through_the_customers_endpoint_is_a_change_and_a_get_is_none() -> None:
    assert changed("synthetic_write", "http", "POST")
    assert not changed("synthetic_write", "http", "GET")
    assert not changed("region_impaired", "http", "GET")


def test_a_page_to_a_person_is_no_change() -> None:
    assert not changed("approval", "sns", "Publish", TopicArn="arn:aws:sns:us-east-1:123456789012:pages")
    assert not changed("approval", "lambda", "Invoke")


def test_a_write_to_the_applications_table_is_a_change_and_one_to_the_ledger_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(definition, "steps", lambda: {**steps(), "marked": Marked})
    assert changed("marked", "dynamodb", "PutItem", TableName="shop") is PUT
    assert not changed("marked", "dynamodb", "PutItem", TableName="farshore-ledger")


def test_each_promotion_that_may_lose_writes_says_so() -> None:
    def accepts_loss(step: str, operation: str) -> bool:
        api = changed(step, "rds", operation)
        assert api is not None
        return api.accepts_loss

    assert accepts_loss("aurora_writer", "FailoverGlobalCluster")
    assert accepts_loss("aurora_detached", "RemoveFromGlobalCluster")
    assert not accepts_loss("aurora_writer", "SwitchoverGlobalCluster")
