"""A runbook, from its YAML to the model that everything is derived from, or every mistake in it at once.

Read model.py and registry.py, then document.py, values.py and load.py; typed.py and wording.py walk declared
types, regions.py knows AWS's Regions, find.py finds a runbook by its application's name.
"""
