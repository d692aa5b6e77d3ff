"""What a step's inputs can say: Regions, durations, and texts that name something of AWS.

A text that names something has a type of its own, with a `Form`: AWS's pattern for it, and the canonical form
in which AWS keeps it. The loader reads by them, editors complete by them, and docs/steps.md says them. Steps
themselves need only the types. What names nothing is a plain `str`.

Adding a type is adding a NewType and its entry in FORMS, here or in the file of the step that needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NewType

Region = NewType("Region", str)
"""One of the runbook's own: `$from`, `$to` or a name under `regions:`; in an event always a name."""
AwsRegion = NewType("AwsRegion", str)
"""Any Region of AWS, the application's or not: where ARC's cluster endpoints are."""
Seconds = NewType("Seconds", float)
"""A duration: "30s", "15m" or "2h" in a runbook, a number of seconds in an event."""
Patience = NewType("Patience", Seconds)
"""How long a silent Region is waited for: past it a fence is given up, and owed."""
Loss = NewType("Loss", Seconds)
"""How much of the newest data a promotion may lose."""

AcceleratorArn = NewType("AcceleratorArn", str)
ApplicationName = NewType("ApplicationName", str)
AlarmName = NewType("AlarmName", str)
BucketName = NewType("BucketName", str)
ClusterId = NewType("ClusterId", str)
EndpointGroupArn = NewType("EndpointGroupArn", str)
FunctionName = NewType("FunctionName", str)
GlobalClusterId = NewType("GlobalClusterId", str)
HealthCheckId = NewType("HealthCheckId", str)
MachineName = NewType("MachineName", str)
"""Of another application: a run's own is the compiler's."""
HealthService = NewType("HealthService", str)
ProbeName = NewType("ProbeName", str)
RepositoryName = NewType("RepositoryName", str)
TableName = NewType("TableName", str)
RoutingControlArn = NewType("RoutingControlArn", str)
SafetyRuleArn = NewType("SafetyRuleArn", str)
TopicArn = NewType("TopicArn", str)
RoleArn = NewType("RoleArn", str)
"""A role of IAM, in whichever account."""
ExternalId = NewType("ExternalId", str)
ClusterEndpoint = NewType("ClusterEndpoint", str)
"""One of the endpoints of an ARC cluster, as an https URL."""
Url = NewType("Url", str)
Origin = NewType("Origin", str)
"""Scheme, host and perhaps a port: where customers send requests."""
UrlPath = NewType("UrlPath", str)
JsonKey = NewType("JsonKey", str)


@dataclass(frozen=True)
class Whole:
    """A note on an input of several entries: there are `count` of them in AWS, and all should be written."""

    count: int
    of: str
    """Whose they are, for a message: a cluster."""


LONGEST_MEANT = 250
"""Characters of a text that a message gives as what was meant."""


@dataclass(frozen=True)
class Form:
    """How a text that names something is written."""

    noun: str
    """What it is, for a message: "a bucket's name"."""
    several: str
    """Of a list of them: "bucket names"."""
    pattern: str
    """Of the whole text, in what Python and editors (ECMAScript) read alike."""
    rule: str
    """The pattern in words, after "write"."""
    example: str
    regional: bool = False
    """No two Regions have one of the same name."""
    keeper: str = ""
    """The service that keeps it in its canonical form, and compares it so."""
    canonical: Callable[[str], str] = str
    flaw: Callable[[str], str] = lambda text: ""
    """What a pattern cannot say: what is wrong, or nothing."""
    meant: Callable[[str], str] = lambda text: ""
    """What was perhaps meant by a text that does not fit; it counts only if it fits itself."""
    relies_on: Callable[[str], Mapping[str, str]] = lambda text: {}
    """What `prepare` should keep true for whoever goes where it leads, as of a step."""

    def fits(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None

    def _serves(self, near: str) -> bool:
        """It can be written instead, and said in a message."""
        return self.fits(near) and len(near) <= LONGEST_MEANT

    def wrong(self, text: str) -> tuple[str, str] | None:
        """What is wrong, to be read after the text itself, and what to write; None where it is right."""
        kept = self.canonical(text)
        if kept != text and self.fits(kept) and self.keeper:
            return f": {self.keeper} keeps it as {kept}", f"write {kept}"
        if not self.fits(text):
            near = next((near for near in (self.meant(text), text.strip(), kept) if self._serves(near)), "")
            return f" is not {self.noun}", f"write {near or f'{self.rule}, such as {self.example}'}"
        if flaw := self.flaw(text):
            return f" {flaw}", f"write {self.rule}, such as {self.example}"
        return None


def _in_arn(resource: str) -> Callable[[str], str]:
    """The name within an ARN of such a resource ("function:", "table/"), or before a qualifier."""

    def meant(text: str) -> str:
        found = re.fullmatch(rf"arn:[^:]*:[^:]*:[^:]*:[^:]*:{resource}([^:]+)(:.*)?", text)
        return found[1] if found else text.partition(":")[0]

    return meant


def _with_scheme(text: str) -> str:
    """http//shop and htps://shop were meant to be URLs."""
    scheme, slashes, rest = text.partition("//")
    return f"{'http' if scheme in ('http', 'http:') else 'https'}://{rest if slashes else text}"


def _small_host(text: str) -> str:
    """Names of hosts and schemes are the same in small letters."""
    scheme, slashes, rest = text.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{slashes}{host.lower()}{slash}{path}"


def _bad_port(text: str) -> str:
    port = re.match(r"[^/]*//[^/]*:([0-9]+)(/|$)", text)
    return f"has the port {port[1]}, of at most 65535" if port and not 0 < int(port[1]) < 65536 else ""


WEBSITE = "website"
"""The word of steps that keep what a website names, and of those that rely on it."""


def _if_cached(url: str) -> Mapping[str, str]:
    """Through a CDN, customers may be given what it has kept."""
    host = re.match(r"https?://([^/:]*)", url)
    cached = host is not None and host[1].endswith(".cloudfront.net")
    return {WEBSITE: "what a CDN has kept sends customers to a stale writer"} if cached else {}


_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*(:[0-9]{{1,5}})?"
_ARN = "arn:aws[a-z-]*"
_ACCELERATOR = rf"{_ARN}:globalaccelerator::[0-9]{{12}}:accelerator/[0-9A-Za-z-]{{1,64}}"

FORMS: dict[Any, Form] = {
    ApplicationName: Form(
        "an application's name",
        "applications",
        "[a-z][a-z0-9-]{0,39}",
        "small letters, digits and hyphens, a letter first, at most 40",
        "unicorn-shop",
        canonical=str.lower,
    ),
    # docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    AlarmName: Form(
        "an alarm's name",
        "alarm names",
        r"(?!arn:)\S(.{0,253}\S)?",
        "the name of a CloudWatch alarm, at most 255 characters",
        "unicorn-shop-canary",
        meant=_in_arn("alarm:"),
    ),
    # docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    BucketName: Form(
        "a bucket's name",
        "bucket names",
        r"(?!.*\.\.)(?![0-9.]+$)(?!xn--|sthree-|amzn-s3-demo-)"
        r"(?!.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "3 to 63 small letters, digits, hyphens and dots, no prefix or suffix that AWS reserves",
        "unicorn-shop-pages",
        regional=True,
        canonical=str.lower,
        meant=_in_arn(""),
    ),
    # docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html
    ClusterId: Form(
        "a DB cluster's identifier",
        "DB cluster identifiers",
        "(?!.*--)(?!.*-$)[a-z][a-z0-9-]{0,62}",
        "at most 63 small letters, digits and single hyphens, a letter first",
        "unicorn-shop-east",
        keeper="RDS",
        canonical=str.lower,
        meant=_in_arn("cluster:"),
    ),
    # docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
    FunctionName: Form(
        "a Lambda function's name",
        "function names",
        "[A-Za-z0-9_-]{1,64}",
        "the name alone, neither ARN nor alias: at most 64 letters, digits, hyphens and underscores",
        "unicorn-shop-users",
        meant=_in_arn("function:"),
    ),
    # docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateGlobalCluster.html
    GlobalClusterId: Form(
        "a global database's identifier",
        "global database identifiers",
        "(?!arn:)[a-z][a-z0-9:._-]{0,254}",
        "small letters, digits, hyphens and dots, a letter first",
        "unicorn-shop",
        keeper="RDS",
        canonical=str.lower,
        meant=_in_arn("global-cluster:"),
    ),
    # docs.aws.amazon.com/Route53/latest/APIReference/API_GetHealthCheck.html
    HealthCheckId: Form(
        "the id of a Route 53 health check",
        "ids of Route 53 health checks",
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "its id, of hexadecimal digits and hyphens",
        "abcdef11-2222-3333-4444-555555fedcba",
        canonical=str.lower,
        meant=lambda text: text.rpartition("/")[2],
    ),
    # docs.aws.amazon.com/health/latest/APIReference/API_EventFilter.html
    HealthService: Form(
        "a service as AWS Health names it",
        "services",
        "[A-Z0-9_]{2,30}",
        "capital letters",
        "RDS",
        keeper="AWS Health",
        canonical=str.upper,
    ),
    # docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
    MachineName: Form(
        "a state machine's name",
        "state machines' names",
        "[A-Za-z0-9_-]{1,80}",
        "its name, of at most 80 letters, digits, hyphens and underscores",
        "orders-failover",
        meant=lambda text: text.rpartition(":")[2],
    ),
    ProbeName: Form(
        "a probe's name",
        "probes",
        "[a-z][a-z0-9]{0,19}(-[a-z0-9]{1,20}){0,2}",
        "small letters, digits and single hyphens, a letter first",
        "front",
        canonical=str.lower,
    ),
    # docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
    RepositoryName: Form(
        "the name of an ECR repository",
        "ECR repositories' names",
        r"(?=.{2,256}$)[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
        "2 to 256 small letters and digits, between them single dots, underscores, hyphens and slashes",
        "shop/orders",
        canonical=str.lower,
        meant=_in_arn("repository/"),
    ),
    # docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
    TableName: Form(
        "a table's name",
        "table names",
        "[A-Za-z0-9_.-]{3,255}",
        "3 to 255 letters, digits, hyphens, underscores and dots",
        "farshore-ledger",
        meant=_in_arn("table/"),
    ),
    # docs.aws.amazon.com/service-authorization/latest/reference/list_awsglobalaccelerator.html
    AcceleratorArn: Form(
        "an accelerator's ARN",
        "accelerators' ARNs",
        _ACCELERATOR,
        "the ARN of the accelerator, with an account of 12 digits",
        "arn:aws:globalaccelerator::123456789012:accelerator/1234abcd-abcd-1234-abcd-1234abcdefgh",
        meant=lambda text: text.partition("/listener/")[0],
    ),
    EndpointGroupArn: Form(
        "an endpoint group's ARN",
        "endpoint groups' ARNs",
        rf"{_ACCELERATOR}/listener/[0-9A-Za-z]{{1,32}}/endpoint-group/[0-9A-Za-z]{{1,32}}",
        "the ARN of the endpoint group, which begins with its accelerator's",
        "arn:aws:globalaccelerator::123456789012:accelerator/1234abcd-abcd-1234-abcd-1234abcdefgh/listener/"
        "0123vxyz/endpoint-group/098765zyxwvu",
        regional=True,
    ),
    # docs.aws.amazon.com/recovery-cluster/latest/api/routingcontrol.html
    RoutingControlArn: Form(
        "a routing control's ARN",
        "routing controls' ARNs",
        rf"{_ARN}:route53-recovery-control::[0-9]{{12}}:controlpanel/[0-9A-Za-z]{{32}}/routingcontrol/[0-9A-Za-z_-]+",
        "the ARN of the routing control, with an account of 12 digits",
        "arn:aws:route53-recovery-control::123456789012:controlpanel/"
        "0123456789abcdef0123456789abcdef/routingcontrol/0123456789abcdef",
    ),
    # docs.aws.amazon.com/recovery-cluster/latest/api/safetyrule.html
    SafetyRuleArn: Form(
        "a safety rule's ARN",
        "safety rules' ARNs",
        rf"{_ARN}:route53-recovery-control::[0-9]{{12}}:controlpanel/[0-9A-Za-z]{{32}}/safetyrule/[0-9A-Za-z_-]+",
        "the ARN of the rule, as AWS's refusal names it",
        "arn:aws:route53-recovery-control::123456789012:controlpanel/"
        "0123456789abcdef0123456789abcdef/safetyrule/0123456789abcdef",
    ),
    # docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html; what a FIFO topic sends, no person gets.
    TopicArn: Form(
        "the ARN of a standard SNS topic",
        "topics' ARNs",
        rf"{_ARN}:sns:[a-z0-9-]+:[0-9]{{12}}:[A-Za-z0-9_-]{{1,256}}",
        "the topic's ARN, with an account of 12 digits",
        "arn:aws:sns:us-east-1:123456789012:pages",
    ),
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    RoleArn: Form(
        "a role's ARN",
        "roles' ARNs",
        rf"{_ARN}:iam::[0-9]{{12}}:role/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{{1,64}}",
        "the ARN of an IAM role, with an account of 12 digits",
        "arn:aws:iam::222222222222:role/farshore-failover",
    ),
    # docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    ExternalId: Form(
        "an external ID",
        "external IDs",
        r"[A-Za-z0-9_+=,.@:/-]{2,1224}",
        "2 to 1224 letters, digits and _+=,.@:/-",
        "corner-shop-7f3a",
    ),
    ClusterEndpoint: Form(
        "an ARC cluster's endpoint",
        "endpoints",
        rf"https://{_HOST}(/\S*)?",
        "an https URL",
        "https://aaaaaaaa.route53-recovery-cluster.us-east-1.amazonaws.com/v1",
        canonical=_small_host,
        flaw=_bad_port,
        meant=lambda text: "https://" + text.rpartition("//")[2],
    ),
    Url: Form(
        "a URL",
        "URLs",
        rf"https?://{_HOST}([/?]\S*)?",
        "a URL with http:// or https:// and a host",
        "https://api.shop.example/orders",
        canonical=_small_host,
        flaw=_bad_port,
        meant=_with_scheme,
        relies_on=_if_cached,
    ),
    Origin: Form(
        "a URL without a path",
        "URLs",
        rf"https?://{_HOST}",
        "http:// or https:// and a host, and no path",
        "https://api.shop.example",
        canonical=_small_host,
        flaw=_bad_port,
        meant=lambda text: _with_scheme(text).rstrip("/"),
        relies_on=_if_cached,
    ),
    UrlPath: Form(
        "a path",
        "paths",
        r"/[^\s#]*",
        "a path that begins with a slash, without spaces",
        "/orders/{marker}",
        meant=lambda text: f"/{text}",
    ),
    JsonKey: Form("a JSON key", "JSON keys", r"\S(.{0,253}\S)?", "one line of text", "host"),
}
"""How each type of text is written, by its type; sources above each."""


def seconds(text: str | int | float) -> float:
    """A duration as runbooks write it ("30s", "15m", "2h"), in seconds."""
    if isinstance(text, int | float):
        return float(text)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write 30s, 15m or 2h")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
