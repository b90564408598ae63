"""The HTTP API over a service in memory, without a server."""
