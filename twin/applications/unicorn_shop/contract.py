"""The Unicorn Shop in the five words of twin/application.py."""

from __future__ import annotations

from collections.abc import Sequence

from ...application import Fate, Promise, Visitor
from ...services.aurora.model import GlobalDatabase
from ...services.dynamodb.dataset import GlobalTableData
from .names import PAGES, REGIONS
from .users import Users


class UserData:
    """The Aurora global database: who has signed up."""

    name, many_writers = "users", False

    def __init__(self, database: GlobalDatabase, users: Users) -> None:
        self._database, self._users = database, users

    def writers(self) -> set[str]:
        return self._database.writers()

    def caught_up(self, region: str) -> bool:
        return region == self._database.writer or not self._database.left_behind

    def lag(self, region: str) -> float:
        return self._database.lag(region)

    def fates(self, promises: Sequence[Promise]) -> dict[Promise, Fate]:
        kept = set[str]().union(*(self._users.emails(region) for region in self.writers()))
        return {promise: "kept" if promise.key in kept else "lost" for promise in promises}

    def stall(self) -> None:
        self._database.hold()

    def resume(self) -> None:
        self._database.release()

    def glance(self) -> object:
        writable, (primary, standby) = self._database.store.writable, REGIONS
        return writable(primary), writable(standby)


class BasketData(GlobalTableData):
    """The DynamoDB global table: a basket is whole, or replaced as a whole."""

    def stall(self) -> None:
        """Only Aurora's transport is held: what a stall costs shows in what one engine alone has lost."""

    def resume(self) -> None: ...


class Purchase:
    """A customer looks at the pages, asks them where the API is, signs up, and fills a basket."""

    dataset, pace = "users", (2.0, 6.0)

    def __init__(self, users: Users) -> None:
        self._users = users

    def visit(self, visitor: Visitor) -> None:
        api = visitor.ask("GET", f"https://{PAGES}/config.json", looked_up=True)["host"]
        email = f"{visitor.name}-{visitor.number():04d}@example.com"
        user = {"email": email, "firstName": visitor.name, "lastName": "Customer"}
        answer = visitor.ask("POST", f"{api}/user", user)
        visitor.promised(f"sign-up {email}", "users", email, answer["region"])
        catalogue = visitor.ask("GET", f"{api}/unicorns")["unicorns"]
        basket = {"uuid": email, "unicorns": [visitor.dice.choice(catalogue)]}
        answer = visitor.ask("POST", f"{api}/unicorns/basket", basket)
        visitor.promised(f"basket {email}", "baskets", email, answer["region"])

    def write(self, region: str, key: str) -> None:
        """A sign-up, past the API."""
        self._users.sign_up(region, {"email": key, "firstName": key, "lastName": "Bare"})
