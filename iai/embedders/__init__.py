"""Turning text into vectors: one small interface, and an implementation in each module."""
