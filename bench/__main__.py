"""Every benchmark, one after the other: `make bench`."""

from __future__ import annotations

import os

from . import calls, digests, exploring, failover, sweeps

os.environ |= {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
}
calls.measure()
failover.measure()
exploring.measure()
digests.measure()
print(sweeps.table(), end="")
