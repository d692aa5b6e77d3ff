"""Repositories in both Regions, with an image under each tag; the primary's are replicated to the standby."""

from __future__ import annotations

from collections.abc import Mapping

from ...cloud import ACCOUNT
from ...furnishing import Role, Room
from .model import Ecr

REPOSITORY, TAG, DIGEST = "RepositoryName", "ImageTag", "ImageDigest"
TAKES: Mapping[str, Role] = {REPOSITORY: "", TAG: "", DIGEST: ""}
IMAGE = f"sha256:{'ab' * 32}"


def furnish(room: Room) -> None:
    wanted = room.wanted
    if not (names := wanted.texts(REPOSITORY)):
        return
    ecr = Ecr.of(room.cloud)
    for name in names:
        tags = {tag.text for line, of in wanted.naming(REPOSITORY) if of.text == name for tag in line.of(TAG)}
        for region in wanted.regions:
            ecr.repository(region, name)
            for tag in sorted(tags):
                ecr.push(region, name, tag, IMAGE)
    there = {"region": wanted.standby, "registryId": ACCOUNT}
    ecr.rules[wanted.primary] = [{"destinations": [there]}]
