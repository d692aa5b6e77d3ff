"""CloudFront, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.net import Net
from twin.services.cloudfront.model import CloudFront, Distribution


def furnish(cloud: Cloud, name: str) -> None:
    edge = CloudFront.of(cloud, Net.of(cloud))
    edge.distribution(f"edge-{name}.example", f"{EAST}.{name}.example", f"{WEST}.{name}.example")


def distribution(cloud: Cloud) -> Distribution:
    return CloudFront.of(cloud).distributions["edge-one.example"]


def update(cloud: Cloud, **changes: Any) -> Any:
    """As read, with these members instead."""
    edge = client("cloudfront")
    told = edge.get_distribution(Id=distribution(cloud).id)
    config = {**told["Distribution"]["DistributionConfig"], **changes.pop("config", {})}
    asked = {"Id": distribution(cloud).id, "IfMatch": told["ETag"], "DistributionConfig": config, **changes}
    return edge.update_distribution(**asked)


def lead(cloud: Cloud, target: str = "secondary") -> Any:
    behaviour = {"TargetOriginId": target, "ViewerProtocolPolicy": "allow-all"}
    return update(cloud, config={"DefaultCacheBehavior": behaviour})


UNDER_WAY = {"a distribution that is changed": lead}


def served(cloud: Cloud, path: str = "/") -> str:
    """Which Region."""
    said = Net.of(cloud).request("", "GET", f"http://edge-one.example{path}")[1].decode()
    return said.partition(" ")[0]


def test_an_update_reaches_the_edges_minutes_later_and_is_told_so(cloud: Cloud) -> None:
    assert served(cloud) == EAST
    assert lead(cloud)["Distribution"]["Status"] == "InProgress"
    assert served(cloud) == EAST
    cloud.clock.sleep(601)
    told = client("cloudfront").get_distribution(Id=distribution(cloud).id)["Distribution"]
    assert told["Status"] == "Deployed"
    assert told["DistributionConfig"]["DefaultCacheBehavior"]["TargetOriginId"] == "secondary"
    assert served(cloud) == WEST


def test_the_first_path_pattern_that_fits_says_which_origin_is_asked(cloud: Cloud) -> None:
    behaviour = {"PathPattern": "/api/*", "TargetOriginId": "secondary", "ViewerProtocolPolicy": "allow-all"}
    update(cloud, config={"CacheBehaviors": {"Quantity": 1, "Items": [behaviour]}})
    cloud.clock.sleep(601)
    assert served(cloud) == EAST
    assert served(cloud, "/api/x?y=1") == WEST


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"IfMatch": "E000007"}, "PreconditionFailed"),
        ({"IfMatch": ""}, "InvalidIfMatchVersion"),
        ({"config": {"CallerReference": "another"}}, "IllegalUpdate"),
        ({"Id": "ENONE0000"}, "NoSuchDistribution"),
    ],
)
def test_what_cloudfront_would_refuse_is_refused(cloud: Cloud, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        update(cloud, **asked)
    with pytest.raises(ClientError, match="NoSuchOrigin"):
        lead(cloud, "tertiary")
