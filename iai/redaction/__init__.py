"""Which parts of a text are secrets, and the marks that take their place. Pure."""
