"""Why the session-start payload is never stale: when to write it, what is in it, where it lies."""
