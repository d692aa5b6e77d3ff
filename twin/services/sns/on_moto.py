"""What moto keeps of topics."""

from __future__ import annotations

from moto.sns.models import sns_backends

from ...cloud import ACCOUNT

SERVICE = "sns"


class Keeper:
    def topic(self, arn: str, address: str) -> None:
        """One more, of whichever account, and who is sent what is published, by e-mail."""
        _, _, _, region, account, name = arn.split(":")
        sns_backends[account][region].create_topic(name)
        sns_backends[ACCOUNT][region].subscribe(arn, address, "email")
