"""What happens to a single call, in the twin, between a step and what it calls."""

from __future__ import annotations

from ..data import Baseline, RecordedCall
from .kind import Family, FaultKind

ODD = Family(
    "odd",
    "AWS's answer lacks all that may be left out, or the step's own code makes a mistake after the call",
)
LOST = Family("lost", "the call is lost before AWS has it, or its answer after AWS has done it")
BUSY = Family("throttled, 5xx", "it is throttled, or answered 500 or 503")
REFUSED = Family(
    "denied",
    "AWS denies it: the run ends and names the call, or rides it out; and repaired by a person it ends well",
)
STALE = Family("stale", "it is answered as before the last change (where there was one)")
SLOW = Family("slow", "it takes longer than anybody waits, and is done then")
REVERTED = Family("reverted", "it is acknowledged, and somebody else (a pipeline) takes it back at once")

DENIED = "AWS says no to a call that the run needs: it ends and names the call"


def any_call(baseline: Baseline, call: RecordedCall) -> bool:
    return True


lost_before = FaultKind(
    word="lost_before",
    family=LOST,
    sentence="is lost on its way: AWS never has it",
    at_a_point=True,
    at_call=any_call,
    apart="reply",
    to_the_call="lost_before",
    reaches_aws=False,
    passes=True,
)
lost_after = FaultKind(
    word="lost_after",
    family=LOST,
    sentence="is done by AWS, and the answer is lost",
    at_a_point=True,
    at_call=any_call,
    apart="reply",
    to_the_call="lost_after",
    passes=True,
)
throttled = FaultKind(
    word="throttled",
    family=BUSY,
    sentence="is throttled",
    at_a_point=True,
    at_call=any_call,
    apart="reply",
    to_the_call="throttled",
    reaches_aws=False,
    passes=True,
)
broken = FaultKind(
    word="500",
    family=BUSY,
    sentence="is answered 500",
    at_a_point=True,
    at_call=any_call,
    apart="reply",
    to_the_call="500",
    reaches_aws=False,
    passes=True,
)
unavailable = FaultKind(
    word="503",
    family=BUSY,
    sentence="is answered 503",
    at_a_point=True,
    at_call=any_call,
    apart="reply",
    to_the_call="503",
    reaches_aws=False,
    passes=True,
)
denied = FaultKind(
    word="denied",
    family=REFUSED,
    sentence="is denied",
    at_a_point=True,
    at_call=any_call,
    to_the_call="denied",
    reaches_aws=False,
    denies=True,
    excuses=lambda fault, terms: DENIED,
)
expired = FaultKind(
    word="expired",
    family=REFUSED,
    sentence="is refused, since the session has ended that signed it",
    at_a_point=True,
    at_call=lambda baseline, call: call.by_a_role,
    to_the_call="expired",
    reaches_aws=False,
    passes=True,
)
stale = FaultKind(
    word="stale",
    family=STALE,
    sentence="is answered as before the last change",
    at_a_point=True,
    at_call=lambda baseline, call: call.answered_before,
    to_the_call="stale",
)
hollow = FaultKind(
    word="hollow",
    family=ODD,
    sentence="is answered without any member that may be left out",
    at_a_point=True,
    at_call=lambda baseline, call: call.may_be_hollow,
    to_the_call="hollow",
    passes=True,
)
slow = FaultKind(
    word="slow",
    family=SLOW,
    sentence="takes longer than anybody waits, and is done then",
    at_a_point=True,
    at_call=any_call,
    apart="reply",
    to_the_call="slow",
    passes=True,
)
reverted = FaultKind(
    word="reverted",
    family=REVERTED,
    sentence="is acknowledged, and taken back at once by somebody else",
    at_a_point=True,
    at_call=lambda baseline, call: call.changes,
    to_the_call="reverted",
)
