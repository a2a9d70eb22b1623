"""Runs the mock servers without Docker: `python -m servers.runner demo`.

One way through it: plan (addresses as data) ← configurations (text) ← namespaces, processes,
traffic (the parts that touch the machine) ← demo (what is started when) ← __main__ (commands).
"""
