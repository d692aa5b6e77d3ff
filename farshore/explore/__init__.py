"""Exploration: the real runbook, machines and step code, under every single failure there is.

seed.py         what happens in one simulated run, in one word that can be told, kept and replayed
play.py         one such run, from the curtain to the verdict
trouble.py      how each kind of fault is done
verdict.py      what must hold when the run is over
cases.py        which runs there are: points, their classes, and what befalls them
exploration.py  all of them, on all cores, and the matrix that comes of it
story.py        one of them told in plain words, and made as short as it can be
"""
