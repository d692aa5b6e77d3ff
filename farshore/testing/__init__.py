"""What tests of runbooks and steps stand on: the twin of a runbook, and single ticks of a step.

An installed Farshore gives pytest its fixtures (plugin.py); docs/testing.md shows them.
"""
