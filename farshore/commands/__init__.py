"""The verbs of `farshore`, a file each, found by their names; files that begin with `_` hold what they share.

They can be read in any order, after farshore/cli.py.
"""
