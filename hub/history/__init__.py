"""What is kept for longer than memory: sealed calls, rollups, topologies."""
