"""The shop's database answers SQL through the Data API, for whoever verifies it; RDS takes its snapshots."""

from __future__ import annotations

from ...cloud import Cloud
from ...services.aurora.database import GlobalDatabase
from ...services.aurora.snapshots import Snapshots
from ...services.rds_data.journal import Key
from ...services.rds_data.model import Enabled, RdsData
from .names import PRIMARY, REGIONS

SECRETS = {
    region: f"arn:aws:secretsmanager:{region}:123456789012:secret:shop-verifier-AbCdEf" for region in REGIONS
}
NAMELESS = "SELECT count(*) FROM unicorn_user WHERE email = ''"
PROBE = "CREATE TABLE farshore (id varchar(64) PRIMARY KEY, written varchar(64) NOT NULL)"


def enable_data_api(cloud: Cloud, database: GlobalDatabase, real: bool) -> None:
    """`real` where PostgreSQL stands behind the database, and gets the table of the verifier's own row."""
    if real:
        database.connect(PRIMARY).execute(PROBE)
    database.snapshots = Snapshots(cloud)
    RdsData.of(cloud).enable(
        Enabled(
            database,
            "shop",
            SECRETS,
            {"unicorn_user": Key("email", "character varying(128)")},
            {NAMELESS: lambda tables: sum(not email for email in tables("unicorn_user"))},
        )
    )
