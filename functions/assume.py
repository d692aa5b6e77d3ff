"""Another account's role, as which a step's calls are made: what a runbook says of it, and its sessions.

What an application has may stand in other accounts. Only the calls of such a line are made as the role: what
is Farshore's own (the ledger, pages, steps' functions) is asked by the function as itself. A session comes
from STS in the Region that is called, so that no other Region is needed, and counts in all of them. It lasts
an hour, since a function's own credentials are a session, too. Sources:
docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html,
docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html (role chaining),
docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from .calls import Api, Call, Endpoint, domain_of
from .inputs import ExternalId, Region, RoleArn

BEGIN = Api("sts:AssumeRole", resource="{role}", plane="data", ours=True)
"""Begins a session."""
EXTERNAL_ID = "sts:ExternalId"
"""The condition key by which a trust policy asks for one."""
TRUST_POLICY = "AssumeRolePolicyDocument"
"""A role's trust policy, as CloudFormation calls it."""
RENEWED_SECONDS = 300.0
"""So long before its end a session is used no more: it outlives every call of a tick that began with it."""
LONGEST_NAME = 64
NO_PART_OF_A_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)


@dataclass(frozen=True)
class Assume:
    """What a line says of the role that its calls are made as."""

    role: Annotated[RoleArn | Mapping[Region, RoleArn], "the role's ARN; or each Region's own"]
    external_id: Annotated[ExternalId | None, "what the role's trust policy asks for"] = None

    def role_in(self, region: str) -> RoleArn | None:
        """None where each Region has its own, and this one has none."""
        return self.role.get(Region(region)) if isinstance(self.role, Mapping) else self.role

    @property
    def roles(self) -> tuple[RoleArn, ...]:
        """Each once."""
        named = self.role.values() if isinstance(self.role, Mapping) else (self.role,)
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True)
class Assumed:
    """Who calls: a role, by the name under which CloudTrail has what it did."""

    role: RoleArn
    external_id: ExternalId | None
    name: str

    def asked_in(self, region: str) -> Call:
        """The call that begins a session of it, to STS of that Region and no other."""
        said = {"RoleArn": self.role, "RoleSessionName": self.name}
        if self.external_id is not None:
            said["ExternalId"] = self.external_id
        endpoint = Endpoint(region, f"https://sts.{region}.{domain_of(region)}")
        return BEGIN(region, **said).through([endpoint])


def session_name(execution: str) -> str:
    """Of an execution's ARN: its name, with what names of sessions may have in them."""
    return NO_PART_OF_A_NAME.sub("-", f"farshore-{execution.rpartition(':')[2]}")[:LONGEST_NAME]


NOBODY = "NoRole"
"""The code of a no that is ours: the line names a role for other Regions, and none for this one."""


@dataclass
class Session:
    """Credentials of a role. They are shown nowhere."""

    key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    until: float
    """When it is used no more, in seconds since 1970."""
    clients: dict[Any, Any] = field(default_factory=dict, repr=False)
    """boto3's, which have its credentials, and so end with it."""

    @property
    def credentials(self) -> Mapping[str, str]:
        """As boto3 takes them."""
        return {
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.secret,
            "aws_session_token": self.token,
        }


class Sessions:
    """Those of a process, each as long as it may be used."""

    def __init__(self) -> None:
        self._begun: dict[Assumed, Session] = {}

    def held(self, who: Assumed, now: float) -> Session | None:
        session = self._begun.get(who)
        return session if session is not None and now < session.until else None

    def begin(self, who: Assumed, answer: Mapping[str, Any], now: float) -> Session | None:
        """As STS has answered; None where that is no whole session. What has ended is forgotten."""
        given = answer.get("Credentials", {})
        try:
            until = given["Expiration"].timestamp() - RENEWED_SECONDS
            session = Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], until)
        except KeyError:
            return None
        self._begun = {each: its for each, its in self._begun.items() if now < its.until} | {who: session}
        return session
