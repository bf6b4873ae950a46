"""Which project a directory belongs to, also after it was moved, and which one a user names."""
