"""CloudFront's control plane, which no failover may need."""

from ...rows import Rows

ROWS = (Rows("cloudfront", home="us-east-1"),)
