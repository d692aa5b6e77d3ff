"""The Unicorn Shop's users and unicorns, in whichever engine stands behind its Aurora global database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from ...services.aurora.journal import Journal
from ...services.aurora.model import GlobalDatabase, Store
from ...services.aurora.postgres import Pair
from ..foundation import Data

UNICORNS = (
    "UnicornFloat", "UnicornHipHop", "UnicornPartyDress", "UnicornGlitter", "UnicornBeddings",
    "UnicornPink", "UnicornBackpack", "UnicornBlanket", "UnicornCool", "UnicornFluffy",
)  # fmt: skip
SCHEMA = """
CREATE TABLE unicorns (uuid varchar(64) PRIMARY KEY, name varchar(64) NOT NULL, price numeric(6,2) NOT NULL);
CREATE TABLE unicorn_user (
    email varchar(128) PRIMARY KEY, first_name varchar(64) NOT NULL, last_name varchar(64) NOT NULL
);
INSERT INTO unicorns (uuid, name, price)
SELECT md5(name)::uuid, name, 100 FROM unnest(string_to_array('{names}', ',')) AS name;
""".replace("{names}", ",".join(UNICORNS))

User = Mapping[str, str]


class Users(Protocol):
    """What the shop asks of a Region's database. Errors are psycopg's, whatever the engine."""

    def unicorns(self, region: str) -> list[str]:
        """Names of what is for sale."""

    def sign_up(self, region: str, user: User) -> None:
        """Again is the same: an e-mail address signs up once."""

    def emails(self, region: str, only: str | None = None) -> set[str]:
        """Who has signed up, as that Region knows it; of one address, or of all."""


class SqlUsers:
    """In PostgreSQL."""

    def __init__(self, database: GlobalDatabase) -> None:
        self._database = database

    def unicorns(self, region: str) -> list[str]:
        rows = self._database.connect(region).execute("SELECT name FROM unicorns ORDER BY name").fetchall()
        return [name for (name,) in rows]

    def sign_up(self, region: str, user: User) -> None:
        self._database.connect(region).execute(
            "INSERT INTO unicorn_user VALUES (%s, %s, %s) ON CONFLICT (email) DO NOTHING",
            (user["email"], user["firstName"], user["lastName"]),
        )

    def emails(self, region: str, only: str | None = None) -> set[str]:
        query = "SELECT email FROM unicorn_user WHERE %s::text IS NULL OR email = %s"
        return {email for (email,) in self._database.connect(region).execute(query, (only, only)).fetchall()}


class JournalUsers:
    """In the journal, for exploration."""

    def __init__(self, database: GlobalDatabase) -> None:
        self._database = database

    def unicorns(self, region: str) -> list[str]:
        self._database.connect(region)
        return sorted(UNICORNS)

    def sign_up(self, region: str, user: User) -> None:
        self._database.connect(region).write("unicorn_user", user["email"], user)

    def emails(self, region: str, only: str | None = None) -> set[str]:
        known: set[str] = set(self._database.connect(region).rows("unicorn_user"))
        return known if only is None else known & {only}


def users_of(database: GlobalDatabase) -> Users:
    """The users in the engine that the database has."""
    return JournalUsers(database) if isinstance(database.store, Journal) else SqlUsers(database)


def store_of(data: Data, regions: tuple[str, str]) -> tuple[Store, Callable[[], None]]:
    """A fresh store with the shop's schema, and what closes it."""
    if data == "memory":
        return Journal(regions), lambda: None
    pair = Pair(regions, SCHEMA)
    return pair, pair.close
