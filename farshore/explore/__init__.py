"""Exploration: the real runbook, machines and step code, under every single failure there is.

seed.py, syntax.py   what happens in one simulated run, as one word, and that word read
data.py              what is passed around: recorded calls, baseline runs, fault cases, outcomes
kinds/               every kind of fault: its word, where it applies, what it does, what a run may come to
points.py, cases.py  where a baseline run can be met, and all runs that come of that
declared.py          what is asked of calls and Regions, and where that is declared
person.py            who approves, stops, redrives and repairs
site.py, injector.py where a seed's faults are injected, and what makes them happen
circumstances.py     what they do to the run, and so what may be asked of it
recorder.py          records a baseline run's calls, and with replies.py the replies to each under faults
forks.py, seam.py    at each call: recorded, forked into one process a fault, injected
driver.py            one run, from before its beginning to after its end
exploration.py       all of them, on all cores
counts.py, matrix.py what survived: counted, and as tables
story.py, shrink.py  one of them described in plain words, and made as short as it can be
"""
