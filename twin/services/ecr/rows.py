"""ECR. Its registry, one a Region, is no resource that IAM could name; its repositories are."""

from ...rows import READ, Rows

ROWS = (
    Rows(
        "ecr",
        operations={"DescribeRepositories": READ},
        resources={"repositoryNames": "ecr:{region}:{account}:repository/{given}"},
    ),
)
