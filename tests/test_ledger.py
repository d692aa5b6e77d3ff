"""What a run must remember: the ledger on a table of three strongly consistent replicas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from farshore.testing.ticker import APP, EAST, OTHER, REPLICAS, TABLE, THIS, WEST, Ticker, ticking
from functions.calls import Call, Endpoint, Reply
from functions.errors import NotYet, Refused
from functions.ledger import PUT as PUT_ITEM
from functions.ledger import (
    WORDS,
    Find,
    Forget,
    Hold,
    Lease,
    Ledger,
    Memory,
    Note,
    Owe,
    Pay,
    Propose,
    Records,
    Remember,
)
from twin.cloud import AwsError
from twin.faults import Kind, Request

FREE = Lease(THIS, 0, 1, False)
PUT, QUERY, DELETE = "PutItem", "Query", "DeleteItem"
BUY = "lambda:us-east-1:buy:reserved_concurrency"


@pytest.fixture
def ticker() -> Iterator[Ticker]:
    with ticking() as ticker:
        yield ticker


@pytest.fixture
def ledger(ticker: Ticker) -> Ledger:
    return ticker.ledger


def endpoints(ticker: Ticker, ledger: Ledger) -> list[str]:
    """The replicas that one read asks, in order."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.operation == QUERY:
            asked.append(request.region)

    ticker.cloud.faults.injectors.append(note)
    ledger.read()
    ticker.cloud.faults.injectors.remove(note)
    return asked


def inject(ticker: Ticker, kind: Kind, operation: str, times: int = 1) -> None:
    left = [times]

    def line(request: Request) -> Kind | None:
        if request.operation != operation or not left[0]:
            return None
        left[0] -= 1
        return kind

    ticker.cloud.faults.injectors.append(line)


def put(ticker: Ticker, item: str, body: str) -> None:
    """What is no text of ours."""
    kind = item.partition("#")[0]
    row = {"application": {"S": APP}, "item": {"S": item}, kind if kind in WORDS else "body": {"S": body}}
    ticker.outside.client(PUT_ITEM, Endpoint(REPLICAS[0])).put_item(TableName=TABLE, Item=row)


# What nobody of ours has written, and what another version writes.


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"abc"'])
@pytest.mark.parametrize("kind", ["directive", "proposal", "decision#x", "take_over", "news"])
def test_an_item_that_cannot_be_read_stops_nothing(
    ticker: Ticker, ledger: Ledger, kind: str, body: str
) -> None:
    ledger.hold(FREE, None)
    put(ticker, kind, body)
    assert ledger.read().lease == FREE
    ledger.begin(THIS, ledger.read(), 5.0)
    assert ledger.read().begun == THIS


def test_what_a_later_version_has_added_is_left_alone(ledger: Ledger) -> None:
    ledger.write("lease", {**vars(FREE), "colour": "green"})
    assert ledger.read().lease == FREE


@pytest.mark.parametrize("item", ["lease", "memory#run#x", "begun"])
def test_a_lease_a_memory_or_a_begun_that_cannot_be_read_is_refused_by_name(
    ledger: Ledger, item: str
) -> None:
    ledger.write(item, {"news": 1})
    with pytest.raises(Refused, match=f"the ledger's item {item} has no"):
        ledger.read()


# That a run begins to move something.


def test_of_two_ticks_that_begin_at_once_one_waits(ledger: Ledger) -> None:
    seen = ledger.read()
    ledger.begin(THIS, seen, 5.0)
    with pytest.raises(NotYet, match="another tick of this run begins"):
        ledger.begin(THIS, seen, 6.0)


def test_what_another_tick_has_begun_is_not_taken_back(ledger: Ledger) -> None:
    ledger.begin(THIS, ledger.read(), 5.0)
    ledger.begin(THIS, ledger.read(), 6.0)
    ledger.not_begun(5.0)
    assert ledger.read().begun == THIS
    ledger.not_begun(6.0)
    assert ledger.read().begun == ""


def test_a_replica_whose_answer_tells_no_items_is_passed_over(
    ticker: Ticker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.hold(FREE, None)
    hollow, real = {REPLICAS[0], REPLICAS[1]}, ticker.outside.reply

    def reply(call: Call, busy: frozenset[str] = frozenset()) -> Reply:
        return {} if call.region in hollow else real(call, busy)

    monkeypatch.setattr(ticker.outside, "reply", reply)
    assert ledger.read().lease == FREE
    hollow.add(REPLICAS[2])
    with pytest.raises(NotYet, match="does not tell its items"):
        ledger.read()


# What is written is read.


def test_an_application_of_which_nothing_is_known_has_an_empty_page(ledger: Ledger) -> None:
    assert ledger.read() == Records()


def test_everything_is_read_at_once(ticker: Ticker, ledger: Ledger) -> None:
    mine, theirs = Memory("run", BUY, 40), Memory("outage", BUY, "unreserved")
    notes: list[Note] = [Remember(mine), Remember(theirs), Owe(BUY, "dark", 7.0, "run-1"), Hold(FREE, None)]
    for note in [
        *notes,
        Propose("abc", "abcdef", THIS, 0.0, "graceful", [{"state": "a", "outcome": "done"}], 8.0),
    ]:
        note.write_in(ledger)
    approved = {"digest": "abc", "execution": THIS, "started": 0.0, "decision": "approve"}
    assert ledger.say("directive", {"pause": True}, Records())
    assert ledger.say("decision#abc", approved, Records())
    assert ledger.say("take_over", {"holder": OTHER, "epoch": 1}, Records())
    assert endpoints(ticker, ledger) == ["us-west-2"]
    records = ledger.read()
    assert records.lease == FREE
    assert set(records.remembered(BUY)) == {mine, theirs}
    assert records.remembered("another") == ()
    assert records.debts == {BUY: {"why": "dark", "since": 7.0, "by": "run-1"}}
    assert records.directive["pause"] is True
    assert approved.items() <= records.decisions["abc"].items()
    assert records.decided("abc", THIS, 0.0) == (records.decisions["abc"],)
    assert (records.proposal["hash"], records.proposal["plan"]) == (
        "abc",
        [{"state": "a", "outcome": "done"}],
    )
    assert (records.take_over["holder"], records.take_over["epoch"]) == (OTHER, 1)


def test_the_first_memory_and_the_first_debt_win(ledger: Ledger) -> None:
    """A tick that is repeated must not remember its own fence, nor renew a debt."""
    for value in (40, 0):
        Remember(Memory("run", BUY, value)).write_in(ledger)
    for since in (7.0, 8.0):
        Owe(BUY, "dark", since, "run-1").write_in(ledger)
    assert ledger.read().remembered(BUY) == (Memory("run", BUY, 40),)
    assert ledger.read().debts[BUY]["since"] == 7.0


@pytest.mark.parametrize("value", [0, 40, None, "unreserved", False, {"a": [1, None]}], ids=repr)
def test_a_memory_comes_back_as_it_was(ledger: Ledger, value: object) -> None:
    Remember(Memory("run", BUY, value)).write_in(ledger)
    (found,) = ledger.read().remembered(BUY)
    assert (found.value, type(found.value)) == (value, type(value))


def test_what_a_state_has_found_last_counts_and_only_for_its_execution(ledger: Ledger) -> None:
    for at in (7.0, 8.0):
        Find("a state", "run-1", at, {"n": at, "at": "never"}).write_in(ledger)
    records = ledger.read()
    assert records.found_by("a state", "run-1", 0.0) == {"n": 8.0, "execution": "run-1", "at": 8.0}
    assert records.found_by("a state", "run-2", 0.0) == {}
    assert records.found_by("another", "run-1", 0.0) == {}
    assert records.found_by("a state", "run-1", 8.0 + 2 * 86_400) == {}  # one of its name, 90 days ago


def test_what_is_given_back_is_forgotten_and_what_is_paid_is_not_owed(ledger: Ledger) -> None:
    mine, theirs = Memory("run", BUY, 40), Memory("outage", BUY, 40)
    for note in (Remember(mine), Remember(theirs), Owe(BUY, "dark", 7.0, "run-1"), Forget(mine), Pay(BUY)):
        note.write_in(ledger)
    assert ledger.read().remembered(BUY) == (theirs,)
    assert ledger.read().debts == {}
    Forget(mine).write_in(ledger)  # again is the same
    Pay(BUY).write_in(ledger)


def test_of_two_people_who_have_read_the_same_one_is_heard(ledger: Ledger) -> None:
    seen = ledger.read()
    assert ledger.say("directive", {"abort": True}, seen)
    assert not ledger.say("directive", {"pause": True}, seen)
    assert ledger.read().directive.keys() & {"abort", "pause"} == {"abort"}


def test_a_word_takes_the_place_of_the_one_that_was_read_whatever_that_is(
    ticker: Ticker, ledger: Ledger
) -> None:
    put(ticker, "directive", "{")
    for word in ({"pause": True}, {"pause": False}):
        assert ledger.say("directive", word, ledger.read())
    assert ledger.read().directive["pause"] is False


def test_applications_do_not_see_each_other(ticker: Ticker, ledger: Ledger) -> None:
    other = Ledger(ticker.outside, f"{APP}-two", TABLE, REPLICAS, WEST)
    ledger.hold(FREE, None)
    assert other.read() == Records()


def test_more_than_one_answer_holds_is_read_to_its_end(ledger: Ledger) -> None:
    """DynamoDB answers 1 MB at a time, in the order of the items' names: the lease comes after decisions."""
    for number in range(4):
        ledger.say(f"decision#{number}", {"why": "x" * 350_000}, Records())
    ledger.hold(FREE, None)
    records = ledger.read()
    assert len(records.decisions) == 4
    assert records.lease == FREE


# The lease.


def test_of_two_who_read_the_same_one_takes_the_lease(ledger: Ledger) -> None:
    assert ledger.hold(FREE, None)
    assert not ledger.hold(replace(FREE, holder=OTHER), None)
    assert ledger.read().lease == FREE


def test_a_lease_that_has_changed_since_it_was_read_is_not_taken(ledger: Ledger) -> None:
    ledger.hold(FREE, None)
    released = replace(FREE, released=True)
    assert ledger.hold(released, FREE)
    assert not ledger.hold(Lease(OTHER, 0, 2, False), FREE), "it was released since"
    assert ledger.hold(Lease(OTHER, 0, 2, False), released)
    assert not ledger.hold(Lease(THIS, 0, 2, False), released), "it was taken since"
    assert not ledger.hold(released, FREE), "a late release of a holder before"
    assert ledger.read().lease == Lease(OTHER, 0, 2, False)


@pytest.mark.parametrize("kind", ["lost_after", "slow"])
def test_a_write_whose_answer_was_lost_is_done_once(ticker: Ticker, ledger: Ledger, kind: Kind) -> None:
    """The next replica says that the condition does not hold: the caller reads, and finds itself."""
    inject(ticker, kind, PUT)
    assert not ledger.hold(FREE, None)
    assert ledger.read().lease == FREE


# Its replicas.


def test_the_nearest_replica_is_asked_first(ticker: Ticker) -> None:
    near = {EAST: "us-east-1", WEST: "us-west-2", "us-east-2": "us-east-2"}
    for place, replica in near.items():
        assert endpoints(ticker, Ledger(ticker.outside, APP, TABLE, REPLICAS, place)) == [replica]


def test_a_dark_replica_costs_one_time_out_and_the_next_answers(ticker: Ticker, ledger: Ledger) -> None:
    ledger.hold(FREE, None)
    ticker.cloud.faults.dark.add("us-west-2")
    began = ticker.clock.now
    assert endpoints(ticker, ledger) == ["us-west-2", "us-east-1"]
    assert ticker.clock.now - began < 3
    assert ledger.read().lease == FREE


@pytest.mark.parametrize("kind", ["throttled", "500", "503", "lost_before"])
def test_a_replica_that_is_unwell_once_is_passed_over(ticker: Ticker, ledger: Ledger, kind: Kind) -> None:
    inject(ticker, kind, PUT)
    assert ledger.hold(FREE, None)
    inject(ticker, kind, QUERY)
    assert ledger.read().lease == FREE


@pytest.mark.parametrize("operation", [QUERY, PUT, DELETE])
def test_where_no_replica_answers_it_is_not_yet(ticker: Ticker, ledger: Ledger, operation: str) -> None:
    inject(ticker, "503", operation, times=3)
    with pytest.raises(NotYet, match="the ledger did not answer in any of its Regions"):
        {QUERY: ledger.read, PUT: lambda: ledger.write("x", {}), DELETE: lambda: ledger.erase("x")}[
            operation
        ]()


def test_a_write_that_meets_another_regions_is_not_yet(ticker: Ticker, ledger: Ledger) -> None:
    def contended(request: Request) -> None:
        if request.operation == PUT:
            raise AwsError("ReplicatedWriteConflictException", "modified by a request in another Region")

    ticker.cloud.guards.append(contended)
    with pytest.raises(NotYet, match="ReplicatedWriteConflictException"):
        ledger.hold(FREE, None)


@pytest.mark.parametrize("operation", [QUERY, PUT])
def test_a_ledger_that_may_not_be_used_is_refused_by_name(
    ticker: Ticker, ledger: Ledger, operation: str
) -> None:
    inject(ticker, "denied", operation)
    with pytest.raises(Refused, match=r"the ledger ledger refused dynamodb:.* AccessDenied"):
        ledger.read() if operation == QUERY else ledger.write("x", {})


def test_a_table_that_is_not_there_is_refused_by_name(ticker: Ticker) -> None:
    elsewhere = Ledger(ticker.outside, APP, "ledgre", REPLICAS, WEST)
    with pytest.raises(Refused, match=r"the ledger ledgre refused .* ResourceNotFoundException"):
        elsewhere.read()
