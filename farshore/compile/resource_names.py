"""How things are called in the template: CloudFormation's names have letters and digits only."""

from __future__ import annotations

import re
from collections.abc import Iterable


def camel(name: str) -> str:
    """SomeShopFailover of some-shop-failover. Other names may become the same, or nothing at all."""
    return "".join(word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", name))


def condition(regions: Iterable[str]) -> str:
    """The condition's name of a set of Regions: InUsEast1OrUsWest1."""
    return "In" + "Or".join(camel(region) for region in sorted(set(regions)))
