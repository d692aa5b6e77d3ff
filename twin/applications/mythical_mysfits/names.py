"""How Mythical Mysfits' resources are called, and where they are."""

from __future__ import annotations

PRIMARY, STANDBY = "us-west-2", "us-east-1"
REGIONS = (PRIMARY, STANDBY)
TABLE, KEYS = "mm-ddbtable", ("MysfitId",)
INDEXES = {"LawChaosIndex": ("LawChaos", "MysfitId"), "GoodEvilIndex": ("GoodEvil", "MysfitId")}
STACKS = {PRIMARY: "mm-multi-region", STANDBY: "mm-secondary-region"}
CORE, LIKE = "Core-Service", "Like-Service"
SERVICES = (CORE, LIKE)
TASKS = {PRIMARY: 3, STANDBY: 1}
"""How many of each service: what a restore must bring back."""
ACCELERATOR = "mm-global-accelerator"
ALARM = "mythical-mysfits-hosts"
"""In each Region: a target group has no healthy host."""
REPOSITORIES = ("coreservicerepo", "likeservicerepo")
TAG, DIGEST = "a1b2c3d", f"sha256:{'ab' * 32}"
"""Of the images: the commit that they were built from, and what they are."""
FAMILIES = {
    PRIMARY: {CORE: "Core-Service-mm-multi-region", LIKE: "Like-Service-mm-multi-region"},
    STANDBY: {CORE: "Secondary-Core-Service", LIKE: "Secondary-Like-Service"},
}
"""Of task definitions: the workshop's stacks call them differently in each Region."""
CONTAINERS = {CORE: "service", LIKE: "like-service"}
CHAOS = "CHAOSMODE"
"""The environment variable that makes the like service fail most requests."""
PIPELINES = ("CorePipeline-mm-multi-region", "LikePipeline-mm-multi-region")
STAGE = "CrossRegionDeploy"
DASHBOARD = "Fully-Prepared-Dashboard"
VPCS = {PRIMARY: "vpc-0aaaaaaaaaaaaaaaa", STANDBY: "vpc-0bbbbbbbbbbbbbbbb"}
SUBNETS = {
    region: tuple(f"subnet-{letter * 16}{number}" for number in range(4))
    for region, letter in ((PRIMARY, "a"), (STANDBY, "b"))
}
"""Two public and two private ones."""
GROUPS = {
    "like-service": 'service("Like Service") AND http.method="POST"',
    "like-service-errors-faults": 'service("Like Service") { error = true OR fault = true }',
}
"""X-Ray's groups with their filter expressions."""


def cluster(region: str) -> str:
    return f"Cluster-{STACKS[region]}"


def service(region: str, name: str) -> str:
    return f"{STACKS[region]}_{name}"


def balancer_host(region: str) -> str:
    return f"alb-{STACKS[region]}.{region}.elb.amazonaws.com"
