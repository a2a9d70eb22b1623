"""The servers beneath HTTP and gRPC."""
