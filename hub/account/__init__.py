"""How far each server's stream is, and what became of every line."""
