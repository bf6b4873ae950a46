"""Whether the payload is written now, and why or why not. Pure."""
