"""Global Accelerator's control plane, which lives far from most failovers."""

from ...rows import READ, WRITE, Rows

ROWS = (
    Rows(
        "globalaccelerator",
        operations={
            "DescribeAccelerator": READ,
            "DescribeEndpointGroup": READ,
            "UpdateEndpointGroup": WRITE,
        },
        home="us-west-2",
        resources={"AcceleratorArn": "{given}", "EndpointGroupArn": "{given}"},
    ),
)
