"""The arguments that several commands share: each is declared here, once."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TypeVar

from iai.errors import BadUsage

T = TypeVar("T")

_MOMENT = "this time (ISO 8601, UTC by default) or this long ago: 90s, 2h, 3d"
_REF = "its id, N, or '#N' in quotes"
_UNQUOTED = "give a record's number, like 41 or '#41': in a shell, an unquoted # starts a comment"


def add_ref(parser: ArgumentParser) -> None:
    """Declare one record, as `ref`: `ref_of` returns it."""
    parser.add_argument("ref", nargs="?", help=f"the record: {_REF}")


def add_refs(parser: ArgumentParser) -> None:
    """Declare several records, as `refs`: `refs_of` returns them."""
    parser.add_argument("refs", nargs="*", metavar="ref", help=f"a record: {_REF}")


def ref_of(args: Namespace) -> str:
    """Return the record that was named. Raises BadUsage without one: a shell may have cut it."""
    if not args.ref:
        raise BadUsage(_UNQUOTED)
    return str(args.ref)


def refs_of(args: Namespace) -> tuple[str, ...]:
    """Return the records that were named. Raises BadUsage without one."""
    if not args.refs:
        raise BadUsage(_UNQUOTED)
    return tuple(args.refs)


def add_project(parser: ArgumentParser) -> None:
    """Declare --project. `iai.projects.lookup` reads its value."""
    parser.add_argument("--project", default="", help="only this project: a path, a name or an id")


def add_session(parser: ArgumentParser) -> None:
    """Declare --session. `iai.recall.named_session` reads its value."""
    named = "only this session: its id, or '#N' for that of a record"
    parser.add_argument("--session", default="", metavar="ID", help=named)


def add_limit(parser: ArgumentParser, default: int, *also: str) -> None:
    """Declare --limit; `also` are other names for it."""
    limit = f"how many at most (default {default})"
    parser.add_argument(
        "--limit", *also, type=at_least_one, default=default, metavar="N", help=limit
    )


def add_latest(parser: ArgumentParser) -> None:
    """Declare --limit of a list that ends with the latest: `latest` applies it."""
    parser.add_argument("--limit", type=at_least_one, metavar="N", help="only the latest N")


def latest(found: list[T], args: Namespace) -> list[T]:
    """Return what --limit leaves of a list."""
    return found if args.limit is None else found[-args.limit :]


def add_by(parser: ArgumentParser) -> None:
    """Declare --by. `iai.recall.named_person` reads its value."""
    parser.add_argument(
        "--by",
        default="",
        metavar="NAME",
        help="only what this person, or this machine, of the team said; `me`: only you",
    )


def add_since(parser: ArgumentParser, default: str = "") -> None:
    """Declare --since. `units.moment` reads its value."""
    parser.add_argument("--since", default=default, metavar="T", help=f"not before {_MOMENT}")


def add_period(parser: ArgumentParser) -> None:
    """Declare --since and --until. `units.period` reads their values."""
    add_since(parser)
    parser.add_argument("--until", default="", metavar="T", help="before this time")


def add_json(parser: ArgumentParser) -> None:
    """Declare --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def at_least_one(given: str) -> int:
    """Return the value of an option that counts something."""
    try:
        number = int(given)
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f"{given}: give a number, at least 1")
    return number
