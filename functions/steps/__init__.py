"""One file a step type, and nothing else: its inputs, the calls that it declares, `observe` and `decide`.

They can be read in any order, after functions/step.py; website_config.py is the shortest that only looks.
"""
