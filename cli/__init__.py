"""The `hopwatch` command: reads a hub over gRPC, and makes a hub's data of recorded logs.

`problems ← settings ← connection ← requests, calls ← output ← commands ← __main__`, one way.
"""
