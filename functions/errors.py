"""How a tick ends without an outcome. Two errors carry all retry logic, and the class names are the state
machine's error names (Lambda's Python runtime reports `__name__`):

    NotYet     under way, busy, throttled, unanswered: ticked again
      Paused   a person said `pause`: ticked again, for an hour since it was said
    Refused    the world is not as the runbook says: a person must look
      Untouched  so, or aborted, before anything that undo could not give back was sent
      AtWork   another run does already what this one was started for: it ends well
    Aborted    a person said `abort`
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class NotYet(Exception):
    """Under way, busy, throttled or unanswered: the state machine's Retry ticks this step again.

    `facts` are what the step has found meanwhile: log lines and metrics have them.
    """

    def __init__(self, why: str = "", facts: Mapping[str, Any] = MappingProxyType({})) -> None:
        super().__init__(why)
        self.facts = facts


class Refused(Exception):
    """The world is not as the runbook says: trying again cannot help, a person must look."""


class Paused(NotYet):
    """A person said `pause`: its Retry is another than that of waiting, or a long pause would end the run."""


class Aborted(Exception):
    """A person said `abort`: before the first one-way step the fences are undone."""


class Untouched(Refused):
    """A step that moves data or customers gives up, and the run has not sent any such change: all that it
    took away can still be given back."""


class AtWork(Refused):
    """Another run does already what this one was started for. Its machine ends well: nobody has to look."""


LAMBDA_FAULTS = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.ResourceConflictException",
    "Lambda.ResourceNotReadyException",
    "Lambda.CodeArtifactUserPendingException",
    "Lambda.EC2ThrottledException",
    "Lambda.EC2UnexpectedException",
    "Lambda.ENILimitReachedException",
    "Lambda.ENINotReadyException",
    "Lambda.SubnetIPAddressLimitReachedException",
    "Lambda.SnapStartNotReadyException",
    "Lambda.SnapStartTimeoutException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
]
"""A tick that ended without a word: it is ticked again. A function that was idle, or is being made ready, may
answer a little later. Sources: docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html,
docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""
