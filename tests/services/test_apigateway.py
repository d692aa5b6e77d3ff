"""API Gateway's stages, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.services.apigateway.model import ApiGateway, Stage

RATE = "/*/*/throttling/rateLimit"


def furnish(cloud: Cloud, name: str) -> None:
    for region in (EAST, WEST):
        stage = ApiGateway.of(cloud).stage(region, f"api{name}", "prod")
        ApiGateway.of(cloud).patch(stage, [{"op": "replace", "path": RATE, "value": "100"}])


def third(cloud: Cloud) -> Stage:
    return ApiGateway.of(cloud).stage(EAST, "apithird", "prod")


UNDER_WAY = {"a stage without settings": third}


def patch(*operations: dict[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = client("apigateway", EAST).update_stage(
        restApiId="apione", stageName="prod", patchOperations=list(operations)
    )
    return answer


def test_a_method_with_a_limit_has_settings_and_goes_before_the_default(cloud: Cloud) -> None:
    orders = "/~1orders/GET/throttling/burstLimit"
    told = patch({"op": "replace", "path": orders, "value": "5"})["methodSettings"]
    assert told["~1orders/GET"] == {"throttlingRateLimit": 10_000.0, "throttlingBurstLimit": 5}
    stage = third(cloud)
    assert stage.limits("~1orders/GET") == (10_000.0, 5_000)
    ApiGateway.of(cloud).patch(stage, [{"op": "replace", "path": RATE, "value": "0"}])
    assert stage.limits("~1orders/GET") == (0.0, 5_000)


def test_settings_that_are_removed_are_not_told_and_cannot_be_removed_again(cloud: Cloud) -> None:
    remove = {"op": "remove", "path": "/*/*"}
    assert "methodSettings" not in patch(remove)
    with pytest.raises(ClientError, match="BadRequestException"):
        patch(remove)


@pytest.mark.parametrize("value", ["many", "", "1.5.2"])
def test_a_limit_that_is_no_number_is_refused_and_nothing_is_changed(cloud: Cloud, value: str) -> None:
    good = {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "0"}
    with pytest.raises(ClientError, match="BadRequestException"):
        patch(good, {"op": "replace", "path": RATE, "value": value})
    stage = client("apigateway", EAST).get_stage(restApiId="apione", stageName="prod")
    assert stage["methodSettings"]["*/*"]["throttlingBurstLimit"] == 5_000


def test_a_stage_that_is_not_there_is_told_and_another_patch_is_none_of_the_twins(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="NotFoundException"):
        client("apigateway", EAST).get_stage(restApiId="apione", stageName="test")
    with pytest.raises(NotImplementedError, match="the twin patches limits"):
        patch({"op": "replace", "path": "/description", "value": "x"})
