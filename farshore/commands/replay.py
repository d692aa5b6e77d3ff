"""Describe runs that `explore` made, event by event.

Copy their seeds from there. Exits 1 where one of them is not safe, or does not get there.
"""

from ._exploring import replay_command as command

__all__ = ["command"]
