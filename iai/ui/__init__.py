"""The memory as a local web page: another thin client of the group, in a process of its own."""
