"""What the hub answers: HTTP, the gRPC read side, Prometheus."""
