"""Agents' streams: checked, decoded, committed, acknowledged."""
