"""What a run must remember, and the one lease an application has.

One DynamoDB global table with multi-Region strong consistency (MRSC): partition `application`, sort key
`item`. It answers with any one replica's Region dark, so replicas are tried nearest first and rotated.
MRSC tables refuse transactions, so every write is one item under its own condition; sources:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html

    lease                       who may change anything: execution, redrive count, epoch
    memory#<owner>#<resource>    what a fence overwrote and someone will want back; the first write wins
    debt#<resource>             a fence that could not be confirmed, or given back: retried until paid
    begun                       the run that moved data or customers last, noted before its first such call;
                                and the one that has given up last, before it gives anything back
    proposal                    the plan that is waiting for a decision
    answer#<state>              what AWS said last to a change of that state that it did not make
    directive                   a person's word to the run: pause, resume, skip, ungraceful, override, abort
    take_over                   a person's word that the named holder is dead
    kept#<name>                  what a later tick or run of a step must know, and no fence overwrote
    accepted#<state>            a write through the customers' door that it accepted: now it is only read
    found#<state>               what a state has found, or begun: its later ticks go by that
    decision#<plan hash>        a person's approval or decline of that very plan; #2 behind: a second one's

An `answer`, an `accepted` and a `found` are for the states of the run that has noted them: whoever releases
its lease erases them, or whoever takes it next.

What a run notes stands in the attribute `body`, and a person's word in one that is named as its kind of
item is. IAM sees the names of the attributes that a request writes, and not the item's, so that no step can
write a word: a `body` in an item of that name is none.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from . import written
from .calls import Api, Call, Denied, Endpoint, Silence
from .errors import NotYet, Refused
from .identity import PROVED, is_refused
from .outside import Outside
from .run import SHOWN, Mode, Owner, Purpose, Run, is_about

LOST_RACE = "ConditionalCheckFailedException"
TABLE = "dynamodb:{region}:{account}:table/{table}"
QUERY = Api("dynamodb:Query", resource=TABLE, plane="data")
NOTES = ("application", "item", "body", "stamp")
"""The attributes of what a run notes, and of the conditions on it.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html"""
WORDS = ("decision", "directive", "take_over")
"""The kinds of items that hold what people say, and the attribute of each that only people write."""
PUT = Api(
    "dynamodb:PutItem",
    resource=TABLE,
    plane="data",
    absent=frozenset({LOST_RACE}),
    only=("dynamodb:Attributes", NOTES),
)
DELETE = Api("dynamodb:DeleteItem", resource=TABLE, plane="data", absent=frozenset({LOST_RACE}))

REGION_SETS = (
    {"us-east-1", "us-east-2", "us-west-2"},
    {"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"},
    {"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"},
)
"""Where such a table can live: its three Regions are of one set.
Source: docs.aws.amazon.com/amazondynamodb/latest/APIReference,
API_CreateGlobalTableWitnessGroupMemberAction"""

CONTENDED = frozenset({"ReplicatedWriteConflictException", "TransactionConflictException"})
LEASE = "lease"
BODY = "body"
NEVER = -1.0
"""The time at which a run began that never did."""
BEGUN = "begun"


@dataclass(frozen=True)
class Lease:
    """Who may change anything: `holder` is an execution's ARN; each new holder has the next epoch."""

    holder: str
    redrives: int
    epoch: int
    released: bool
    quiet_until: float = 0.0
    """No change before this: a call of the holder before may still be in flight (seconds since 1970)."""
    ended: float = 0.0
    """When the last failover or failback ended (seconds since 1970): from then a trigger cools down."""
    purpose: Purpose = "move"
    """Of the run that holds it."""


@dataclass(frozen=True)
class Memory:
    """What `owner` overwrote on a resource, and will give back."""

    owner: str
    resource: str
    value: Any
    by: str = ""
    """The execution that took it away, or the last one that found it taken away and meant to."""
    confirmed_at: float = 0.0
    """When that execution has read it back as taken away (seconds since 1970). Noted only where one tick
    cannot read all."""

    def as_json(self) -> dict[str, Any]:
        more = {"confirmed_at": self.confirmed_at} if self.confirmed_at else {}
        return {"value": self.value, "by": self.by, **more}


@dataclass(frozen=True)
class Records:
    """All that the ledger holds of one application, read at once and strongly."""

    lease: Lease | None = None
    memories: tuple[Memory, ...] = ()
    debts: Mapping[str, Any] = field(default_factory=dict)
    begun: str = ""
    """The execution that was the last to send what moves data or customers."""
    accepted: Mapping[str, Any] = field(default_factory=dict)
    """By states, what was accepted through the customers' door, and when (seconds since 1970)."""
    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By names of theirs, what steps have kept for later ticks or runs."""
    found: Mapping[str, Any] = field(default_factory=dict)
    """By states, what they have found, and when (seconds since 1970)."""
    begun_at: float | None = NEVER
    """When it noted that, in seconds since 1970; None where it did not say."""
    given_up: str = ""
    """The execution that was the last to give up: it gives back what it took, and moves nothing any more."""
    given_up_at: float = 0.0
    """When it noted that, in seconds since 1970."""
    directive: Mapping[str, Any] = field(default_factory=dict)
    proposal: Mapping[str, Any] = field(default_factory=dict)
    decisions: Mapping[str, Any] = field(default_factory=dict)
    take_over: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)
    """By state, what AWS said last to a change that it did not make, and to which run."""
    said: Mapping[str, str] = field(default_factory=dict)
    """People's words by their items, as they are written: a new one counts only where they still stand."""

    def has_begun(self, execution: str, started: float) -> bool:
        """It may have sent what moves data or customers; not an execution of its name before it."""
        return is_about(self.begun, self.begun_at, execution, started)

    def has_given_up(self, execution: str, started: float) -> bool:
        """It has noted that it gives back what it took; not an execution of its name before it."""
        return bool(self.given_up) and is_about(self.given_up, self.given_up_at, execution, started)

    @property
    def way_noted_at(self) -> float | None:
        """When the last of the two was noted: that a run begins to move something, or that one gives up."""
        return self.given_up_at if self.given_up else self.begun_at

    def word_to(self, execution: str, started: float) -> Mapping[str, Any]:
        """What people have said to it, and not to an execution of its name before it; empty for nothing."""
        word = self.directive
        return word if is_about(word.get("execution", ""), word.get("at"), execution, started) else {}

    def has_accepted(self, state: str, execution: str, since: float) -> bool:
        """The customers' door has accepted what this state of the execution wrote, no earlier than that."""
        noted = self.accepted.get(state, {})
        return noted.get("execution") == execution and number(noted.get("at")) >= since

    def found_by(self, state: str, execution: str, started: float) -> Mapping[str, Any]:
        """What this state of the execution has noted last, and not of an execution of its name before; `at`
        says when (seconds since 1970). Empty for nothing."""
        noted: Mapping[str, Any] = self.found.get(state, {})
        about = is_about(noted.get("execution", ""), number(noted.get("at")), execution, started)
        return noted if about else {}

    def found_at(self, state: str) -> float | None:
        """When any execution has noted something for the state, in seconds since 1970; NEVER where none has,
        None where it did not say."""
        at = self.found[state].get("at") if state in self.found else NEVER
        return float(at) if type(at) in (int, float) else None

    def asks_to_lose(self, execution: str, started: float) -> bool:
        """A person has approved its plan as graceful, and none that it goes on as ungraceful. Where approvals
        are to be proved, no word of a loss is: only a plan that is approved as ungraceful counts."""
        mine = (execution, started, "approve")
        modes = [
            word.get("mode", "graceful")
            for word in self.decisions.values()
            if tuple(word.get(name) for name in ("execution", "started", "decision")) == mine
        ]
        if self.wants_proof(execution, started):
            return bool(modes) and self.proposal.get("mode") == "graceful"
        return bool(modes) and "ungraceful" not in modes

    def wants_proof(self, execution: str, started: float) -> bool:
        """The plan that it has proposed last is to be decided on by who proves who they are."""
        said = tuple(self.proposal.get(name) for name in ("execution", "started", "proof"))
        return said == (execution, started, PROVED)

    def decided(self, digest: str, execution: str, started: float) -> tuple[Mapping[str, Any], ...]:
        """What people have said to this plan of this execution, the first and then a second, and not to one
        whose name or hash is the same. Whatever counts for nothing is left out, with all behind it."""
        words, about = [], (digest, execution, started)
        for place in places(digest[:SHOWN]):
            word: Mapping[str, Any] = self.decisions.get(place, {})
            meant = tuple(word.get(name) for name in ("digest", "execution", "started"))
            if meant != about or word in words or is_refused(word, self.proposal):
                break
            words.append(word)
        return tuple(words)

    def declined(self, digest: str) -> bool:
        """A person has said no to what has this digest."""
        word: Mapping[str, Any] = self.decisions.get(digest[:SHOWN], {})
        return (word.get("digest"), word.get("decision")) == (digest, "decline")

    def last_answer(self, run: Run) -> str:
        """What AWS said to the last change of this state of this run; "" where it made that."""
        noted = self.answers.get(run.state, {})
        return str(noted.get("said", "")) if noted == _answered(run, noted.get("said")) else ""

    def noted(self, besides: str = "") -> tuple[str, ...]:
        """The items in which executions, but that one, have noted for their own states what was answered."""
        kinds = {"accepted": self.accepted, "answer": self.answers, "found": self.found}
        every = [(f"{kind}#{state}", noted[state]) for kind, noted in kinds.items() for state in noted]
        return tuple(item for item, body in every if not besides or body.get("execution") != besides)

    def remembered(self, resource: str) -> tuple[Memory, ...]:
        return tuple(memory for memory in self.memories if memory.resource == resource)


def _answered(run: Run, said: Any) -> dict[str, Any]:
    """As it is noted: of this run since it began or was redriven, and of no other."""
    return {"execution": run.execution, "started": run.started, "redrives": run.redrives, "said": said}


class Ledger:
    """The ledger of one application, through whichever replica answers."""

    def __init__(self, outside: Outside, application: str, table: str, regions: Sequence[str], near: str):
        self._outside = outside
        self._table = table
        self._application = application
        self._endpoints = _endpoints(tuple(regions), near)

    def read(self) -> Records:
        """One strongly consistent query, of 1 MB at a time; NotYet where no replica answers."""
        items: dict[str, str] = {}
        more: dict[str, Any] = {}
        while True:
            answer = self._told(
                KeyConditionExpression="application = :a",
                ExpressionAttributeValues={":a": {"S": self._application}},
                ConsistentRead=True,
                **more,
            )
            items |= _items(answer)
            if "LastEvaluatedKey" not in answer:
                return _records(tuple(sorted(items.items())))
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _told(self, **parameters: Any) -> Mapping[str, Any]:
        """The first answer that tells its items, of the replicas in their order."""
        for place in range(len(self._endpoints)):
            answer = self._ask(QUERY, self._endpoints[place:], **parameters) or {}
            if _tells(answer):
                return answer
        raise NotYet("the ledger's answer does not tell its items")

    def hold(self, lease: Lease, after: Lease | None) -> bool:
        """Takes or gives back the lease, unless another run was quicker than what we read."""
        body = dict(vars(lease))
        stamp = _stamp(after)
        if stamp is None:
            return self._put(LEASE, body, "attribute_not_exists(application)", _stamp(lease))
        return self._put(LEASE, body, "stamp = :stamp", _stamp(lease), {":stamp": {"S": stamp}})

    def begin(self, execution: str, records: Records, now: float) -> None:
        """Notes that the execution is about to send what moves data or customers. Raises NotYet where another
        tick or branch has noted since these records were read that it does so, or gives up."""
        if not self._note_begun(execution, records.way_noted_at, now):
            raise NotYet("another tick of this run begins to move something at this moment, or to give up")

    def give_up(self, execution: str, records: Records, now: float) -> None:
        """Notes that the execution is about to give back what it took, and moves nothing from here on. Raises
        NotYet where a tick that was delivered late has noted since these records were read that it does."""
        body = {"execution": records.begun, "at": records.begun_at, "given_up": execution, "given_up_at": now}
        if not self.note_after(BEGUN, body, records.way_noted_at, now):
            raise NotYet("another tick of this run begins to move something at this moment, or to give up")

    def not_begun(self, noted_at: float) -> None:
        """AWS has done nothing of what was sent since that note."""
        self._note_begun("", noted_at, 0.0)

    def _note_begun(self, execution: str, noted_at: float | None, now: float) -> bool:
        return self.note_after(BEGUN, {"execution": execution, "at": now}, noted_at, now)

    def note_after(self, item: str, body: Mapping[str, Any], noted_at: float | None, now: float) -> bool:
        """Where what was noted then is the last word in the ledger; NEVER for nothing, None for whatever."""
        stamp = f"{now:.6f}"
        if noted_at is None:
            return self._put(item, body, stamp=stamp)
        if noted_at == NEVER:
            return self._put(item, body, "attribute_not_exists(application)", stamp)
        return self._put(item, body, "stamp = :stamp", stamp, {":stamp": {"S": f"{noted_at:.6f}"}})

    def say(self, item: str, word: Mapping[str, Any], records: Records) -> bool:
        """A person's word: not where another has been said since these records were read."""
        attribute, said = _attribute(item), records.said.get(item)
        if said is None:
            return self._put(item, word, f"attribute_not_exists({attribute})", attribute=attribute)
        return self._put(
            item, word, f"{attribute} = :said", values={":said": {"S": said}}, attribute=attribute
        )

    def write(self, item: str, body: Mapping[str, Any]) -> None:
        """Proposals, and what is renewed of memories and debts: the last write counts."""
        self._put(item, dict(body))

    def write_once(self, item: str, body: Mapping[str, Any]) -> None:
        """Memories and debts: the first write wins, or a repeated tick would remember its own fence."""
        self._put(item, dict(body), "attribute_not_exists(application)")

    def note_answer(self, run: Run, said: str) -> None:
        """What AWS said to a change. It is for people: where it cannot be noted, the run goes on."""
        with suppress(NotYet, Refused):
            self.write(f"answer#{run.state}", _answered(run, said))

    def erase(self, item: str) -> None:
        self._ask(DELETE, Key={"application": {"S": self._application}, "item": {"S": item}})

    def _put(
        self,
        item: str,
        body: Mapping[str, Any],
        condition: str | None = None,
        stamp: str | None = None,
        values: Mapping[str, Any] | None = None,
        attribute: str = BODY,
    ) -> bool:
        row = {
            "application": {"S": self._application},
            "item": {"S": item},
            attribute: {"S": json.dumps(body, sort_keys=True)},
        }
        more: dict[str, Any] = {}
        if stamp is not None:
            row["stamp"] = {"S": stamp}
        if condition is not None:
            more["ConditionExpression"] = condition
        if values is not None:
            more["ExpressionAttributeValues"] = values
        return self._ask(PUT, Item=row, **more) is not None

    def _ask(self, api: Api, through: Sequence[Endpoint] = (), **parameters: Any) -> Mapping[str, Any] | None:
        """None where the condition did not hold; a lost answer is NotYet, and the next tick reads."""
        call = Call(api, tuple(through) or self._endpoints, {"TableName": self._table, **parameters})
        reply = self._outside.reply(call, busy=CONTENDED)
        if isinstance(reply, Silence):
            raise NotYet(f"the ledger did not answer in any of its Regions: {reply.why}")
        if isinstance(reply, Mapping):
            return reply
        if reply.code == LOST_RACE:
            return None
        why = reply.message if isinstance(reply, Denied) else "absent"
        raise Refused(f"the ledger {self._table} refused {call}: {reply.code}: {why}")


def _tells(answer: Mapping[str, Any]) -> bool:
    """No item is missing in it."""
    rows = answer.get("Items")
    return rows is not None and all("S" in row.get("item", {}) for row in rows)


def _items(answer: Mapping[str, Any]) -> dict[str, str]:
    """What a page of it says, by its items."""
    texts = ((row["item"]["S"], written_in(row)) for row in answer["Items"])
    return {item: text for item, text in texts if text is not None}


def places(plan: str) -> tuple[str, str]:
    """Under which a first and a second person's decisions on the plan of this hash stand."""
    return plan, f"{plan}#2"


def _attribute(item: str) -> str:
    """Where what an item says stands."""
    kind = item.partition("#")[0]
    return kind if kind in WORDS else BODY


def written_in(row: Mapping[str, Any]) -> str | None:
    """What a row of the table says; None where that is a person's word, and no person has written it."""
    attribute = _attribute(row["item"]["S"])
    text: str | None = row.get(attribute, {}).get("S", "" if attribute == BODY else None)
    return text


def is_ledgers(table: str, service: str, parameters: Mapping[str, Any]) -> bool:
    """Such a call is to the ledger in this table, and not to a table of the application."""
    return service == QUERY.service and parameters.get("TableName") == table


class Note(Protocol):
    """Something that a Change writes in the ledger before its calls go out."""

    def write_in(self, ledger: Ledger) -> None: ...


@dataclass(frozen=True)
class Remember:
    """What a fence is about to overwrite."""

    memory: Memory

    def write_in(self, ledger: Ledger) -> None:
        ledger.write_once(_item(self.memory), self.memory.as_json())


@dataclass(frozen=True)
class Adopt:
    """What a run before has left fenced is this run's now, or it has confirmed it. The value is as read."""

    memory: Memory

    def write_in(self, ledger: Ledger) -> None:
        ledger.write(_item(self.memory), self.memory.as_json())


@dataclass(frozen=True)
class Forget:
    """What has been given back, as read; or what the other owner will give back."""

    memory: Memory

    def write_in(self, ledger: Ledger) -> None:
        ledger.erase(_item(self.memory))


@dataclass(frozen=True)
class Owe:
    """A debt, tried until it is paid: a fence that nobody confirmed, or that an undo could not give back."""

    resource: str
    why: str
    since: float
    by: str
    """The execution that owes it."""
    give_back: bool = False
    owner: Owner = "run"
    """Of what is to be given back."""

    def write_in(self, ledger: Ledger) -> None:
        item, body = f"debt#{self.resource}", {"why": self.why, "since": self.since, "by": self.by}
        if self.give_back:  # whatever was owed before: it is not wanted any more
            owner = {} if self.owner == "run" else {"owner": self.owner}
            ledger.write(item, {**body, "give_back": True, **owner})
        else:
            ledger.write_once(item, body)


def debtor(debt: Mapping[str, Any]) -> Owner:
    """Whose it is to give back."""
    return "outage" if debt.get("owner") == "outage" else "run"


@dataclass(frozen=True)
class Pay:
    """The fence is confirmed, or given back, at last."""

    resource: str

    def write_in(self, ledger: Ledger) -> None:
        ledger.erase(f"debt#{self.resource}")


@dataclass(frozen=True)
class Accept:
    """The customers' door has accepted what this state wrote: another write would be one more."""

    state: str
    execution: str
    at: float
    """In seconds since 1970."""

    def write_in(self, ledger: Ledger) -> None:
        ledger.write(f"accepted#{self.state}", {"execution": self.execution, "at": self.at})


@dataclass(frozen=True)
class Keep:
    """What a later tick or run of the step must know. `once`: what was kept first stays."""

    name: str
    body: Mapping[str, Any]
    once: bool = False

    def write_in(self, ledger: Ledger) -> None:
        (ledger.write_once if self.once else ledger.write)(f"kept#{self.name}", self.body)


@dataclass(frozen=True)
class Drop:
    """Nobody needs to know it any more."""

    name: str

    def write_in(self, ledger: Ledger) -> None:
        ledger.erase(f"kept#{self.name}")


@dataclass(frozen=True)
class Erase:
    """What an execution has noted for its own states, once it is over: no other looks at it."""

    item: str

    def write_in(self, ledger: Ledger) -> None:
        ledger.erase(self.item)


@dataclass(frozen=True)
class Find:
    """What this state has found, or begun, for its later ticks."""

    state: str
    execution: str
    at: float
    """In seconds since 1970."""
    facts: Mapping[str, Any]

    def write_in(self, ledger: Ledger) -> None:
        ledger.write(f"found#{self.state}", {**self.facts, "execution": self.execution, "at": self.at})


@dataclass(frozen=True)
class Claim:
    """As `Find`, of what must be sent once. NotYet where another tick has noted something for the state since
    these records were read: it may be sending."""

    state: str
    execution: str
    at: float
    """In seconds since 1970."""
    facts: Mapping[str, Any]
    after: float | None
    """`found_at` of these records."""

    def write_in(self, ledger: Ledger) -> None:
        body = {**self.facts, "execution": self.execution, "at": self.at}
        if not ledger.note_after(f"found#{self.state}", body, self.after, self.at):
            raise NotYet("another tick of this state is at work at this moment")


@dataclass(frozen=True)
class Propose:
    """A plan for a person to decide on, under its hash."""

    hash: str
    """The beginning of the digest, for people."""
    digest: str
    """What a decision is about, with the execution and its start: a few characters are no authority."""
    execution: str
    started: float
    mode: Mode
    plan: Any
    at: float
    """When this plan was first proposed, in seconds since 1970."""
    paged_at: float = 0.0
    """When a person was last paged."""
    proof: str = ""
    """What the runbook asks of whoever decides."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """The last decision that counted for nothing, and why: another may be written in its place."""
    approvers: int = 1
    """How many people must have approved it."""
    approved: Mapping[str, str] = field(default_factory=dict)
    """Who has made approvals that are not enough yet, by their marks, as was proved when STS was asked."""

    def write_in(self, ledger: Ledger) -> None:
        ledger.write("proposal", vars(self))


@dataclass(frozen=True)
class Hold:
    """The lease has another holder, or none, unless it has changed since it was read."""

    lease: Lease
    after: Lease | None

    def write_in(self, ledger: Ledger) -> None:
        ledger.hold(self.lease, self.after)


@functools.lru_cache(maxsize=64)
def _body(text: str) -> Mapping[str, Any] | None:
    """None of what no version of Farshore has written. Ticks read the same bodies again and again, and what
    was read is never changed."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


@functools.lru_cache(maxsize=8)
def _records(texts: tuple[tuple[str, str], ...]) -> Records:
    """Of the items and their bodies, in order; kept like those. What another version has added is left alone.

    Raises Refused where the lease, a memory or who has begun is not to be read: without these nothing may be
    changed. Whatever else is odd is as if it were not there.
    """
    items = {item: _body(text) or {} for item, text in texts}
    memories, debts, decisions, accepted, answers, kept, found = [], {}, {}, {}, {}, {}, {}
    for item, body in items.items():
        kind, _, rest = item.partition("#")
        if kind == "memory":
            owner, _, resource = rest.partition("#")
            _demand(written.MEMORY, item, body)
            by, at = body.get("by", ""), number(body.get("confirmed_at"))
            memories.append(Memory(owner, resource, body["value"], by, at))
        elif kind == "debt":
            debts[rest] = written.DEBT.read(body)
        elif kind == "decision":
            decisions[rest] = written.DECISION.read(body)
        elif kind == "accepted":
            accepted[rest] = body
        elif kind == "kept":
            kept[rest] = body
        elif kind == "answer":
            answers[rest] = body
        elif kind == "found":
            found[rest] = body
    begun = items.get(BEGUN, {"execution": "", "at": NEVER})
    _demand(written.BEGUN, BEGUN, begun)
    return Records(
        lease=_lease(items[LEASE]) if LEASE in items else None,
        memories=tuple(memories),
        debts=debts,
        accepted=accepted,
        kept=kept,
        found=found,
        begun=begun["execution"],
        begun_at=begun.get("at"),
        given_up=begun.get("given_up", ""),
        given_up_at=begun.get("given_up_at", 0.0),
        directive=written.DIRECTIVE.read(items.get("directive", {})),
        proposal=written.PROPOSAL.read(items.get("proposal", {})),
        decisions=decisions,
        take_over=written.TAKE_OVER.read(items.get("take_over", {})),
        answers=answers,
        said={item: text for item, text in texts if item.partition("#")[0] in WORDS},
    )


def _lease(body: Mapping[str, Any]) -> Lease:
    _demand(written.LEASE, LEASE, body)
    return Lease(**{field.name: body[field.name] for field in fields(Lease) if field.name in body})


def number(given: Any) -> float:
    """0 for what is none: anybody may have written it."""
    return float(given) if written.is_number(given) else 0.0


def _demand(form: written.Form, item: str, body: Mapping[str, Any]) -> None:
    if flaw := form.flaw(body):
        raise Refused(f"the ledger's item {item} {flaw}: no version of Farshore wrote that; correct it")


def _item(memory: Memory) -> str:
    return f"memory#{memory.owner}#{memory.resource}"


def _stamp(lease: Lease | None) -> str | None:
    return None if lease is None else f"{lease.epoch}/{lease.released}"


@functools.cache
def _endpoints(regions: tuple[str, ...], near: str) -> tuple[Endpoint, ...]:
    """The replicas, nearest first."""
    nearest = sorted(regions, key=lambda region: (region != near, _far(region, near)))
    return tuple(Endpoint(region) for region in nearest)


def _far(region: str, near: str) -> tuple[bool, str]:
    """us-west-2 is nearer to us-west-1 than us-east-2 is: compare the parts of the name."""
    return region.split("-")[:2] != near.split("-")[:2], region
