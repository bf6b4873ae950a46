"""The formats of each host: a line of a transcript in, a turn or the reason for none out. Pure."""
