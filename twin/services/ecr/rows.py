"""ECR. Its registry, one a Region, is no resource that IAM could name; its repositories are."""

from ...rows import READ, WRITE, Rows

ROWS = (
    Rows(
        "ecr",
        operations={
            "DescribeRepositories": READ,
            "DescribeRegistry": READ,
            "PutReplicationConfiguration": WRITE,
            "DescribeImages": READ,
            "DescribeImageReplicationStatus": READ,
            "ListReplicationBackfills": READ,
            "StartReplicationBackfill": WRITE,
        },
        resources={
            "repositoryNames": "ecr:{region}:{account}:repository/{given}",
            "repositoryName": "ecr:{region}:{account}:repository/{given}",
        },
    ),
)
