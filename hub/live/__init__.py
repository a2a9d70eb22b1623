"""What happens, as frames: made once for equal queries, merged for who is slow."""
