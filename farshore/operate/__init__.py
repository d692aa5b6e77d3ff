"""What a person does to runs, in an account or in the twin: start, look, decide, direct, redrive, plan.

Read runs.py and history.py (what Step Functions knows of a run), operator.py (what a person does), then
plan.py; render.py and aws_cli.py say it on a terminal.
"""
