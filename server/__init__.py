"""The gRPC service: `synthaug serve`. Installed as ``synthaug_server``."""
