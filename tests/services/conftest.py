"""The Cloud that a service's own test looks at: every service is in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from every_service import every_service

from twin.cloud import Cloud


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with every_service() as cloud:
        yield cloud
