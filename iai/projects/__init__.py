"""Which project a directory belongs to, even after a move, and which one a user names."""
