"""What must always hold, a file an invariant: rehearsals and explorations run the same checkers.

A checker is fed with events, and calls back with a breach. Read checker.py, events.py and final_state.py,
then any invariant; checkers.py feeds all of them. Adding an invariant is adding a file here that has a class
which derives from `Checker`, and its test.
"""
