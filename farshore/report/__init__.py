"""A report for people, made from the JSON of one: a page that needs nothing beside it, and a few lines for a
channel. What they show is what the JSON says, and nothing else.

`page.py` and `summary.py` read it, the templates lay it out. In pictures one unit is one second, so that each
number in them is one of the JSON.
"""
