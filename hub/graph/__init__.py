"""Nodes and edges by number, and what is counted on them."""
