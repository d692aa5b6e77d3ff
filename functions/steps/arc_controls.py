"""Where customers go: ARC routes them to the Region `on_in`, and not to `off_in`, if to any not.

States are set, never toggled, and all in one call, which is atomic: no instant has every control off, and a
repeat after a lost answer asks for what already is. The five endpoints stand in the runbook, because looking
them up is a control plane in us-west-2. A ConflictException is a safety rule or contention, not a sick
endpoint; where a rule stands against it for good, `within` ends it, and the error names the rule. A person
who knows better says so to the run (`farshore override`): no runbook overrides a rule in advance. Sources:
docs.aws.amazon.com/r53recovery/latest/dg/routing-control.override-safety-rule.html,
docs.aws.amazon.com/r53recovery/latest/dg/route53-arc-best-practices.regional.html,
docs.aws.amazon.com/routing-control/latest/APIReference/API_UpdateRoutingControlStates.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from ..calls import Api, Endpoint
from ..handler import lambda_handler
from ..inputs import AwsRegion, ClusterEndpoint, Region, RoutingControlArn, SafetyRuleArn, Whole
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

GET = Api("route53-recovery-cluster:GetRoutingControlState", resource="{controls}", plane="data")
UPDATE = Api("route53-recovery-cluster:UpdateRoutingControlStates", resource="{controls}", plane="data")


ENDPOINTS = Whole(5, "a cluster")
"""Each in a Region of its own.
Source: docs.aws.amazon.com/cli/latest/reference/route53-recovery-cluster"""


@dataclass(frozen=True)
class Seen:
    endpoints: tuple[Endpoint, ...]
    """The cluster's endpoints, in the order in which this run tries them."""
    states: Mapping[Region, str]
    """"On" or "Off" of each control that an endpoint answered for."""


@dataclass(frozen=True, kw_only=True)
class ArcControls(Step[Seen]):
    """ARC routes customers to `on_in`, and not to `off_in`."""

    endpoints: Annotated[
        Mapping[AwsRegion, ClusterEndpoint], "the cluster's five endpoints, by their Region", ENDPOINTS
    ]
    controls: Annotated[Mapping[Region, RoutingControlArn], "each application Region's routing control"]
    on_in: Annotated[Region, "where customers shall go"] = Region("$to")
    off_in: Annotated[
        Region | Literal["nowhere"], "where they shall not; `nowhere` where several Regions serve at once"
    ] = Region("$from")
    safety_rules_to_override: Annotated[
        tuple[SafetyRuleArn, ...], "rules that shall not stand against it, as a person said to this run"
    ] = ()

    name: ClassVar = "arc_controls"
    reads: ClassVar = (GET,)
    writes: ClassVar = (UPDATE,)
    busy: ClassVar = frozenset({"ConflictException"})
    tries: ClassVar = ENDPOINTS.count
    point_of_no_return: ClassVar = True
    phase: ClassVar = "traffic"
    leads_to: ClassVar = "on_in"
    block: ClassVar = "ARCRoutingControl"
    derived: ClassVar = frozenset({"safety_rules_to_override"})
    overrides: ClassVar = "safety_rules_to_override"

    def __post_init__(self) -> None:
        if self.on_in == self.off_in:
            raise ValueError(
                f"{self.on_in} is both on_in and off_in, and customers would have nowhere to go: "
                "write on_in: $to, off_in: $from"
            )
        for region in self._wanted():
            if region not in self.controls:
                raise ValueError(f"no routing control for {region}: add its ARN to controls")
        if len(set(self.controls.values())) < len(self.controls):
            raise ValueError("two Regions have the same routing control: write the ARN of each Region's own")

    def observe(self, world: World) -> Seen:
        endpoints = [Endpoint(region, url) for region, url in sorted(self.endpoints.items())]
        first = world.dice(len(endpoints))
        endpoints = endpoints[first:] + endpoints[:first]
        asked = [
            GET(endpoints[0].region, RoutingControlArn=arn).through(endpoints)
            for arn in self.controls.values()
        ]
        sights = zip(self.controls, world.ask(*asked), strict=True)
        states = {
            region: sight["RoutingControlState"] for region, sight in sights if isinstance(sight, Mapping)
        }
        return Seen(tuple(endpoints), states)

    def decide(self, seen: Seen) -> Decision:
        wanted = self._wanted()
        silent = [region for region in wanted if region not in seen.states]
        if silent:
            return Wait(f"no endpoint of the cluster answers for {', '.join(silent)}")
        if all(seen.states[region] == state for region, state in wanted.items()):
            return Done()
        entries = [
            {"RoutingControlArn": self.controls[region], "RoutingControlState": state}
            for region, state in wanted.items()
        ]
        rules = list(self.safety_rules_to_override)
        given = {"UpdateRoutingControlStateEntries": entries} | (
            {"SafetyRulesToOverride": rules} if rules else {}
        )
        call = UPDATE(seen.endpoints[0].region, **given).through(seen.endpoints)
        states = " and ".join(f"{region} {state}" for region, state in wanted.items())
        why = f"{call.api.operation_name}: {states}, in one call"
        return Change(f"{why}, overriding {', '.join(rules)}" if rules else why, (call,))

    def _wanted(self) -> dict[Region, str]:
        off = {} if self.off_in == "nowhere" else {Region(self.off_in): "Off"}
        return {self.on_in: "On", **off}


handler = lambda_handler(ArcControls)
