"""A synthetic federation that reports to a real hub."""

import os

# Its handlers at a fork have ended processes that a benchmark starts beside its streams.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
