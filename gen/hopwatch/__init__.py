"""What the agent and the hub share: the version and the generated protocol."""

__version__ = "0.1.0"
