"""Encryption at rest: the cipher that entries and files are sealed with, and where its keys are."""
