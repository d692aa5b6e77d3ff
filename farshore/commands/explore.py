"""Run the runbook of APP under every fault at every call.

Exits 1 where a run was not safe, or did not get there.
"""

from ._exploring import explore_command as command

__all__ = ["command"]
