"""The group without processes: a seeded scheduler, virtual time, faults, and the invariants."""
