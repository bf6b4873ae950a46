"""The processes: one file for each, the loop that they share, and their supervisor."""
