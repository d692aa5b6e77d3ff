"""The database pair: what survives a promotion is what was shipped, and nothing is left behind."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import psycopg
import pytest
import time_machine

from twin.services.aurora.postgres import Dark, Pair

EAST, WEST = "us-east-1", "us-west-1"
SCHEMA = "CREATE TABLE orders (id int PRIMARY KEY, state text NOT NULL DEFAULT 'new')"
ReadOnly = psycopg.errors.ReadOnlySqlTransaction


@pytest.fixture
def pair() -> Iterator[Pair]:
    fresh = Pair((EAST, WEST), SCHEMA)
    yield fresh
    fresh.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Pair]:
    pair = Pair((EAST, WEST), SCHEMA)
    yield pair
    pair.close()


@pytest.fixture
def steady(shared: Pair) -> Pair:
    """An empty pair for tests that leave both roles as they were: a start costs half a second."""
    shared.connect(EAST).execute("TRUNCATE orders")
    shared.ship()
    return shared


def order(pair: Pair, region: str, *numbers: int) -> None:
    for number in numbers:
        pair.connect(region).execute("INSERT INTO orders (id) VALUES (%s)", [number])


def orders(pair: Pair, region: str) -> list[int]:
    return [n for (n,) in pair.connect(region).execute("SELECT id FROM orders ORDER BY id")]


def state_of(process: int) -> str:
    """As ps says it: T is stopped; nothing where there is no such process."""
    command = ["ps", "-o", "stat=", "-p", str(process)]
    return subprocess.run(command, capture_output=True, text=True).stdout[:1]


def walsender(pair: Pair, writer: str) -> int:
    rows = pair.connect(writer).execute("SELECT pid FROM pg_stat_replication").fetchall()
    [(process,)] = rows
    return int(process)


def processes(pair: Pair) -> set[int]:
    """Both servers', with all of their children."""
    found = set()
    for region in EAST, WEST:
        children = pair.connect(region).execute("SELECT pid FROM pg_stat_activity").fetchall()
        found |= {pid for (pid,) in children}
        [directory] = pair.connect(region).execute("SHOW data_directory").fetchone() or [""]
        found.add(int((Path(directory) / "postmaster.pid").read_text().split()[0]))
    return found


def files(pair: Pair) -> Path:
    [directory] = pair.connect(EAST).execute("SHOW unix_socket_directories").fetchone() or [""]
    return Path(directory)


def test_held_writes_do_not_survive_a_promotion_and_shipped_ones_do(pair: Pair) -> None:
    order(pair, EAST, *range(100))
    pair.ship()
    order(pair, EAST, *range(100, 300))
    assert orders(pair, WEST) == list(range(100))
    pair.promote(WEST)
    assert orders(pair, WEST) == list(range(100))
    order(pair, WEST, 1000)
    assert orders(pair, EAST) == list(range(300))
    order(pair, EAST, 2000)  # two writers: nothing has fenced the old one
    assert pair.writable(EAST)
    assert pair.writable(WEST)


def test_a_rejoined_writer_forgets_its_lost_tail_names_it_and_follows(pair: Pair) -> None:
    order(pair, EAST, 1, 2)
    pair.ship()
    pair.connect(EAST).execute("UPDATE orders SET state = 'paid' WHERE id = 2")
    order(pair, EAST, 3)
    pair.promote(WEST)
    order(pair, WEST, 4)
    order(pair, EAST, 5)
    pair.ship()  # to nobody
    with pytest.raises(ValueError, match="us-east-1 was left behind"):
        pair.promote(EAST)
    assert pair.rejoin(EAST) == [
        ("orders", {"id": 2, "state": "paid"}),
        ("orders", {"id": 3, "state": "new"}),
        ("orders", {"id": 5, "state": "new"}),
    ]
    everything = "SELECT id, state FROM orders ORDER BY id"
    now = [pair.connect(region).execute(everything).fetchall() for region in (EAST, WEST)]
    assert now[0] == now[1] == [(1, "new"), (2, "new"), (4, "new")]
    assert (pair.writable(EAST), pair.writable(WEST)) == (False, True)
    order(pair, WEST, 6)
    assert orders(pair, EAST) == [1, 2, 4]
    pair.ship()
    assert orders(pair, EAST) == [1, 2, 4, 6]


def test_a_transaction_that_was_open_while_shipping_is_lost_as_a_whole(steady: Pair) -> None:
    with steady.connect(EAST).transaction():
        order(steady, EAST, 1)
        steady.connect(EAST).execute("CHECKPOINT")  # else what is not committed is not sent
        steady.ship()
        order(steady, EAST, 2)
    steady.promote(WEST)
    assert orders(steady, WEST) == []
    assert [row["id"] for _, row in steady.rejoin(EAST)] == [1, 2]
    steady.switchover(EAST)


def test_a_switchover_loses_nothing_and_the_old_writer_follows(steady: Pair) -> None:
    order(steady, EAST, *range(300))
    steady.switchover(WEST)
    assert orders(steady, WEST) == orders(steady, EAST) == list(range(300))
    assert (steady.writable(EAST), steady.writable(WEST)) == (False, True)
    with pytest.raises(ReadOnly):
        order(steady, EAST, 1000)
    order(steady, WEST, 1001)
    assert 1001 not in orders(steady, EAST)
    steady.ship()
    assert 1001 in orders(steady, EAST)
    steady.switchover(EAST)


def test_the_writer_can_move_there_and_back_again_and_again(steady: Pair) -> None:
    for lap in range(0, 40, 10):
        for n, writer, other in ((0, EAST, WEST), (2, WEST, EAST)):
            order(steady, writer, lap + n)
            steady.ship()
            order(steady, writer, lap + n + 1)
            steady.promote(other)
            assert [row["id"] for _, row in steady.rejoin(writer)] == [lap + n + 1]
        order(steady, EAST, lap + 4)
        steady.switchover(WEST)
        steady.switchover(EAST)
    kept = [lap + n for lap in range(0, 40, 10) for n in (0, 2, 4)]
    assert orders(steady, EAST) == orders(steady, WEST) == kept


def test_what_does_not_fit_is_refused(steady: Pair) -> None:
    with pytest.raises(ValueError, match="us-west-1 is not a writer"):
        steady.demote(WEST)
    with pytest.raises(ValueError, match="us-east-1 is not a follower"):
        steady.switchover(EAST)
    with pytest.raises(ValueError, match="us-east-1 was not left behind"):
        steady.rejoin(EAST)
    with pytest.raises(KeyError):
        steady.connect("us-west-2")


def test_a_stopped_walsender_stalls_neither_commits_nor_checkpoints(steady: Pair) -> None:
    sender = walsender(steady, EAST)
    assert state_of(sender) == "T"
    steady.connect(EAST).execute("SET statement_timeout = '5s'")
    order(steady, EAST, *range(500))
    steady.connect(EAST).execute("CHECKPOINT")
    assert state_of(sender) == "T"
    steady.ship()
    assert state_of(sender) == "T"
    assert orders(steady, WEST) == list(range(500))


def test_five_hundred_writes_arrive_each_with_its_own_ship(steady: Pair) -> None:
    arrived = "SELECT count(*) FROM orders"
    for n in range(500):
        order(steady, EAST, n)
        assert steady.connect(WEST).execute(arrived).fetchone() == (n,)
        steady.ship()
        assert steady.connect(WEST).execute(arrived).fetchone() == (n + 1,)
        steady.ship()  # again, with nothing to ship


def test_a_demoted_writer_refuses_writes_at_once_and_can_be_a_writer_again(steady: Pair) -> None:
    held = steady.connect(EAST)
    held.execute("BEGIN")
    held.execute("INSERT INTO orders (id) VALUES (1)")
    steady.demote(EAST)
    assert not steady.writable(EAST)
    with pytest.raises(psycopg.OperationalError):
        held.execute("COMMIT")
    with pytest.raises(ReadOnly):
        order(steady, EAST, 2)
    assert steady.connect(EAST).execute("SELECT 1 FROM orders WHERE id = 1").fetchall() == []
    steady.promote(EAST)
    assert steady.writable(EAST)
    order(steady, EAST, 1)


def test_a_dark_region_fails_its_clients_at_once_and_lives_on(steady: Pair) -> None:
    held = steady.connect(EAST)
    steady.suspend(EAST)
    with pytest.raises(psycopg.OperationalError):
        held.execute("SELECT 1")
    with pytest.raises(Dark, match="us-east-1 is dark"):
        steady.connect(EAST)
    assert steady.writable(EAST)
    steady.ship()
    steady.resume(EAST)
    order(steady, EAST, 1)


def test_a_reader_of_the_follower_does_not_hold_up_shipping(steady: Pair) -> None:
    reader = steady.connect(WEST)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM orders")
    order(steady, EAST, 1)
    steady.connect(EAST).execute("ALTER TABLE orders ALTER state SET DEFAULT 'new'")
    begun = time.monotonic()
    steady.ship()
    assert time.monotonic() - begun < 10  # PostgreSQL's own patience would be 30 s
    with pytest.raises(psycopg.OperationalError):
        reader.execute("SELECT * FROM orders")
    assert orders(steady, WEST) == [1]


def test_everything_works_while_the_wall_clock_stands_still() -> None:
    with time_machine.travel(1_798_790_400, tick=False):
        pair = Pair((EAST, WEST), SCHEMA)
        order(pair, EAST, 1)
        pair.switchover(WEST)
        pair.promote(EAST)
        pair.rejoin(WEST)
        assert orders(pair, WEST) == [1]
        pair.close()


def test_closing_leaves_no_process_and_no_file(pair: Pair) -> None:
    order(pair, EAST, 1)
    alive, directory = processes(pair), files(pair)
    assert all(state_of(process) for process in alive)
    assert directory.exists()
    pair.close()
    assert not any(state_of(process) for process in alive)
    assert not directory.exists()
    pair.close()


def test_two_pairs_live_in_one_process(pair: Pair, steady: Pair) -> None:
    order(pair, EAST, 1)
    pair.ship()
    order(steady, EAST, 2)
    steady.ship()
    assert orders(pair, WEST) == [1]
    assert orders(steady, WEST) == [2]


def test_a_failed_start_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Path] = []
    close = Pair.close

    def watched(self: Pair) -> None:
        closed.append(files(self))
        close(self)

    monkeypatch.setattr(Pair, "close", watched)
    with pytest.raises(psycopg.errors.SyntaxError):
        Pair((EAST, WEST), "CREATE TABEL orders")
    [directory] = closed
    assert not directory.exists()


def test_a_pair_that_nobody_closed_ends_with_its_program() -> None:
    program = (
        "from tests.test_postgres import *; pair = Pair((EAST, WEST), SCHEMA)\n"
        "print(*processes(pair)); print(files(pair))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    alive, directory = done.stdout.splitlines()
    assert alive
    assert not any(state_of(int(process)) for process in alive.split())
    assert not Path(directory).exists()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no other way to wait for a process of another's")
def test_a_program_that_is_killed_leaves_no_process_and_no_file_for_long() -> None:
    program = (
        "from tests.test_postgres import *; pair = Pair((EAST, WEST), SCHEMA)\n"
        "print(*processes(pair)); print(files(pair)); print(pair._home._guard.pid, flush=True); input()"
    )
    words, root = [sys.executable, "-c", program], Path(__file__).parent.parent
    with subprocess.Popen(words, cwd=root, stdin=PIPE, stdout=PIPE, text=True) as killed:
        assert killed.stdout is not None
        alive, directory, guard = (killed.stdout.readline().strip() for _ in range(3))
        ended = os.pidfd_open(int(guard))
        killed.kill()
    select.select([ended], [], [], 60)
    os.close(ended)
    assert alive
    assert not any(state_of(int(process)) for process in alive.split())
    assert not Path(directory).exists()
