"""ECR: each Region's private registry, and what stands in its repositories.

Source: docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation
from ...faults import Request
from ...service import APART, Service, register


class Ecr(Service):
    """Every Region's repositories, by Region and name."""

    service: ClassVar = "ecr"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._repositories: dict[tuple[str, str], str] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {"DescribeRepositories": self._repositories_of}

    def state(self) -> object:
        return list(self._repositories.items())

    def repository(self, region: str, name: str) -> None:
        """One more, empty."""
        arn = f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{name}"
        register(self._repositories, (region, name), lambda: arn)

    def drop(self, region: str, name: str) -> None:
        """Somebody deletes it."""
        del self._repositories[region, name]

    def _repositories_of(self, request: Request) -> Answer:
        """One that is missing hides the others."""
        asked: Any = request.parameters
        if set(asked) != {"repositoryNames"}:
            raise NotImplementedError(f"the twin describes repositories by their names only, not {asked}")
        return {"repositories": [self._described(request.region, name) for name in asked["repositoryNames"]]}

    def _described(self, region: str, name: str) -> Mapping[str, Any]:
        if (region, name) not in self._repositories:
            why = f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
            raise AwsError("RepositoryNotFoundException", why)
        return {
            "repositoryArn": self._repositories[region, name],
            "registryId": ACCOUNT,
            "repositoryName": name,
        }
