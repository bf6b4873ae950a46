"""What each session was given, as the hooks note it in `given/`.

A file in `session-start/given/` is named after a session and has a line for each time the session
was given something: the revision of the text (0 if it was the answer to a prompt, or the history of
a file), then the numbers of the records in it, if those are recorded. A second file, with `.files`
after the session, has the paths of the files whose history it was given, as JSON spells them.
"""

from iai.config.layout import Layout
from iai.model.ids import is_file_name
from iai.process.files import read_regular

_LONGEST = 1 << 20  # bytes read of a session's file


def delivered(layout: Layout, session: str) -> frozenset[int]:
    """Return the numbers of the records that a session is known to have been given."""
    numbers = (number for line in _lines(layout, session) for number in line[1:])
    return frozenset(int(number) for number in numbers if number.isdecimal())


def through(layout: Layout, session: str) -> int:
    """Return the revision through which a session was given everything; 0 if it was given none."""
    revisions = (line[0] for line in reversed(_lines(layout, session)))
    return next((int(one) for one in revisions if one.isdecimal() and int(one)), 0)


def _lines(layout: Layout, session: str) -> list[list[str]]:
    """Return the words of each line of a session's file."""
    if not is_file_name(session):
        return []
    try:
        data = read_regular(layout.deliveries / session, _LONGEST, follow=False)
        text = data.decode()
    except (OSError, UnicodeDecodeError):
        return []
    return [words for line in text.splitlines() if (words := line.split())]
