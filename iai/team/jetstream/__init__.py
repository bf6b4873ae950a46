"""The port of `iai.team.stream` on NATS JetStream. Only this imports `nats-py`, an extra."""
