"""X-Ray's groups, in the Cloud that has everything."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from every_service import WEST, client

from twin.cloud import Cloud
from twin.services.xray.model import Xray


def furnish(cloud: Cloud, name: str) -> None:
    Xray.of(cloud).group(WEST, name, 'service("shop")')


def test_groups_come_in_pages_and_default_is_always_there(cloud: Cloud) -> None:
    for number in range(25):
        Xray.of(cloud).group(WEST, f"group-{number}", "")
    first = client("xray").get_groups()
    rest = client("xray").get_groups(NextToken=first["NextToken"])
    names = [group["GroupName"] for page in (first, rest) for group in page["Groups"]]
    assert (len(names), names[0]) == (28, "Default")
    assert "NextToken" not in rest


@pytest.mark.parametrize(
    ("name", "expression"), [("one", 'service("shop")'), ("Default", ""), ("new", 'service("shop)')]
)
def test_a_name_that_is_taken_and_an_expression_that_is_none_are_refused_alike(
    cloud: Cloud, name: str, expression: str
) -> None:
    with pytest.raises(ClientError, match="InvalidRequestException"):
        client("xray").create_group(GroupName=name, FilterExpression=expression)
