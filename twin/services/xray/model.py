"""X-Ray's groups, in each Region its own.

A name is used once, and an expression that is none is refused in the same words. Of expressions, the twin
judges quotes and brackets only. Source: docs.aws.amazon.com/xray/latest/api/API_CreateGroup.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation
from ...faults import Request
from ...service import APART, Service

A_PAGE = 25
MOST_GROUPS = 25
"""Beside Default, in an account's Region. Source: docs.aws.amazon.com/general/latest/gr/xray.html"""
LONGEST_NAME = 32


class Xray(Service):
    """Filter expressions by Region and group."""

    service: ClassVar = "xray"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.groups: dict[tuple[str, str], str] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {"GetGroups": self._list, "CreateGroup": self._create}

    def state(self) -> object:
        return list(self.groups.items())

    def group(self, region: str, name: str, expression: str) -> None:
        """Somebody creates it, or gives it this expression."""
        self.groups[region, name] = expression

    def _list(self, request: Request) -> Answer:
        """Default comes first, which every Region has."""
        mine = [
            ("Default", ""),
            *((name, e) for (region, name), e in self.groups.items() if region == request.region),
        ]
        begin = int(str(request.parameters.get("NextToken", 0)))
        more = {"NextToken": str(begin + A_PAGE)} if len(mine) > begin + A_PAGE else {}
        return {
            "Groups": [_described(request.region, *each) for each in mine[begin : begin + A_PAGE]],
            **more,
        }

    def _create(self, request: Request) -> Answer:
        asked: Any = request.parameters
        name, expression = asked["GroupName"], asked.get("FilterExpression", "")
        if set(asked) - {"GroupName", "FilterExpression"}:
            raise NotImplementedError(f"the twin's groups have a name and an expression only, not {asked}")
        if (request.region, name) in self.groups or name == "Default":
            raise AwsError("InvalidRequestException", f"Group {name} already exists")
        if (
            len(name) > LONGEST_NAME
            or expression.count('"') % 2
            or expression.count("(") != expression.count(")")
        ):
            raise AwsError("InvalidRequestException", f"Invalid filter expression: {expression}")
        if sum(region == request.region for region, _ in self.groups) >= MOST_GROUPS:
            raise AwsError("InvalidRequestException", f"At most {MOST_GROUPS} groups")
        self.groups[request.region, name] = expression
        return {"Group": _described(request.region, name, expression)}


def _described(region: str, name: str, expression: str) -> Mapping[str, Any]:
    arn = f"arn:aws:xray:{region}:{ACCOUNT}:group/{name}/AAAAAAAAAAAAAAAAAAAAAAAAAA"
    return {"GroupName": name, "GroupARN": arn, **({"FilterExpression": expression} if expression else {})}
