"""What a person may be permitted, each by itself: the calls that the commands make, and what they write.

    look      status, report, plan
    start     start; with --take-over it writes the word of `operate`
    approve   approve, decline
    direct    pause, resume, skip, ungraceful, override, abort
    operate   redrive, and the word that a holder is dead; what a word has stopped takes `direct` besides
    reconcile reconcile, where the runbook names tables

Steps' roles write only the ledger's notes; a person's word stands in an attribute of its kind, so that a
policy can tell who may say which. To ask who one is needs no permission.
"""

from __future__ import annotations

from functions.ledger import NOTES, WORDS

from ..compile.people import Permission
from .operator import REDRIVE, START
from .reconcile import DELETE, PUT
from .runs import DEFINITION, DESCRIBE, HISTORY, LIST, MACHINE
from .tables import READS

DECISION, DIRECTIVE, TAKE_OVER = WORDS

PERMISSIONS = (
    Permission(
        "look",
        "see runs, the ledger and plans, and change nothing",
        of_machines=(LIST,),
        of_runs=(DESCRIBE, HISTORY, DEFINITION),
        plans=True,
    ),
    Permission("start", "start a run", of_machines=(MACHINE, START), of_runs=(DESCRIBE,)),
    Permission("approve", "approve or decline a plan", of_runs=(DESCRIBE,), writes=(DECISION,)),
    Permission(
        "direct",
        "pause, resume, skip, abort or make ungraceful a run under way, or override rules in it",
        of_runs=(DESCRIBE, HISTORY, DEFINITION),
        writes=(DIRECTIVE,),
    ),
    Permission(
        "operate",
        "redrive a run, and say that a holder of the lease is dead",
        of_runs=(DESCRIBE, HISTORY, DEFINITION, REDRIVE),
        plans=True,
        writes=(*NOTES, TAKE_OVER),
    ),
    Permission(
        "reconcile",
        "compare the application's tables, and put items of one Region back into the other",
        of_runs=(DESCRIBE, HISTORY, DEFINITION),
        of_tables=(*READS, PUT, DELETE),
    ),
)
