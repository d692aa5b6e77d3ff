"""What whoever deploys may say: the template's parameters, and the conditions that follow from them.

CloudFormation holds a parameter to its pattern or values before it makes anything, so what a service would
refuse in the middle of a deployment is refused at once. A parameter that is not given again keeps its value.
Source: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..runbook.model import Runbook
from .emitter import Flow, Tag
from .limits import CONDITIONS_OR, LONGEST_PREFIX
from .resource_names import camel
from .states import PREFIX

Json = dict[str, Any]

ARMED, DISARMED = "armed", "disarmed"
RETENTION_DAYS = (
    *(
        1,
        3,
        5,
        7,
        14,
        30,
        60,
        90,
        120,
        150,
        180,
        365,
        400,
        545,
        731,
        1096,
        1827,
        2192,
        2557,
        2922,
        3288,
        3653,
    ),
)
"""What a log group takes.
Source: docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""
PARTITION = "arn:aws(-cn|-us-gov)?"


@dataclass(frozen=True)
class Parameter:
    name: str
    group: str
    label: str
    description: str
    default: str | int | None = None
    """None: it must be given at the first deployment."""
    values: tuple[str | int, ...] = ()
    pattern: str = ""
    otherwise: str = ""
    """What is said of a value that does not fit; where it has `values`, their list."""

    def declared(self) -> Json:
        """As the template has it."""
        numeric = isinstance(self.default, int)
        return {
            "Type": "Number" if numeric else "String",
            "Description": self.description,
            **({} if self.default is None else {"Default": self.default}),
            **({"AllowedValues": Flow(list(self.values))} if self.values else {}),
            **({"AllowedPattern": f"^({self.pattern})$"} if self.pattern else {}),
            "ConstraintDescription": self.otherwise_says,
        }

    @property
    def otherwise_says(self) -> str:
        return self.otherwise or f"is one of {', '.join(map(str, self.values))}"

    def takes(self, value: str) -> bool:
        """As CloudFormation judges it."""
        if self.values:
            return value in map(str, self.values)
        return re.fullmatch(self.pattern, value) is not None


PAGE_ADDRESS = Parameter(
    "PageAddress",
    "Who is paged",
    "Address",
    "Who is paged, by PageProtocol. It has no default, since a pager without an address is a mistake found "
    "at 3 a.m.",
    pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+|https://\S+|\+[0-9]{6,15}",
    otherwise="is an address of email, a URL that begins with https://, or a telephone number like +15550100",
)
FIXED = (
    Parameter(
        "PageProtocol",
        PAGE_ADDRESS.group,
        "Protocol",
        "How pages are sent to PageAddress",
        default="email",
        values=("email", "email-json", "https", "sms"),
    ),
    PAGE_ADDRESS,
    Parameter(
        "Prefix",
        "The account",
        "Prefix",
        "How the names of what all applications share begin: functions, and the topic of pages. "
        "Another Farshore in the same account and Region needs another, and another ledger in its runbooks.",
        default=PREFIX,
        pattern=f"[a-z][a-z0-9-]{{0,{LONGEST_PREFIX - 2}}}[a-z0-9]",
        otherwise=f"is small letters, digits and hyphens, at most {LONGEST_PREFIX}",
    ),
    Parameter(
        "PermissionsBoundaryArn",
        "The account",
        "Permissions boundary",
        "The managed policy that bounds every role of this stack, where the account asks for one",
        default="",
        pattern=rf"|{PARTITION}:iam::([0-9]{{12}}|aws):policy/\S+",
        otherwise="is the ARN of a managed policy, or empty",
    ),
    Parameter(
        "LogRetentionDays",
        "Logs",
        "Days",
        "How long logs are kept; they outlive the stack",
        default=365,
        values=RETENTION_DAYS,
    ),
    Parameter(
        "LogKeyArn",
        "Logs",
        "Key",
        "The KMS key of this Region that log groups are encrypted with; its policy must let CloudWatch Logs "
        "use it. Empty is CloudWatch Logs' own.",
        default="",
        pattern=rf"|{PARTITION}:kms:[a-z0-9-]+:[0-9]{{12}}:key/[a-zA-Z0-9-]+",
        otherwise="is the ARN of a key, no alias, or empty",
    ),
)
"""Those of the frame. What they mean stands where it refers to them."""
HAS_BOUNDARY, HAS_LOG_KEY = "HasPermissionsBoundary", "HasLogKey"
LINT: Json = {"config": {"ignore_checks": Flow(["E3724"])}}
"""cfn-lint 1.58.0 does not know AutoPublishAliasAllProperties in Globals; SAM does."""
BOUNDED = {
    "PermissionsBoundary": Tag(
        "If", [HAS_BOUNDARY, Tag("Ref", "PermissionsBoundaryArn"), Tag("Ref", "AWS::NoValue")]
    )
}
"""Of a machine: its own role's, and those of what starts it."""


def triggers(application: str) -> str:
    """The parameter that says whether the application is armed."""
    return camel(f"{application}-triggers")


def armed(application: str) -> str:
    """The condition that it is armed."""
    return camel(f"{application}-armed")


def ledger_armed(table: str) -> str:
    """The condition that an application is armed which remembers in this table."""
    return camel(f"{table}-in-use")


def parameters(runbooks: Iterable[Runbook]) -> tuple[Parameter, ...]:
    """All of them, in the order in which a person is asked."""
    return (*FIXED, *map(_of_application, runbooks))


def _of_application(runbook: Runbook) -> Parameter:
    app = runbook.application
    return Parameter(
        triggers(app),
        "What starts runs besides people",
        app,
        f"Whether alarms start runs of {app}, and a schedule pays its debts. `farshore arm {app}` sets it, "
        "once the ledger answers.",
        default=DISARMED,
        values=(DISARMED, ARMED),
    )


def metadata(every: Sequence[Parameter]) -> Json:
    """How the console shows them, and what the linter is told.
    Source: docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference,
    aws-properties-cloudformation-interface.html"""
    groups = {each.group: [one.name for one in every if one.group == each.group] for each in every}
    return {
        "AWS::CloudFormation::Interface": {
            "ParameterGroups": [
                {"Label": Flow({"default": group}), "Parameters": names} for group, names in groups.items()
            ],
            "ParameterLabels": {each.name: Flow({"default": each.label}) for each in every},
        },
        "cfn-lint": LINT,
    }


def conditions(runbooks: Sequence[Runbook]) -> Json:
    """What follows from the parameters."""
    ledgers: dict[str, list[str]] = {}
    for runbook in runbooks:
        ledgers.setdefault(runbook.ledger.table, []).append(runbook.application)
    return {
        HAS_BOUNDARY: _given("PermissionsBoundaryArn"),
        HAS_LOG_KEY: _given("LogKeyArn"),
        **{armed(each.application): _is_armed(each.application) for each in runbooks},
        **{ledger_armed(table): any_of(map(_is_armed, apps)) for table, apps in ledgers.items()},
    }


def _given(name: str) -> Tag:
    return Tag("Not", [Tag("Equals", [Tag("Ref", name), ""])])


def _is_armed(application: str) -> Tag:
    return Tag("Equals", [Tag("Ref", triggers(application)), ARMED])


def any_of(conditions: Iterable[Tag]) -> Tag:
    """One of them holds; CloudFormation takes from two to ten at a time."""
    every = list(conditions)
    while len(every) > 1:
        every = list(_tens(every))
    return every[0]


def _tens(every: Sequence[Tag]) -> Iterator[Tag]:
    for start in range(0, len(every), CONDITIONS_OR):
        some = list(every[start : start + CONDITIONS_OR])
        yield Tag("Or", some) if len(some) > 1 else some[0]
