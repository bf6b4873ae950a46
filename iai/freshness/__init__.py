"""Whether to write the payload now, and why or why not. Pure."""
