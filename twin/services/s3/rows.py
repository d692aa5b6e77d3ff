"""S3: buckets, and their blocks of public access, whose names IAM has longer than boto3."""

from ...rows import READ, WRITE, Row, Rows

ROWS = (
    Rows(
        "s3",
        operations={
            "CreateBucket": WRITE,
            "PutBucketPolicy": WRITE,
            "PutBucketWebsite": WRITE,
            "PutObject": WRITE,
            "GetPublicAccessBlock": Row("s3:GetBucketPublicAccessBlock", READ.stale),
            "PutPublicAccessBlock": Row("s3:PutBucketPublicAccessBlock"),
            "DeletePublicAccessBlock": Row("s3:PutBucketPublicAccessBlock"),
        },
        resources={"Bucket": "s3:::{given}"},
        denial="AccessDenied",
    ),
)
