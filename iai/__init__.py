"""A local memory for coding agents. Importing this package starts nothing and opens nothing."""

__version__ = "0.1.0"
