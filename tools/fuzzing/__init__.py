"""Fuzzing: whatever reads bytes from outside gets broken ones, and must refuse them in words."""
