"""The twin of a runbook's application with Farshore deployed beside it, and the game day rehearsed in it.

Read package.py and deployment.py, then simulation.py, tally.py and final.py, then rehearsal.py with
report.py; view.py shows it on a terminal, fingerprint.py says where a run stands.
"""
