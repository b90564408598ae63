"""The HTTP API on a real server, and as its document tells of it."""
