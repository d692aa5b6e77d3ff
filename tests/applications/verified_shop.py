"""The Unicorn Shop, whose databases answer the Data API, and of whose old volumes RDS takes snapshots."""

from __future__ import annotations

from twin.applications.foundation import Foundation
from twin.applications.unicorn_shop.application import UnicornShop
from twin.applications.unicorn_shop.names import PRIMARY, REGIONS
from twin.services.aurora.snapshots import Snapshots
from twin.services.rds_data.journal import Key
from twin.services.rds_data.model import Enabled, RdsData

SECRETS = {
    region: f"arn:aws:secretsmanager:{region}:123456789012:secret:shop-verifier-AbCdEf" for region in REGIONS
}
NAMELESS = "SELECT count(*) FROM unicorn_user WHERE email = ''"
PROBE = "CREATE TABLE farshore (id varchar(64) PRIMARY KEY, written varchar(64) NOT NULL)"


class VerifiedShop(UnicornShop):
    def __init__(self, on: Foundation) -> None:
        super().__init__(on)
        if on.data == "real":
            self.database.connect(PRIMARY).execute(PROBE)
        self.database.snapshots = Snapshots(on.cloud)
        RdsData.of(on.cloud).enable(
            Enabled(
                self.database,
                "shop",
                SECRETS,
                {"unicorn_user": Key("email", "character varying(128)")},
                {NAMELESS: lambda tables: sum(not email for email in tables("unicorn_user"))},
            )
        )


build = VerifiedShop
