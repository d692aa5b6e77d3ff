"""STS's endpoints, and another account's role, in the Cloud that has everything."""

from __future__ import annotations

from every_service import WEST, client

from twin.cloud import Cloud
from twin.net import Net
from twin.services.sts.model import Sts

ROLE = "arn:aws:iam::222222222222:role/{}"


def furnish(cloud: Cloud, name: str) -> None:
    sts = Sts.of(cloud, Net.of(cloud))
    sts.user(name)
    sts.role(ROLE.format(name), (), "")
    sts.endpoint(WEST)


def begin(cloud: Cloud) -> None:
    client("sts").assume_role(RoleArn=ROLE.format("one"), RoleSessionName="night")


UNDER_WAY = {"somebody has assumed a role": begin}
