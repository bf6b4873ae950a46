"""Where a message is in what its machine publishes of a project.

One revision of the records can take several messages: a position is a revision and a part.
"""

_PARTS = 1 << 12  # of one revision, at most


def position(revision: int, part: int = 0) -> int:
    """Return the position of a part of a revision; parts beyond the last number share it."""
    return revision * _PARTS + min(part, _PARTS - 1)


def end_of(revision: int) -> int:
    """Return the last position of a revision."""
    return position(revision, _PARTS)


def revision_of(position: int) -> int:
    """Return the revision that a position belongs to."""
    return position // _PARTS
