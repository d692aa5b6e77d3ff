"""What is read of ECS services, their limits and their targets' health, and how. Not a step itself.

A service that is not there is a `failure` in a good answer, a deployment that was rolled back looks stable,
and a Region without room says so in a service's events only. What is not told is a silence. Sources:
docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html,
docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html,
docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html,
docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalableTargets.html,
docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .calls import Absent, Api, Call, Sight, Silence
from .inputs import Region
from .planned import one_line

SERVICE = "ecs:{region}:{account}:service/{services}"
SERVICES = Api("ecs:DescribeServices", resource=SERVICE)
PAIR = Api("ecs:DescribeServices", resource=SERVICE, why="what the other Region runs, for `match`")
TARGETS = Api(
    "application-autoscaling:DescribeScalableTargets", why="its reads cannot be scoped to a scalable target"
)
HEALTH = Api(
    "elasticloadbalancing:DescribeTargetHealth",
    client="elbv2",
    why="its reads cannot be scoped to a target group",
)
MOST_NAMED = 10
"""Services in one call."""
DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
SUSPENDED = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


@dataclass(frozen=True)
class Service:
    """One service as just read; `value` is what the ledger remembers of it."""

    value: Mapping[str, Any] | Silence
    running: int = 0
    pending: int = 0
    groups: tuple[str, ...] = ()
    """ARNs of its target groups."""
    event: str = ""
    """Its newest, in ECS's words."""
    flaw: str = ""
    """Why its count cannot be set."""
    stale: str = ""
    """Why what it runs is not what was deployed."""


def asking(region: Region, names: Sequence[str]) -> Iterator[Call]:
    """What tells of these services, and of their scaling."""
    for cluster, part in parts(names):
        ids = [f"service/{cluster}/{name}" for name in part]
        yield SERVICES(region, cluster=cluster, services=part)
        yield TARGETS(region, **DIMENSION, ResourceIds=ids)


def parts(names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """By cluster, as many services as one call may name."""
    for cluster in dict.fromkeys(name.partition("/")[0] for name in names):
        mine = [name.partition("/")[2] for name in names if name.partition("/")[0] == cluster]
        for first in range(0, len(mine), MOST_NAMED):
            yield cluster, mine[first : first + MOST_NAMED]


def services_of(names: Sequence[str], sights: Sequence[Sight]) -> dict[str, Service]:
    """By name, with their limits: what was told of services and of their scaling by turns."""
    services, limits = described(names, sights[::2]), _limited(names, sights[1::2])
    return {name: _together(it, limits[name]) for name, it in services.items()}


def _together(it: Service, limits: Mapping[str, Any] | Silence) -> Service:
    if isinstance(it.value, Silence) or isinstance(limits, Silence):
        return replace(it, value=it.value if isinstance(it.value, Silence) else limits)
    return replace(it, value={**it.value, **limits})


def described(names: Sequence[str], sights: Sequence[Sight]) -> dict[str, Service]:
    """By name, as far as DescribeServices told."""
    found = {}
    for (cluster, part), sight in zip(parts(names), sights, strict=False):
        for name in part:
            found[f"{cluster}/{name}"] = _one(f"{cluster}/{name}", name, sight)
    return found


def _one(full: str, name: str, sight: Sight) -> Service:
    if isinstance(sight, Silence | Absent):
        return Service(sight if isinstance(sight, Silence) else Silence(sight.code))
    for failure in sight.get("failures", ()):
        if str(failure.get("arn", "")).endswith(f"/{name}"):
            why = (
                f"{full}: {failure.get('reason', 'a failure')} ({failure.get('detail', 'ECS says no more')})"
            )
            return Service(Silence(why), flaw=why if failure.get("reason") == "MISSING" else "")
    it: Mapping[str, Any] = next(
        (each for each in sight.get("services", ()) if each.get("serviceName") == name), {}
    )
    desired, running, waiting = (it.get(f"{kind}Count") for kind in ("desired", "running", "pending"))
    if not (type(desired) is type(running) is type(waiting) is int):
        return Service(Silence(f"ECS did not tell of {full}", answered=True))
    events = [each for each in it.get("events", ()) if "createdAt" in each]
    newest: Mapping[str, Any] = max(events, key=lambda each: each["createdAt"], default={})
    return Service(
        {"desired": desired},
        running,
        waiting,
        tuple(each["targetGroupArn"] for each in it.get("loadBalancers", ()) if "targetGroupArn" in each),
        one_line(str(newest.get("message", ""))),
        _flaw(full, it),
        _stale(full, it),
    )


def _flaw(full: str, it: Mapping[str, Any]) -> str:
    controller = it.get("deploymentController", {}).get("type", "ECS")
    if it.get("status") != "ACTIVE":
        return (
            f"{full} is {it.get('status', 'of no known status')}, not ACTIVE: create it, or correct its name"
        )
    if controller != "ECS":
        return (
            f"{full} is deployed by {controller}, whose task sets have counts of their own: leave it to that"
        )
    if it.get("schedulingStrategy", "REPLICA") != "REPLICA":
        return f"{full} is a {it['schedulingStrategy']} service, which has no desired count: leave it out"
    return ""


def _stale(full: str, it: Mapping[str, Any]) -> str:
    deployments = [each for each in it.get("deployments", ()) if each.get("status") == "PRIMARY"]
    wanted = it.get("taskDefinition")
    for primary in deployments:
        runs = primary.get("taskDefinition")
        if primary.get("rolloutState") == "FAILED" or runs != wanted:
            return (
                f"{full} was rolled back: it runs {_short(runs)}, and not {_short(wanted)}: deploy it again"
            )
    return ""


def _short(definition: Any) -> str:
    return str(definition).rpartition("/")[2]


def _limited(names: Sequence[str], sights: Sequence[Sight]) -> dict[str, Mapping[str, Any] | Silence]:
    """By name, its limits; nothing where it does not scale by itself."""
    found: dict[str, Mapping[str, Any] | Silence] = {}
    for (cluster, part), sight in zip(parts(names), sights, strict=True):
        for name in (f"{cluster}/{each}" for each in part):
            found[name] = _limits_of(name, sight)
    return found


def _limits_of(name: str, sight: Sight) -> Mapping[str, Any] | Silence:
    if isinstance(sight, Silence | Absent):
        return sight if isinstance(sight, Silence) else Silence(sight.code)
    if "ScalableTargets" not in sight or sight.get("NextToken"):
        return Silence(f"Application Auto Scaling did not tell all of {name}", answered=True)
    it = next(
        (each for each in sight["ScalableTargets"] if each.get("ResourceId") == f"service/{name}"), None
    )
    if it is None:
        return {}
    least, most = it.get("MinCapacity"), it.get("MaxCapacity")
    if type(least) is not int or type(most) is not int:
        return Silence(f"Application Auto Scaling did not tell the limits of {name}", answered=True)
    flags = it.get("SuspendedState", {})
    return {"min": least, "max": most, "suspended": {flag: flags.get(flag) is True for flag in SUSPENDED}}


def healthy(sight: Sight) -> int | Silence:
    """How many targets are."""
    if isinstance(sight, Silence | Absent):
        return sight if isinstance(sight, Silence) else Silence(sight.code)
    if "TargetHealthDescriptions" not in sight:
        return Silence("Elastic Load Balancing did not tell of its targets", answered=True)
    states = [each.get("TargetHealth", {}).get("State") for each in sight["TargetHealthDescriptions"]]
    return states.count("healthy")


def lacking(it: Service, count: int, wells: Mapping[str, int | Silence]) -> str:
    """What is missing until so many of its tasks serve customers; "" where nothing is."""
    said = f" (it says: {it.event})" if it.event else ""
    if it.running < count:
        return f"{it.running} of {count} tasks run{said}"
    for arn in it.groups if count else ():
        well = wells.get(arn, Silence("not asked"))
        if isinstance(well, Silence):
            return f"nobody tells of the targets of {arn}: {well.why}"
        if well < count:
            return f"{well} of {count} targets of {arn} are healthy{said}"
    return ""


def left_of(it: Service) -> str:
    """What is still there of a service that shall have none."""
    left = it.running + it.pending
    return f"{left} of its tasks are still there" if left else ""
