"""STS's Regional endpoints over HTTPS: whose credentials have signed a request for the caller's identity.

A request is judged by botocore's own Signature Version 4, with the secret keys that STS keeps. What boto3's
clients ask of STS is answered elsewhere. Sources:
docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html,
…/reference_sigv-troubleshooting.html; docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html;
github.com/kubernetes-sigs/aws-iam-authenticator, pkg/token/token.go: a quarter of an hour at most
"""

from __future__ import annotations

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

from ...cloud import ACCOUNT, Cloud
from ...net import HttpAnswer, HttpRequest, Net
from ...service import APART, WIRING, Service, register

LASTS_SECONDS = 900
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


class _No(Exception):
    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Sts(Service):
    """Every Region's, with the one table of keys that all of them know."""

    service: ClassVar = "sts"
    not_state: ClassVar = {"cloud": APART, "_net": APART, "_identities": WIRING, "_regions": WIRING}

    def __init__(self, cloud: Cloud, net: Net) -> None:
        super().__init__(cloud)
        self._net = net
        self._identities: dict[str, Identity] = {}
        self._regions: set[str] = set()

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
