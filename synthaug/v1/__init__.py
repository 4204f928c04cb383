"""Messages and stubs of the service, made by protos/generate.py; nothing here is edited."""
