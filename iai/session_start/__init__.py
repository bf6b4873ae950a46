"""Reads from disk what a payload is made from: its files, pending turns, what is new."""
