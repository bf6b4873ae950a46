"""What the next session starts with: which records, in which words, within which limits. Pure."""
