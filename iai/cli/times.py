"""The options --since and --until."""

from argparse import ArgumentParser

FORMS = "this time (ISO 8601, UTC by default) or this long ago: 90s, 2h, 3d"


def add_period(parser: ArgumentParser) -> None:
    """Declare them. `units.period` reads their values."""
    parser.add_argument("--since", default="", metavar="T", help=f"not before {FORMS}")
    parser.add_argument("--until", default="", metavar="T", help="before this time")
