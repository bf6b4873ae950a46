"""The messages that actors exchange, their encoding, and what a behaviour must provide. Pure."""
