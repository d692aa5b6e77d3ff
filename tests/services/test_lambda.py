"""Lambda's functions, in the Cloud that has everything."""

from __future__ import annotations

from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.services.lambda_.model import Functions


def furnish(cloud: Cloud, name: str) -> None:
    for region in (EAST, WEST):
        Functions.of(cloud).deploy(region, name, lambda event, context: cloud.clock.sleep(300))


UNDER_WAY = {
    "an invocation": lambda cloud: cloud.clock.spawn(lambda: Functions.of(cloud).invoke(EAST, "one", {})),
    "a reservation": lambda cloud: client("lambda", EAST).put_function_concurrency(
        FunctionName="one", ReservedConcurrentExecutions=1
    ),
    "provisioned concurrency": lambda cloud: Functions.of(cloud).provision(EAST, "two", "1", 2, "no room"),
}
