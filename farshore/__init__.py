"""The command line, in rooms that each know only those below: from what operators write to what survives.

Read runbook/, compile/, lint/ and operate/, then checkers/, simulate/ and explore/; commands/ has a file a
verb.
"""
