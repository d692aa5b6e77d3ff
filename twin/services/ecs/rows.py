"""ECS. IAM judges a service by its cluster and its name together."""

from dataclasses import replace

from ...rows import READ, WRITE, Parameters, Quota, Rows


def _services(parameters: Parameters) -> tuple[str, ...]:
    """docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html"""
    given = parameters.get("services") or [parameters["service"]]
    assert isinstance(given, list | tuple)
    cluster = parameters.get("cluster", "default")
    return tuple(f"ecs:{{region}}:{{account}}:service/{cluster}/{name}" for name in given)


ROWS = (
    Rows(
        "ecs",
        operations={
            "DescribeServices": replace(READ, names=_services),
            "UpdateService": replace(WRITE, names=_services),
            "DescribeTaskDefinition": READ,
        },
        # docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
        quotas=(
            Quota(frozenset({"DescribeServices"}), per_second=20, at_once=100),
            Quota(frozenset({"UpdateService"}), per_second=5, at_once=50),
        ),
    ),
)
