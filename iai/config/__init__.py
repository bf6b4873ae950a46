"""The settings with their defaults, the path of each file, and which process may open it."""
