"""AWS Health."""

from ...rows import READ, Rows

ROWS = (Rows("health", operations={"DescribeEvents": READ}),)
