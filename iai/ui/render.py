"""From plain data to HTML. Everything is escaped, and loses what could reorder or hide a text."""

import re
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from iai.model import clock, units
from iai.model.printable import printable
from iai.recall.timeline import length
from iai.ui.sessions import title

HERE = Path(__file__).parent
STATIC = HERE / "static"
PAGES = {
    "now": "Now",
    "next": "Next session",
    "sessions": "Sessions",
    "search": "Search",
    "files": "Files",
    "map": "Map",
    "deliveries": "Deliveries",
    "health": "Health",
    "settings": "Settings",
}
WITHIN = {"session": "sessions"}  # pages that are reached from another one
_CODE = re.compile("`([^`]+)`")
LONGEST_RECORD = 200_000  # of the text of a page's own record


def environment() -> Environment:
    """Return the templates."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "when": units.when,
        "day": _day,
        "iso": clock.iso,
        "span": units.span,
        "excerpt": units.excerpt,
        "counted": _counted,
        "size": units.size,
        "kinds": units.kinds,
        "cut": _cut,
        "title_of": title,
        "length_of": length,
        "marked": _marked,
    }
    found.globals |= {
        "pages": PAGES,
        "within": WITHIN,
        "address": address,
        "longest": LONGEST_RECORD,
    }
    return found


def ago(wall: int) -> Any:
    """Return a filter for how long ago a time was at `wall`."""
    return partial(units.ago, wall=wall)


def address(page: str, **fields: object) -> str:
    """Return a relative address; fields that are empty are left out."""
    given = {name: str(value) for name, value in fields.items() if value not in ("", 0, None)}
    return f"{page}?{urlencode(given, errors='replace')}" if given else page


def _shown(value: Any) -> Any:
    """Return what an expression in a template shows. `Markup` is whole: only we make it."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _day(wall: int) -> str:
    return units.when(wall)[:16]


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _marked(text: str) -> Markup:
    """Return a text of iai's own, escaped like all, with what is in backquotes as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(printable(text)))))  # noqa: S704


def _cut(text: str, limit: int) -> str:
    """Return the beginning of a text, up to a space."""
    if len(text) <= limit:
        return text
    whole, space, _ = text[: limit + 1].rpartition(" ")
    return f"{whole if space else text[:limit]} ..."
