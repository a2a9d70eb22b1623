"""Observations and calls as growing NumPy columns, from the wire's batches on."""
