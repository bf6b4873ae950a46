"""The real group under work and faults: who asks it for what, what goes wrong, what must hold."""
