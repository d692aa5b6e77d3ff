"""The Lambda package: what a step is, the tick that carries one out, and in steps/ one file a step type.

Read calls.py, run.py, ledger.py and world.py, then step.py, tick.py and handler.py, then any step; fence.py
and aurora_global.py hold what several steps share.
"""
