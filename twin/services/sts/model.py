"""STS: sessions of other accounts' roles, and whose credentials have signed a request for who calls.

A role of another account trusts this account, with an external ID or without. What a session signs is judged
by its role's policy, on what that account has; nothing else tells accounts apart here: a thing has one name,
whoever's it is. Over HTTPS, a request is judged by botocore's own Signature Version 4, with the secret keys
that STS keeps. Sources: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html,
docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html,
…/reference_sigv-troubleshooting.html; docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html;
github.com/kubernetes-sigs/aws-iam-authenticator, pkg/token/token.go: a quarter of an hour at most
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from ...botocore_client import TEMPORARY
from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...net import HttpAnswer, HttpRequest, Net
from ...service import APART, WIRING, Service, register
from ..iam.model import Policy, denial, judge, own_name

LASTS_SECONDS = 900
SESSION_SECONDS = 3600
"""Of a session that another session has begun, at most, and by default."""
SKEW_SECONDS = 300
"""So far a signature may come from the future."""
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
ASKED = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
SIGNED = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)


@dataclass(frozen=True)
class Identity:
    """Who signs with a key."""

    arn: str
    secret: str
    token: str = ""
    """Of temporary credentials."""


@dataclass(frozen=True)
class Role:
    """Another account's, which trusts this account."""

    arn: str
    policy: Policy
    external_id: str
    """Without which nobody may assume it; "" for none."""


@dataclass(frozen=True)
class Session:
    role: Role
    name: str
    until: float
    """When it ends, in seconds of the clock."""

    @property
    def arn(self) -> str:
        account, role = self.role.arn.split(":")[4], self.role.arn.rpartition("/")[2]
        return f"arn:aws:sts::{account}:assumed-role/{role}/{self.name}"


class _No(Exception):
    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Sts(Service):
    """Every Region's, with the one table of keys that all of them know."""

    service: ClassVar = "sts"
    not_state: ClassVar = {
        "cloud": APART,
        "_net": APART,
        "_identities": WIRING,
        "_regions": WIRING,
        "_roles": WIRING,
    }

    def __init__(self, cloud: Cloud, net: Net) -> None:
        super().__init__(cloud)
        self._net = net
        self._identities: dict[str, Identity] = {}
        self._regions: set[str] = set()
        self._roles: dict[str, Role] = {}
        self._sessions: dict[str, Session] = {}
        """By the keys of their credentials."""
        cloud.guards.append(self._guard)

    def operations(self) -> Mapping[str, Operation]:
        return {"AssumeRole": self._begin}

    def state(self) -> object:
        """Whose sessions have not ended: for how long yet is all one, in runs of less than an hour."""
        now = self.cloud.clock.now
        return sorted(key for key, session in self._sessions.items() if now < session.until)

    def role(self, arn: str, policy: Policy, external_id: str) -> None:
        """One more of another account, which trusts this one."""
        register(self._roles, arn, lambda: Role(arn, policy, external_id))

    def _begin(self, request: Request) -> Answer:
        asked = {name: str(value) for name, value in request.parameters.items()}
        role = self._roles.get(asked["RoleArn"])
        if role is None or role.external_id not in ("", asked.get("ExternalId")):
            raise denial(request, own_name(request), "sts:AssumeRole", asked["RoleArn"])
        who = "/".join((role.arn, asked["RoleSessionName"], request.caller, request.origin))
        key = TEMPORARY + hashlib.sha256(who.encode()).hexdigest()[:16].upper()
        until = self.cloud.clock.now + SESSION_SECONDS
        session = self._sessions[key] = Session(role, asked["RoleSessionName"], until)
        credentials = {
            "AccessKeyId": key,
            "SecretAccessKey": f"the secret of {key}",
            "SessionToken": f"the token of {key}",
            "Expiration": stamp(until),
        }
        return {
            "Credentials": credentials,
            "AssumedRoleUser": {"AssumedRoleId": f"AROA:{session.name}", "Arn": session.arn},
        }

    def _guard(self, request: Request) -> None:
        if not request.session:
            return
        session = self._sessions.get(request.session)
        if session is None:
            raise AwsError(
                "InvalidClientTokenId", "The security token included in the request is invalid", 403
            )
        if session.until <= self.cloud.clock.now:
            said = "The security token included in the request is expired"
            raise AwsError("ExpiredTokenException", said, 403)
        judge(request, session.role.policy, session.arn)

    def user(self, name: str, account: str = ACCOUNT, token: str = "") -> ReadOnlyCredentials:
        """One more user of IAM, and the credentials; with a token they are temporary ones."""
        key, secret = f"AKIA{account}{name.upper()}", f"the secret of {name}"
        arn = f"arn:aws:iam::{account}:user/{name}"
        register(self._identities, key, lambda: Identity(arn, secret, token))
        return ReadOnlyCredentials(key, secret, token or None)

    def endpoint(self, region: str) -> str:
        """The host of a Region, which is made where there is none yet."""
        host = f"sts.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
        if region not in self._regions:
            self._regions.add(region)
            self._net.serve(host, region, lambda request: self._answer(region, request), self.service)
        return host

    def _answer(self, region: str, request: HttpRequest) -> HttpAnswer:
        try:
            arn = self._whose(region, request)
        except _No as no:
            said = f"<Type>Sender</Type><Code>{no.code}</Code><Message>{escape(str(no))}</Message>"
            whole = f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{said}</Error></ErrorResponse>'
            return no.status, whole.encode()
        said = f"<Arn>{escape(arn)}</Arn><Account>{arn.split(':')[4]}</Account>"
        body = f"<GetCallerIdentityResult>{said}</GetCallerIdentityResult>"
        whole = f'<GetCallerIdentityResponse xmlns="{NAMESPACE}">{body}</GetCallerIdentityResponse>'
        return 200, whole.encode()

    def _whose(self, region: str, request: HttpRequest) -> str:
        """The ARN of whoever has signed it. Raises _No."""
        query = dict(parse_qsl(urlsplit(request.path).query, keep_blank_values=True))
        if not ASKED.items() <= query.items():
            raise _No("InvalidAction", "Could not find operation", 400)
        if not all(query.get(name) for name in SIGNED):
            raise _No("MissingAuthenticationToken", "Request is missing Authentication Token")
        key, _, scope = query["X-Amz-Credential"].partition("/")
        at = query["X-Amz-Date"]
        if scope != f"{at[:8]}/{region}/{self.service}/aws4_request":
            raise _No("SignatureDoesNotMatch", "Credential should be scoped to a valid region.")
        identity = self._identities.get(key)
        if identity is None or identity.token != query.get("X-Amz-Security-Token", ""):
            raise _No("InvalidClientTokenId", "The security token included in the request is invalid.")
        self._must_be_in_time(at, query["X-Amz-Expires"])
        given = query.pop("X-Amz-Signature")
        if not hmac.compare_digest(given, _signature(request, query, identity, key, region)):
            raise _No("SignatureDoesNotMatch", "The request signature we calculated does not match")
        return identity.arn

    def _must_be_in_time(self, at: str, lasts: str) -> None:
        signed = datetime.strptime(at, SIGV4_TIMESTAMP).replace(tzinfo=UTC).timestamp()
        age = self.cloud.clock.now - signed
        if age > min(LASTS_SECONDS, int(lasts)):
            raise _No("SignatureDoesNotMatch", f"Signature expired: {at} is now earlier than it may be")
        if age < -SKEW_SECONDS:
            raise _No("SignatureDoesNotMatch", f"Signature not yet current: {at} is still later than now")


def _signature(
    request: HttpRequest, query: Mapping[str, str], identity: Identity, key: str, region: str
) -> str:
    """What it should be, of the request as it came."""
    came = {name.lower(): value for name, value in request.headers.items()} | {"host": request.host}
    names = query["X-Amz-SignedHeaders"].split(";")
    if "host" not in names or not came.keys() >= set(names):
        raise _No("SignatureDoesNotMatch", "a signed header is missing")
    signer = SigV4Auth(ReadOnlyCredentials(key, identity.secret, identity.token), Sts.service, region)
    whole = AWSRequest(
        request.method,
        f"https://{request.host}{request.path.partition('?')[0]}",
        {name: came[name] for name in names},
        request.body,
        params=dict(query),
    )
    whole.context["timestamp"] = query["X-Amz-Date"]
    text: str = signer.signature(signer.string_to_sign(whole, signer.canonical_request(whole)), whole)
    return text
