"""The team: who is in it, its keys, what its messages are wrapped in, and its server."""
