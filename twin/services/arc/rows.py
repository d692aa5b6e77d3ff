"""ARC routing controls: the cluster's data plane, and the control plane that no failover may need."""

from ...rows import READ, WRITE, Rows

ROWS = (
    Rows(
        "route53-recovery-cluster",
        # The cluster's endpoints agree by a quorum, but a read is answered by one of them.
        operations={"GetRoutingControlState": READ, "UpdateRoutingControlStates": WRITE},
        resources={"RoutingControlArn": "{given}"},
        entries="UpdateRoutingControlStateEntries",
    ),
    Rows("route53-recovery-control-config", home="us-west-2"),
)
