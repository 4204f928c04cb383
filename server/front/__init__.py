"""The front: gRPC calls in, answers out; checks and refuses, computes nothing."""
