"""Rows and records in the words of the API."""
