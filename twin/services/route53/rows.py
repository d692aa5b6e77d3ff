"""Route 53's control plane, which no failover may need."""

from ...rows import Rows

ROWS = (Rows("route53", home="us-east-1"),)
