"""How a tick ends without an outcome. Two errors carry all retry logic, and the class names are the state
machine's error names (Lambda's Python runtime reports `__name__`):

    NotYet     under way, busy, throttled, unanswered: ticked again
      Paused   a person said `pause`: ticked again, for an hour since it was said
    Refused    the world is not as the runbook says: a person must look
      Untouched  so, or aborted, before anything that undo could not give back was sent
    Aborted    a person said `abort`
"""

from __future__ import annotations


class NotYet(Exception):
    """Under way, busy, throttled or unanswered: the state machine's Retry ticks this step again."""


class Refused(Exception):
    """The world is not as the runbook says: trying again cannot help, a person must look."""


class Paused(NotYet):
    """A person said `pause`: its Retry is another than that of waiting, or a long pause would end the run."""


class Aborted(Exception):
    """A person said `abort`: before the first one-way step the fences are undone."""


class Untouched(Refused):
    """A step that moves data or customers gives up, and the run has not sent any such change: all that it
    took away can still be given back."""
