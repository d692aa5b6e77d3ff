"""CloudWatch's dashboards, in the Cloud that has everything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.services.cloudwatch.dashboards import Dashboards


def furnish(cloud: Cloud, name: str) -> None:
    Dashboards.of(cloud)
    put(name)


def put(name: str, *widgets: Any, region: str = WEST) -> Any:
    body = json.dumps({"widgets": widgets})
    return client("cloudwatch", region).put_dashboard(DashboardName=name, DashboardBody=body)


def test_a_dashboard_is_the_accounts_and_who_writes_replaces_it(cloud: Cloud) -> None:
    put("one", {"type": "text", "properties": {"markdown": "hi"}})
    body = client("cloudwatch", EAST).get_dashboard(DashboardName="one")["DashboardBody"]
    assert json.loads(body)["widgets"][0]["type"] == "text"
    put("one")
    assert json.loads(Dashboards.of(cloud).bodies["one"]) == {"widgets": []}


def test_a_widget_that_shows_nothing_is_told_in_a_success_and_kept(cloud: Cloud) -> None:
    odd = {"type": "metric", "properties": {"metrics": [["AWS/ECS", "CPUUtilization", "Service"]]}}
    (pairs, region) = sorted(each["DataPath"] for each in put("one", odd)["DashboardValidationMessages"])
    assert (pairs, region) == ("/widgets/0/properties/metrics/0", "/widgets/0/properties/region")
    assert json.loads(Dashboards.of(cloud).bodies["one"])["widgets"] == [odd]


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"widgets": 1}', json.dumps({"widgets": [{}] * 501})])
def test_a_body_that_is_none_is_refused(cloud: Cloud, body: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameterInput"):
        client("cloudwatch").put_dashboard(DashboardName="one", DashboardBody=body)


def test_one_that_is_not_there_is_not_found(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="ResourceNotFound"):
        client("cloudwatch").get_dashboard(DashboardName="none")
