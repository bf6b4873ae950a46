"""Fuzzing: all that reads bytes from outside gets broken ones, and must say why it refuses them."""
