"""Who has decided, as AWS STS says it: a request for the caller's identity that the person has signed.

The decision holds no address and no text that is sent as it stands: only whose key signed, when, and the
signature. The request is made of these by whoever sends it, to STS in one Region and to nobody else, and
what it binds is said by the run itself: a signature over anything else is one that STS refuses.

Sources: docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html (needs no permission, and no
policy can deny it); docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html;
docs.aws.amazon.com/general/latest/gr/sts.html (the endpoints)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode

from .calls import HTTP_GET, Call, Sight, Silence, domain_of
from .errors import Refused
from .outside import THROTTLED

PROVED = "proved"
"""What a runbook writes that asks for a proof."""
SERVICE = "sts"
BOUND = "x-farshore-decision"
"""The signed header that says what the proof is for."""
LASTS_SECONDS = 900
"""X-Amz-Expires. STS takes a signed request for a quarter of an hour, whatever that says. A decision is read
some seconds after it is written, or minutes after it where the later steps are slow to answer.
Source: github.com/kubernetes-sigs/aws-iam-authenticator, pkg/token/token.go"""

REGION = re.compile(r"[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}")
FORMS = {
    "key": re.compile(r"\w{1,128}", re.ASCII),
    "at": re.compile(r"[0-9]{8}T[0-9]{6}Z"),
    "signature": re.compile(r"[0-9a-f]{64}"),
    "token": re.compile(r"[A-Za-z0-9+/=_-]{0,8192}"),
}
ARN = re.compile(rb"<GetCallerIdentityResult>.*?<Arn>([!-;=?-~]{1,4096})</Arn>", re.DOTALL)
CODE = re.compile(rb"<Error>.*?<Code>(\w{1,64})</Code>", re.DOTALL)
"""Of STS's answers, which are XML, and short: no parser stands before what anybody may send."""
REFUSES = range(400, 500)


@dataclass(frozen=True)
class Proved:
    """STS says that this is who signed."""

    arn: str


@dataclass(frozen=True)
class Disproved:
    """The proof is none."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Proof:
    """All of a signed request that its maker chooses."""

    key: str
    """The access key's ID; never the key."""
    at: str
    """X-Amz-Date."""
    token: str = field(default="", repr=False)
    """Of temporary credentials; worth nothing without the key."""
    signature: str = field(default="", repr=False)

    def url(self, region: str) -> str:
        """Raises Refused where that is no Region: nobody else is ever sent a signature."""
        if not REGION.fullmatch(region):
            raise Refused(f"{region!r} is no Region: nobody was asked who has decided")
        query = {
            "Action": "GetCallerIdentity",
            "Version": "2011-06-15",
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.key}/{self.at[:8]}/{region}/{SERVICE}/aws4_request",
            "X-Amz-Date": self.at,
            "X-Amz-Expires": str(LASTS_SECONDS),
            "X-Amz-SignedHeaders": f"host;{BOUND}",
            **({"X-Amz-Security-Token": self.token} if self.token else {}),
            **({"X-Amz-Signature": self.signature} if self.signature else {}),
        }
        return f"https://{SERVICE}.{region}.{domain_of(region)}/?{urlencode(query, safe='', quote_via=quote)}"

    def asked(self, region: str, statement: str) -> Call:
        """The request that asks whose this proof of the statement is."""
        return HTTP_GET(region, url=self.url(region), headers={BOUND: statement})

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def proof_from(given: Any) -> Proof | Disproved:
    """What a decision holds, which anybody may have written."""
    known = isinstance(given, Mapping) and given.keys() == FORMS.keys()
    if not known or not all(
        isinstance(given[name], str) and form.fullmatch(given[name]) for name, form in FORMS.items()
    ):
        return Disproved("it is no proof of a form that Farshore writes")
    return Proof(**given)


def statement(execution: str, started: float, digest: str, decision: str, why: str) -> str:
    """What a person signs: their decision on this plan of this run, and why. A header takes no more than
    ASCII, and a run's name has any letters."""
    said = [execution, float(started), digest, decision, why]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def told(sight: Sight, account: str) -> Proved | Disproved | Silence:
    """What STS has answered: who it is, a no, or nothing that STS would say. An identity of another account
    is none here, or whoever may write a decision could bring a namesake.

    Of a no only the code is kept: its text may hold what was signed.
    """
    if not isinstance(sight, Mapping):
        return sight if isinstance(sight, Silence) else Silence("STS is not there")
    status, arn, code = sight["status"], *_read(sight["body"])
    if status == 200 and arn:
        mine = arn.split(":")[4:5] == [account]
        return Proved(arn) if mine else Disproved(f"it is of {arn}, and not of account {account}")
    if status in REFUSES and code and code not in THROTTLED:
        return Disproved(f"STS refuses it: {code}")
    return Silence(f"STS answered {status} {code}".rstrip())


def _read(body: bytes) -> tuple[str, str]:
    """The ARN and the error's code of an answer; "" where it has none."""
    arn, code = ARN.search(body), CODE.search(body)
    whole = unescape(arn[1].decode()) if arn else ""
    return whole if whole.isprintable() else "", code[1].decode() if code else ""


def mark(decision: Mapping[str, Any]) -> str:
    """By which a decision that was refused is known again."""
    return hashlib.sha256(json.dumps(decision, sort_keys=True).encode()).hexdigest()


def refused_in(proposal: Mapping[str, Any]) -> Mapping[str, str]:
    """The decision on a plan that counted for nothing, by its mark, and why; empty where none is noted."""
    noted: Mapping[str, str] = proposal.get("refused", {})
    return noted if noted.keys() == {"word", "why"} else {}


def is_refused(decision: Mapping[str, Any], proposal: Mapping[str, Any]) -> bool:
    return refused_in(proposal).get("word") == mark(decision)
