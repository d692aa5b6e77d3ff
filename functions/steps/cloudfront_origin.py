"""Whom CloudFront asks: the origin of the Region `to`, for behaviours of a distribution. Planned moves only.

CloudFront's control plane lives in us-east-1 alone, so an ungraceful run is refused before anything is asked,
and the linter takes this step in a `failback` that is written out, and nowhere else. In the dark an origin
group moves by itself, or DNS does.

UpdateDistribution replaces the whole configuration. So all that was read is sent back with nothing but these
origins changed, and with If-Match: where somebody has changed it since, it is read anew. (What the layer's
botocore does not know yet it does not read: keep that recent.) Origins that are none of the runbook's, as an
origin group, are kept when customers are led away from a Region, and given back when they are led there
again. It is done once the configuration is read back and every edge has it. A plan shows no value of an
origin's custom header: it may be a secret. Sources:
docs.aws.amazon.com/cloudfront/latest/APIReference/API_UpdateDistribution.html,
docs.aws.amazon.com/cloudfront/latest/APIReference/API_GetDistribution.html (ETag; InProgress and Deployed),
docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/global-services.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NewType

from ..calls import Absent, Api, Call, Sight, Silence
from ..errors import Refused
from ..fence import NOTES
from ..handler import lambda_handler
from ..inputs import FORMS, Form, Region, Seconds
from ..ledger import Drop, Keep, Note
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

DistributionId = NewType("DistributionId", str)
# docs.aws.amazon.com/cloudfront/latest/APIReference/API_Distribution.html
FORMS[DistributionId] = Form(
    "a distribution's id",
    "distributions' ids",
    "E[A-Z0-9]{6,31}",
    "its id, of capital letters and digits, an E first",
    "EDFDVBD632BHDS5",
    canonical=str.upper,
    meant=lambda text: text.rpartition("/")[2],
)
OriginId = NewType("OriginId", str)
# docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html
FORMS[OriginId] = Form(
    "the id of an origin, or of an origin group",
    "ids of origins",
    r"\S(.{0,126}\S)?",
    "its id in the distribution, of at most 128 characters",
    "shop-us-west-1",
)
PathPattern = NewType("PathPattern", str)
# docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html
FORMS[PathPattern] = Form(
    "a behaviour's path pattern",
    "path patterns",
    r"[A-Za-z0-9_.*$/~\"'@:+&?-]{1,255}",
    "the path pattern of a behaviour as CloudFront has it, * for the default one",
    "/api/*",
)

HOME = "us-east-1"
DISTRIBUTION = "cloudfront::{account}:distribution/{distribution}"
GET = Api(
    "cloudfront:GetDistribution",
    resource=DISTRIBUTION,
    home=HOME,
    absent=frozenset({"NoSuchDistribution"}),
)
UPDATE = Api("cloudfront:UpdateDistribution", resource=DISTRIBUTION, home=HOME)
PLANNED = "CloudFront's control plane lives in us-east-1 alone, and no ungraceful run may need it"
DEFAULT = "*"
DEPLOYED = "Deployed"
SECRET = "(not shown)"  # noqa: S105

Origins = Mapping[str, str]
"""By path pattern, the id of the origin that is asked."""


@dataclass(frozen=True)
class Distribution:
    config: Mapping[str, Any]
    etag: str
    status: str


@dataclass(frozen=True)
class Seen:
    distribution: Distribution | Absent | Silence
    home: Mapping[str, Any]
    """What is kept of `to`: its origins, as customers were last led away from there."""
    left: Mapping[str, Any]
    """The same of the other Region."""
    planned: bool


@dataclass(frozen=True, kw_only=True)
class CloudfrontOrigin(Step[Seen]):
    """A CloudFront distribution asks the origin of the Region `to`, in a planned move."""

    distribution: Annotated[DistributionId, "the distribution"]
    origins: Annotated[Mapping[Region, OriginId], "each Region's origin, or origin group"]
    behaviours: Annotated[
        tuple[PathPattern, ...], "path patterns of the behaviours; * is the default one"
    ] = (PathPattern(DEFAULT),)
    to: Annotated[Region, "where customers shall go"] = Region("$to")
    within: Annotated[Seconds, "how long it may take until every edge has it"] = Seconds(1800)

    name: ClassVar = "cloudfront_origin"
    reads: ClassVar = (GET,)
    writes: ClassVar = (UPDATE,)
    notes: ClassVar = NOTES
    busy: ClassVar = frozenset({"PreconditionFailed", "InvalidIfMatchVersion"})
    every: ClassVar = 15
    point_of_no_return: ClassVar = True
    planned_only: ClassVar = PLANNED
    phase: ClassVar = "traffic"
    leads_to: ClassVar = "to"

    def __post_init__(self) -> None:
        if not self.behaviours:
            raise ValueError("no behaviour would change: write path patterns, or leave behaviours out")
        if len(set(self.origins.values())) < len(self.origins):
            raise ValueError("two Regions have the same origin: write the id of each Region's own")

    @property
    def _left(self) -> Region:
        return next((region for region in self.origins if region != self.to), self.to)

    def _name(self, left: Region) -> str:
        """The ledger's name of the origins that were before customers were led away from there."""
        return f"origins:{self.distribution}:{left}"

    def observe(self, world: World) -> Seen:
        if world.run.mode == "ungraceful":
            instead = "move customers by an origin group or DNS, and skip this state"
            raise Refused(f"{PLANNED}: {instead}")
        (sight,) = world.ask(GET(HOME, Id=self.distribution))
        kept = world.records.kept
        return Seen(
            distribution=_distribution(sight),
            home=kept.get(self._name(self.to), {}),
            left=kept.get(self._name(self._left), {}),
            planned=world.run.dry_run,
        )

    def decide(self, seen: Seen) -> Decision:
        named, now = f"distribution {self.distribution}", seen.distribution
        if isinstance(now, Absent):
            raise Refused(f"there is no {named}: correct its id")
        if isinstance(now, Silence):
            return Wait(f"{named}: {now.why}")
        current, wanted = self._current(now.config), self._wanted(seen)
        if current != wanted:
            self._check(now.config, wanted)
            call = self._update(now, wanted, seen.planned)
            return Change(f"{named} asks {_told(wanted)}", (call,), tuple(self._before(seen, current)))
        if now.status != DEPLOYED:
            return Wait(f"{named} is {now.status}: not every edge asks {_told(wanted)} yet")
        if seen.home and not seen.home.get("returned"):
            note = Keep(self._name(self.to), {**seen.home, "returned": True})
            return Change(f"note that customers are led to {self.to}", (), (note,))
        return Done(facts={"origins": dict(current)})

    def _wanted(self, seen: Seen) -> dict[str, str]:
        """What was kept, as far as it is of these behaviours; else the Region's own."""
        kept: Origins = seen.home.get("origins", {})
        own = {str(pattern): str(self.origins[self.to]) for pattern in self.behaviours}
        return dict(kept) if kept.keys() == own.keys() else own

    def _current(self, config: Mapping[str, Any]) -> dict[str, str]:
        found = {pattern: str(behaviour.get("TargetOriginId")) for pattern, behaviour in _behaviours(config)}
        if missing := [pattern for pattern in self.behaviours if pattern not in found]:
            what = f"distribution {self.distribution} has no behaviour {', '.join(missing)}"
            raise Refused(f"{what}: correct the path pattern, it has {', '.join(found)}")
        return {pattern: found[pattern] for pattern in self.behaviours}

    def _check(self, config: Mapping[str, Any], wanted: Origins) -> None:
        there = [str(each.get("Id")) for kind in ("Origins", "OriginGroups") for each in _items(config, kind)]
        if missing := sorted(set(wanted.values()) - set(there)):
            what = f"distribution {self.distribution} has no origin {', '.join(missing)}"
            raise Refused(f"{what}: add it, or correct its id; it has {', '.join(there)}")

    def _before(self, seen: Seen, current: Origins) -> Iterator[Note]:
        """What they are as customers are led away from the other Region, where the runbook does not say it;
        not what a run before this one has made of them on its way."""
        if seen.left and not seen.left.get("returned"):
            return
        if any(origin not in self.origins.values() for origin in current.values()):
            body = {"origins": dict(current), "returned": False}
            yield Keep(self._name(self._left), body, once=not seen.left)
        elif seen.left:
            yield Drop(self._name(self._left))

    def _update(self, now: Distribution, wanted: Origins, planned: bool) -> Call:
        """All that was read, but for these origins."""
        config = dict(now.config)
        for pattern, behaviour in _behaviours(now.config):
            if pattern == DEFAULT and pattern in wanted:
                config["DefaultCacheBehavior"] = {**behaviour, "TargetOriginId": wanted[pattern]}
        if "Items" in config.get("CacheBehaviors", {}):
            items = [
                {**each, "TargetOriginId": wanted[each["PathPattern"]]}
                if each.get("PathPattern") in wanted
                else each
                for each in _items(config, "CacheBehaviors")
            ]
            config["CacheBehaviors"] = {**config["CacheBehaviors"], "Items": items}
        told = _without_secrets(config) if planned else config
        return UPDATE(HOME, Id=self.distribution, IfMatch=now.etag, DistributionConfig=told)


def _distribution(sight: Sight) -> Distribution | Absent | Silence:
    if not isinstance(sight, Mapping):
        return sight
    told = sight.get("Distribution", {})
    config, etag, status = told.get("DistributionConfig"), sight.get("ETag"), told.get("Status")
    if not isinstance(config, Mapping) or not etag or not status:
        return Silence("CloudFront did not tell its configuration")
    return Distribution(config, str(etag), str(status))


def _behaviours(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """By path pattern, the default one last, as CloudFront asks them."""
    for each in _items(config, "CacheBehaviors"):
        yield str(each.get("PathPattern")), each
    yield DEFAULT, config.get("DefaultCacheBehavior", {})


def _items(config: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """CloudFront leaves out the list where it is empty."""
    return list(config.get(kind, {}).get("Items", ()))


def _without_secrets(config: Mapping[str, Any]) -> dict[str, Any]:
    """What an origin takes for proof that CloudFront asks is nobody else's to know."""
    origins = [_hidden(each) for each in _items(config, "Origins")]
    return {**config, "Origins": {**config.get("Origins", {}), "Items": origins}}


def _hidden(origin: Mapping[str, Any]) -> Mapping[str, Any]:
    headers = origin.get("CustomHeaders", {})
    if "Items" not in headers:
        return origin
    shown = [{**each, "HeaderValue": SECRET} for each in headers["Items"]]
    return {**origin, "CustomHeaders": {**headers, "Items": shown}}


def _told(wanted: Origins) -> str:
    return ", ".join(f"{origin} for {pattern}" for pattern, origin in wanted.items())


handler = lambda_handler(CloudfrontOrigin)
