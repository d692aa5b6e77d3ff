"""Where customers go: to the Region `to`, as an object in the standby says ("standby takes over primary").

The primary's failover record has a Route 53 health check that watches this object, and is inverted: while the
object is missing the primary counts as healthy, and once it is there as ill, so that the name leads to the
standby. To move is to put the object, to move back to remove it: S3's data plane in the standby Region does
it, and no record is edited, nor is anything asked of the Region that is left.

What proves it is what customers see: `probe` is answered from `to` alone, which takes as long as the health
check's interval and threshold and the name's time to live. With the standby dark the inverted check counts
the primary as healthy, so that customers come back by themselves. An ungraceful run to the primary is done
then by what probes see, once the bucket has been silent for `patience` and the standby's own URL is not
answered well. The removal is owed, and made on schedule: until then the object leads customers away again as
soon as the bucket answers. A graceful run waits, and is refused in the end.

A dry run asks Route 53 of the health check, and S3 of the bucket: while all is well a check that is not
inverted, disabled or of something else, and an object that is there already, are found. A run never asks
Route 53. Sources: aws.amazon.com/blogs/networking-and-content-delivery,
creating-disaster-recovery-mechanisms-using-amazon-route-53;
docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html,
docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (of what is missing, only who may list is told so)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NewType

from ..calls import HTTP_GET, Absent, Api, Sight, Silence
from ..errors import Refused
from ..fence import NOTES, PATIENCE, UNKNOWN, patient
from ..handler import lambda_handler
from ..inputs import FORMS, AwsRegion, BucketName, Form, HealthCheckId, Patience, Region, Url
from ..ledger import Owe, Pay
from ..planned import DOUBTS
from ..probes import is_well, lead_to, probes_of, text_of
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

ObjectKey = NewType("ObjectKey", str)
# docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html, without what IAM reads as a wildcard
FORMS[ObjectKey] = Form(
    "an object's key",
    "objects' keys",
    r"(?!/)[A-Za-z0-9!_.'()/-]{1,512}",
    "letters, digits and any of !-_.'()/, without a slash at its beginning",
    "take-over.html",
    meant=lambda text: text.lstrip("/"),
)

OBJECT = "s3:::{bucket}/{key}"
LIST = "s3:ListBucket"
HEAD = Api(
    "s3:GetObject",
    resource=(OBJECT, "s3:::{bucket}"),
    operation="HeadObject",
    plane="data",
    absent=frozenset({"404", "NoSuchKey"}),
    dependents=(LIST,),
)
PUT = Api("s3:PutObject", resource=OBJECT, plane="data", cli="s3api")
DELETE = Api("s3:DeleteObject", resource=OBJECT, plane="data", cli="s3api")
DENIED = frozenset({"AccessDenied", "403"})
"""What a dry run may not read is a doubt, and hides no other."""
BUCKET = Api(
    LIST,
    resource="s3:::{bucket}",
    operation="HeadBucket",
    plane="data",
    absent=DENIED | {"404", "NoSuchBucket"},
)
CHECK = Api(
    "route53:GetHealthCheck",
    resource="route53:::healthcheck/{health_check}",
    home="us-east-1",
    absent=DENIED | {"NoSuchHealthCheck"},
)
BY_ITSELF = "with the standby dark its inverted health check leads customers away, and probes see it"


@dataclass(frozen=True)
class Seen:
    there: bool | Silence
    """The object is."""
    led: bool
    """Every probe is answered from `to`, and names no other Region."""
    direct: Sight | None
    """The answer of the standby's own URL, where customers are led away from it."""
    doubts: tuple[str, ...]
    graceful: bool
    late: bool
    """A bucket that is silent has been so for longer than patience."""
    settling: bool
    """Only what is owed is to be done."""
    owed: bool
    now: float
    execution: str


@dataclass(frozen=True, kw_only=True)
class Route53Standby(Step[Seen]):
    """An object in the standby Region leads customers there while it exists, and to the primary otherwise."""

    standby: Annotated[AwsRegion, "the Region of the application that takes over while the object exists"]
    bucket: Annotated[BucketName, "a bucket there"]
    key: Annotated[ObjectKey, "the object that the health check asks for"]
    health_check: Annotated[HealthCheckId, "the inverted health check of the primary's record"]
    to: Annotated[Region, "where customers shall go"] = Region("$to")
    probe: Annotated[Url, "the customers' URL, whose answer names the Region that gives it"]
    direct: Annotated[
        Url, "the standby's own URL, past that name: asked where customers are led to the primary"
    ]
    patience: Annotated[Patience, "how long a silent bucket is waited for"] = PATIENCE

    name: ClassVar = "route53_standby"
    reads: ClassVar = (HEAD, HTTP_GET, BUCKET, CHECK)
    writes: ClassVar = (PUT, DELETE)
    notes: ClassVar = NOTES
    busy: ClassVar = frozenset({"OperationAborted"})
    every: ClassVar = 10
    tolerates: ClassVar = {
        **dict.fromkeys((HEAD, PUT, DELETE), BY_ITSELF),
        HTTP_GET: "the silence of the Region that is left is its answer",
        BUCKET: "only a dry run asks",
        CHECK: "only a dry run asks",
    }
    point_of_no_return: ClassVar = True
    owes: ClassVar = True
    phase: ClassVar = "traffic"
    leads_to: ClassVar = "to"
    block: ClassVar = "Route53HealthCheck"

    def __post_init__(self) -> None:
        patient(self.patience, self.within)

    @property
    def _takes_over(self) -> bool:
        return str(self.to) == self.standby

    @property
    def _object(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.key}

    @property
    def _named(self) -> str:
        return f"{self.key} of {self.bucket} in {self.standby}"

    @property
    def _debt(self) -> str:
        """The ledger's name of a removal that is owed."""
        return f"s3:{self.standby}:{self.bucket}/{self.key}:removal"

    def observe(self, world: World) -> Seen:
        run, here = world.run, world.run.target
        if self.standby not in (str(run.source), str(run.target)):
            what = f"standby {self.standby} is neither {run.source} nor {run.target}"
            raise Refused(f"{what}: write the Region that takes over while {self.key} exists")
        calls = [HEAD(self.standby, **self._object), *probes_of(self.probe, here)]
        if not self._takes_over:
            calls.append(HTTP_GET(here, url=self.direct))
        looks = len(calls)
        if run.dry_run:
            calls += [
                BUCKET(self.standby, Bucket=self.bucket),
                CHECK(self.standby, HealthCheckId=self.health_check),
            ]
        sights = world.ask(*calls)
        there, probes = _there(sights[0]), sights[1 : looks if self._takes_over else looks - 1]
        other = run.source if run.target == self.to else run.target
        return Seen(
            there=there,
            led=lead_to(probes, self.to, other),
            direct=None if self._takes_over else sights[looks - 1],
            doubts=tuple(self._doubts(there, probes, other, sights[looks:])) if run.dry_run else (),
            graceful=run.mode == "graceful",
            late=world.waited > self.patience,
            settling=run.purpose == "settle",
            owed=self._debt in world.records.debts,
            now=world.now,
            execution=run.execution,
        )

    def decide(self, seen: Seen) -> Decision:
        if seen.settling and (self._takes_over or not seen.owed):
            return Done("nothing owed")
        facts = {DOUBTS: list(seen.doubts)} if seen.doubts else {}
        if isinstance(seen.there, Silence):
            return self._by_itself(seen, seen.there.why, facts)
        paid = (Pay(self._debt),) if seen.owed else ()
        if self._takes_over and not seen.there:
            return Change(f"put {self._named}", (PUT(self.standby, **self._object),), paid, facts)
        if not self._takes_over and seen.there:
            return Change(f"remove {self._named}", (DELETE(self.standby, **self._object),), (), facts)
        if not seen.led:
            is_so = "is there, and must be readable for everybody" if seen.there else "is not there"
            return Wait(
                f"{self._named} {is_so}; {self.probe} is not answered from {self.to} alone yet", facts
            )
        if paid:
            return Change(f"note that customers are led to {self.to}", (), paid, facts)
        return Done(facts=facts)

    def _by_itself(self, seen: Seen, why: str, facts: Mapping[str, Any]) -> Decision:
        """Nobody can say whether the object is there: the health check asks the same silent bucket."""
        if seen.settling and seen.late:
            raise Refused(f"the removal of {self._named} is owed: {why}")
        if self._takes_over or seen.graceful or seen.settling or not seen.late:
            return Wait(why, facts)
        if not seen.led:
            return Wait(f"{why}; and {self.probe} is not answered from {self.to} alone", facts)
        if seen.direct is not None and is_well(seen.direct):
            what = f"{self.direct} is answered well: customers may be led there again"
            return Wait(f"{why}; and {what}", facts)
        if not seen.owed:
            owe = Owe(self._debt, why, seen.now, seen.execution)
            return Change(f"owe the removal of {self._named}", (), (owe,), facts)
        return Done(UNKNOWN, {"object": UNKNOWN, "led_by": "health"})

    def _doubts(
        self, there: bool | Silence, probes: list[Sight], other: Region, asked: list[Sight]
    ) -> Iterator[str]:
        """What would go wrong at night, or has already."""
        if self._takes_over and there is True:
            yield f"{self._named} is there already: a failover would change nothing; remove it"
        for text in {text_of(sight) for sight in probes if is_well(sight)}:
            if self.to not in text and other not in text:
                yield f"{self.probe} is answered without naming {self.to} or {other}, and would prove nothing"
        bucket, check = asked
        if isinstance(bucket, Absent):
            yield f"bucket {self.bucket}: S3 answers {bucket.code}: create it, or correct its name"
        elif isinstance(bucket, Mapping) and bucket.get("BucketRegion", self.standby) != self.standby:
            where = f"bucket {self.bucket} is in {bucket['BucketRegion']}"
            yield f"{where}, and may be dark while {self.standby} is not: use one in {self.standby}"
        named = f"health check {self.health_check}"
        if isinstance(check, Absent):
            yield f"{named}: Route 53 answers {check.code}: create it, or correct its id"
        elif isinstance(check, Mapping):
            config = check.get("HealthCheck", {}).get("HealthCheckConfig", {})
            yield from (f"{named} {wrong}" for wrong in self._wrong(config))

    def _wrong(self, config: Mapping[str, Any]) -> Iterator[str]:
        """What keeps the health check from following the object."""
        if not config.get("Inverted"):
            yield "is not inverted: it leads customers away while the object is missing; invert it"
        if config.get("Disabled"):
            yield "is disabled, and so always healthy: enable it"
        if config.get("Type") not in ("HTTP", "HTTPS"):
            yield f"is of type {config.get('Type')}, and not HTTP or HTTPS: it does not ask for an object"
        host, path = config.get("FullyQualifiedDomainName", ""), config.get("ResourcePath", "")
        if self.bucket not in f"{host}{path}" or not f"/{path}".endswith(f"/{self.key}"):
            yield f"asks for {host}{path}, and not for {self._named}"


def _there(sight: Sight) -> bool | Silence:
    if isinstance(sight, Silence):
        return sight
    if isinstance(sight, Absent):
        return False
    return True if "ContentLength" in sight else Silence("S3 did not tell of the object")


handler = lambda_handler(Route53Standby)
