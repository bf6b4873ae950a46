"""The coding agents whose sessions are remembered: one module for each host's formats."""
