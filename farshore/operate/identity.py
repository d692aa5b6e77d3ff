"""A person's proof of who they are: a request for the caller's identity, signed over one decision.

It is signed for the Region of the run, where the run asks. Whether AWS takes it is asked at once: whoever has
credentials that are over learns it now, and not from a run that waits on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import boto3
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError

from functions.calls import Denied, Silence
from functions.identity import BOUND, SERVICE, Disproved, Proof, Proved, proof_from, statement, told
from functions.outside import Outside
from functions.run import account_of

from .proposal import Proposal
from .runs import region_of


class Unproved(Exception):
    """No proof can be given; why, for a person."""


def credentials() -> ReadOnlyCredentials:
    """Of whoever types, as boto3 finds them. Raises Unproved."""
    try:
        found = boto3.Session().get_credentials()
        if found is None:
            raise Unproved("boto3 finds no credentials: log in")
        return found.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        raise Unproved(str(error)) from error


def signed(
    outside: Outside, proposal: Proposal, decision: str, why: str, by: ReadOnlyCredentials
) -> tuple[Proof, str]:
    """The proof, and the ARN that AWS gives for it; "" where nobody answers. Raises Unproved where it is
    refused."""
    region = region_of(proposal.execution)
    bound = statement(proposal.execution, proposal.started, proposal.digest, decision, why)
    at = datetime.fromtimestamp(outside.clock(), UTC).strftime(SIGV4_TIMESTAMP)
    blank = Proof(key=by.access_key or "", at=at, token=by.token or "")
    proof = replace(blank, signature=_signature(blank.url(region), bound, at, region, by))
    if isinstance(odd := proof_from(proof.as_json()), Disproved):
        raise Unproved(odd.why)
    reply = outside.reply(proof.asked(region, bound))
    said = Silence(str(reply)) if isinstance(reply, Denied) else told(reply, account_of(proposal.execution))
    if isinstance(said, Disproved):
        raise Unproved(said.why)
    return proof, said.arn if isinstance(said, Proved) else ""


def _signature(url: str, bound: str, at: str, region: str, by: ReadOnlyCredentials) -> str:
    """Signature Version 4, of the query: all of the URL but itself is signed, and these headers."""
    signer = SigV4Auth(by, SERVICE, region)
    request = AWSRequest("GET", url, {BOUND: bound})
    request.context["timestamp"] = at
    text: str = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return text
