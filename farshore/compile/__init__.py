"""From a runbook to what is deployed: state machines, the template's derived part, schema, docs, events.

Read states.py, procedure.py, undo.py and parallel.py, then machine.py and its proof.py; policy.py and
template.py derive what is around a machine, refusals.py what AWS would not take, compilation.py the files.
"""
