"""What agents sent, on disk before it is acknowledged, in one order for everybody."""
