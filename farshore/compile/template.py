"""The part of template.yaml that the runbooks say: functions, machines, triggers, the ledger, what people may
do, parameters, conditions and outputs.

One template serves every Region. Conditions put into a Region only what belongs there: a machine and its
trigger in the one Region that it activates, a step's function wherever a machine calls it, the ledger in the
first of its Regions. cfn-lint and SAM read the whole; a person reads the comments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..runbook.mistakes import Mistake, Mistakes
from ..runbook.model import LedgerTable
from .emitter import Flow, Noted, Tag, emit
from .function_resources import Use, functions, homes
from .machine_resources import machine_resources
from .nested import circles
from .overview import overview
from .parameters import any_of, conditions, ledger_armed, metadata, parameters
from .people import Permission, permitted
from .probing_resources import conditions_of, probing_resources
from .resource_names import camel, condition
from .stack import disagreements, refused

Json = dict[str, Any]

PAGES = {
    "Pages": {"Description": "Topic of pages and approvals in this Region", "Value": Tag("Ref", "Pages")}
}
"""The output of what the frame has."""
MARKER = "# ---- derived by farshore compile: do not edit below ----"


def with_derived_part(path: str, text: str, uses: Sequence[Use], permissions: Sequence[Permission]) -> str:
    """The template's text: its hand-written frame, the marker, and what the runbooks say. Raises Mistakes.

    `permissions` are what people may be given, of each application.
    """
    frame, marker, _ = text.partition(f"\n{MARKER}\n")
    if not marker:
        instead = f"end its Resources with this line: {MARKER}"
        raise Mistakes([Mistake(path, 0, "lacks the line below which compile writes", instead)])
    if wrong := [*disagreements(uses), *circles(uses)]:
        raise Mistakes(wrong)
    runbooks = list({id(runbook): runbook for runbook, _ in uses}.values())
    given = [
        permitted(runbook, [machine for of, machine in uses if of is runbook], permissions)
        for runbook in runbooks
    ]
    asked, probing = parameters(runbooks), probing_resources(runbooks)
    sections = [
        *_sections(uses),
        *([("probes: front doors, and who looks at them", probing)] if probing else ()),
        ("dashboards: an application's two Regions side by side", _overviews(uses)),
        ("people: who may do what, by itself", _together(each for each, _ in given)),
    ]
    outputs = {**PAGES, **_together(each for _, each in given)}
    lines = [frame + marker.rstrip("\n")]
    for title, resources in sections:
        rule = f"  # -- {title} "
        lines += ["", rule + "-" * max(0, 110 - len(rule))]
        for name, resource in resources.items():
            lines += ["", *emit({name: resource}, 2)]
    for title, section in {
        "Parameters": {each.name: each.declared() for each in asked},
        "Metadata": metadata(asked),
        "Conditions": {**conditions(runbooks), **_regions(uses)},
        "Outputs": outputs,
    }.items():
        lines += ["", *emit({title: section})]
    derived = "\n".join([*lines, ""])
    names = [name for _, resources in sections for name in resources]
    if wrong := list(refused(path, frame, derived, names, [each.name for each in asked], uses, outputs)):
        raise Mistakes(wrong)
    return derived


def _together(parts: Iterable[Json]) -> Json:
    return {name: each for part in parts for name, each in part.items()}


def _sections(uses: Sequence[Use]) -> list[tuple[str, Json]]:
    """Every resource below the title of its section."""
    ledgers = {runbook.ledger.table: runbook.ledger for runbook, _ in uses}
    return [
        ("steps: a function each, and what it may do", functions(uses)),
        *(
            (f"where runs remember: deploy to {ledger.regions[0]} first", _ledger(ledger))
            for ledger in ledgers.values()
        ),
        *(
            (f"{machine.name}: activates {machine.region}", machine_resources(runbook, machine))
            for runbook, machine in uses
        ),
    ]


def _overviews(uses: Sequence[Use]) -> Json:
    runbooks = {id(runbook): runbook for runbook, _ in uses}.values()
    return _together(
        overview(runbook, [machine for of, machine in uses if of is runbook]) for runbook in runbooks
    )


def _ledger(ledger: LedgerTable) -> Json:
    replica = {
        "DeletionProtectionEnabled": Tag("If", [ledger_armed(ledger.table), True, False]),
        "PointInTimeRecoverySpecification": Flow({"PointInTimeRecoveryEnabled": True}),
    }
    keys = {"application": "HASH", "item": "RANGE"}
    why = (
        "One lock for every run. Multi-Region strong consistency, since the conditional writes of an "
        "eventually consistent table judge the local copy. MRSC tables take no transactions and no TTL. "
        "Protected once an application is armed: what a first deployment that failed has made can be deleted."
    )
    table = {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Condition": condition([ledger.regions[0]]),
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "TableName": ledger.table,
            "MultiRegionConsistency": "STRONG",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [Flow({"AttributeName": name, "AttributeType": "S"}) for name in keys],
            "KeySchema": [Flow({"AttributeName": name, "KeyType": kind}) for name, kind in keys.items()],
            "Replicas": [{"Region": region, **replica} for region in ledger.regions],
        },
    }
    return {camel(ledger.table): Noted(why, table)}


def _regions(uses: Sequence[Use]) -> Json:
    """Every set of Regions that something belongs in, and the Regions that they are made of."""
    sets = {frozenset(regions) for regions in homes(uses).values()}
    sets |= {frozenset([machine.region]) for _, machine in uses}
    sets |= {frozenset([runbook.ledger.regions[0]]) for runbook, _ in uses}
    sets |= {regions for runbook, _ in uses for regions in conditions_of(runbook)}
    single = {
        condition([region]): Tag("Equals", [Tag("Ref", "AWS::Region"), region])
        for region in sorted(frozenset().union(*sets))
    }
    several = {
        condition(regions): any_of(Tag("Condition", condition([region])) for region in sorted(regions))
        for regions in sets
        if len(regions) > 1
    }
    return single | dict(sorted(several.items()))
