"""S3: buckets, objects, and blocks of public access, whose names IAM has longer than boto3."""

from ...rows import READ, WRITE, Parameters, Row, Rows


def _listing(parameters: Parameters) -> tuple[tuple[str, str], ...]:
    """Of an object that is missing, only who may list its bucket is told so; others are denied. (Here they
    are denied of one that is there, too.)
    Source: docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""
    return (("s3:ListBucket", ""),)


ROWS = (
    Rows(
        "s3",
        operations={
            "CreateBucket": WRITE,
            "PutBucketPolicy": WRITE,
            "PutBucketWebsite": WRITE,
            "PutObject": WRITE,
            "GetObject": WRITE,
            "DeleteObject": WRITE,
            "HeadObject": Row("s3:GetObject", beside=_listing),
            "HeadBucket": Row("s3:ListBucket"),
            "ListObjectVersions": Row("s3:ListBucketVersions"),
            "GetPublicAccessBlock": Row("s3:GetBucketPublicAccessBlock", READ.stale),
            "PutPublicAccessBlock": Row("s3:PutBucketPublicAccessBlock"),
            "DeletePublicAccessBlock": Row("s3:PutBucketPublicAccessBlock"),
        },
        resources={"Bucket": "s3:::{given}"},
        below="Key",
        denial="AccessDenied",
    ),
)
