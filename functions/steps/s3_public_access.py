"""Who may read: the public can, or can no longer, read the website of a Region's bucket.

The game day's outage, and a fence for what a bucket serves. A block is set in configuration at once, and
customers are turned away later; and the strictest of bucket, account and organisation wins, so that a
bucket's own setting says little. So it is read back over HTTP, where customers feel it: 403 when it is
closed. A site is public by its policy or by its objects' ACLs, and each has a setting that closes what is
there already. Sources:
docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html,
docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html (its IAM action has another name)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from ..calls import HTTP_GET, Absent, Api, Call, Sight, Silence, domain_of
from ..fence import (
    ASKS,
    NOTES,
    PATIENCE,
    FenceSight,
    Held,
    Value,
    ask_all,
    give_back,
    patient,
    remembered_here,
    take_away,
)
from ..handler import lambda_handler
from ..inputs import WEBSITE, BucketName, Patience, Region
from ..step import Decision, Step
from ..world import World

BUCKET = "s3:::{buckets}"
GET = Api(
    "s3:GetBucketPublicAccessBlock",
    resource=BUCKET,
    operation="GetPublicAccessBlock",
    absent=frozenset({"NoSuchPublicAccessBlockConfiguration"}),
)
PUT = Api("s3:PutBucketPublicAccessBlock", resource=BUCKET, operation="PutPublicAccessBlock", cli="s3api")
DELETE = Api(
    "s3:PutBucketPublicAccessBlock", resource=BUCKET, operation="DeletePublicAccessBlock", cli="s3api"
)

SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
CLOSED = dict.fromkeys(SETTINGS, True)

DASHED = frozenset(
    {
        "us-east-1",
        "us-west-1",
        "us-west-2",
        "us-gov-west-1",
        "eu-west-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-northeast-1",
        "sa-east-1",
    }
)
"""Regions whose website endpoints are older, and spelled with a dash.
Source: docs.aws.amazon.com/general/latest/gr/s3.html#s3_website_region_endpoints"""


@dataclass(frozen=True, kw_only=True)
class S3PublicAccess(Step[FenceSight]):
    """The public can no longer read the website of the bucket in `region`, or can again."""

    buckets: Annotated[Mapping[Region, BucketName], "each Region's bucket, which serves a website"]
    region: Annotated[Region, "whose bucket"] = Region("$from")
    blocked: Annotated[Literal[True, "restore"], "true takes away, `restore` gives back what was"]
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE

    name: ClassVar = "s3_public_access"
    reads: ClassVar = (GET, HTTP_GET)
    writes: ClassVar = (PUT, DELETE)
    notes: ClassVar = NOTES
    busy: ClassVar = frozenset({"OperationAborted"})
    asks: ClassVar = ASKS
    fences: ClassVar = True
    relies_on: ClassVar = {WEBSITE: "a website that returns sends customers to a stale writer"}

    def __post_init__(self) -> None:
        patient(self.patience, self.within)

    @property
    def resource(self) -> str:
        """The ledger's name of what is fenced."""
        return f"s3:{self.region}:{self.buckets[self.region]}:public_access_block"

    @property
    def website(self) -> str:
        """Where customers, or a CDN, read the bucket. Website endpoints speak HTTP only."""
        joint = "-" if self.region in DASHED else "."
        return f"http://{self.buckets[self.region]}.s3-website{joint}{self.region}.{domain_of(self.region)}/"

    def observe(self, world: World) -> FenceSight:
        current: Value | Silence = Silence("not asked: nothing is remembered")
        confirmed: bool | None = False
        if self.blocked is True or remembered_here(world, self.resource):
            block, answer = ask_all(
                world,
                [
                    GET(self.region, Bucket=self.buckets[self.region]),
                    HTTP_GET(world.run.target, url=self.website),
                ],
                self.patience,
            )
            current = _setting(block)
            confirmed = _felt(current, _is_closed(answer), world.waited > self.patience)
        return FenceSight.of(
            world, self.patience, [Held(self.resource, current, confirmed, self._put)], self.region
        )

    def decide(self, seen: FenceSight) -> Decision:
        return take_away(seen, CLOSED) if self.blocked is True else give_back(seen)

    def _put(self, value: Value) -> tuple[Call, ...]:
        bucket = self.buckets[self.region]
        if value is None:
            return (DELETE(self.region, Bucket=bucket),)
        return (PUT(self.region, Bucket=bucket, PublicAccessBlockConfiguration=value),)


def _setting(block: Sight) -> Value | Silence:
    """The four settings; None where the bucket has no block of its own."""
    if isinstance(block, Silence):
        return block
    if isinstance(block, Absent):
        return None
    return {name: bool(block["PublicAccessBlockConfiguration"].get(name)) for name in SETTINGS}


def _closes(setting: Value) -> bool | None:
    """Of the four, one acts on a bucket policy that is already there, and one on ACLs. None where only one of
    them is set: whether that closes the site depends on what opens it."""
    acting = (
        {setting["RestrictPublicBuckets"], setting["IgnorePublicAcls"]}
        if isinstance(setting, Mapping)
        else {False}
    )
    return acting.pop() if len(acting) == 1 else None


def _felt(setting: Value | Silence, closed: bool | None, late: bool) -> bool | None:
    """Customers feel the setting. Under one that may close a site or not they come in; past the patience
    (`late`) nobody can tell, since it may have been closed before, too."""
    if isinstance(setting, Silence) or closed is None:
        return False
    closes = _closes(setting)
    if closes is not None:
        return closed is closes
    if not closed:
        return True
    return None if late else False


def _is_closed(answer: Sight) -> bool | None:
    """What customers feel; None where nobody can say. A missing index (404) turns nobody away."""
    if isinstance(answer, Silence | Absent) or answer["status"] >= 500 or answer["status"] == 429:
        return None
    return bool(answer["status"] == 403)


handler = lambda_handler(S3PublicAccess)
