"""IAM's own control plane, which no failover may need."""

from ...rows import Rows

ROWS = (Rows("iam", home="us-east-1"),)
