"""The options by which a command is limited to a period."""

from argparse import ArgumentParser

FORMS = "a time (ISO 8601, UTC unless it says otherwise), or how long ago: 90s, 2h, 3d"


def add_period(parser: ArgumentParser) -> None:
    """Declare the options whose values `period` reads."""
    parser.add_argument("--since", default="", metavar="T", help=f"not before {FORMS}")
    parser.add_argument("--until", default="", metavar="T", help="before such a time")
