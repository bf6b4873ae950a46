"""The options --project and --by: whose work, and where."""

from argparse import ArgumentParser


def add_project(parser: ArgumentParser) -> None:
    """Declare it. `iai.projects.lookup` reads its value."""
    parser.add_argument("--project", default="", help="only this project: a path, a name or an id")


def add_by(parser: ArgumentParser) -> None:
    """Declare it. `iai.recall.named_person` reads its value."""
    parser.add_argument(
        "--by",
        default="",
        metavar="NAME",
        help="only of this person or machine of the team; `me`: only of yours",
    )
