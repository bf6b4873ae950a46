"""What actors say to each other, how it is encoded, and what a behaviour has to offer. Pure."""
