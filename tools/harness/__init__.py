"""What tests and benchmarks share: a real group, hosts that call its hooks, invented sessions."""
