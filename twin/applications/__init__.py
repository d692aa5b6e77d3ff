"""A folder an application, found by the name in its runbook, and what all of them are built on.

Read foundation.py and account.py, then an application's application.py and contract.py.
"""
