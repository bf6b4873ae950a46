"""The argument that names a record, the same in every command."""

from argparse import ArgumentParser, Namespace

from iai.errors import BadUsage

NAMED = "its id, N, or '#N' in quotes"
_UNQUOTED = "give a record's number, like 41 or '#41': in a shell, an unquoted # starts a comment"


def add(parser: ArgumentParser) -> None:
    """Declare it as `ref`."""
    parser.add_argument("ref", nargs="?", help=f"the record: {NAMED}")


def add_several(parser: ArgumentParser) -> None:
    """Declare several of them as `refs`."""
    parser.add_argument("refs", nargs="*", metavar="ref", help=f"a record: {NAMED}")


def one(args: Namespace) -> str:
    """Return the record that was named. Raises BadUsage without one: a shell may have cut it."""
    if not args.ref:
        raise BadUsage(_UNQUOTED)
    return str(args.ref)


def several(args: Namespace) -> tuple[str, ...]:
    """Return the records that were named. Raises BadUsage without one."""
    if not args.refs:
        raise BadUsage(_UNQUOTED)
    return tuple(args.refs)
