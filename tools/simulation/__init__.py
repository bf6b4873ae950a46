"""The group without processes: a seeded scheduler, virtual time, faults, and the invariants.

Several groups, with an engine in memory between them, are a team.
"""
