"""Which files and identifiers a text names. Pure."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

_URL = re.compile(r"\w+://\S+")
_TOKEN = re.compile(r"[A-Za-z_.][\w./-]*\w")
_FILE = re.compile(r"[\w.-]{2,}\.[a-z][a-z0-9]{0,9}")
_IDENTIFIER = re.compile(r"[A-Za-z]\w*[a-z][A-Z]\w*|[A-Za-z]\w*_\w+")  # camelCase, snake_case
_BEFORE, _AFTER = r"(?<![\w.-])", r"(?![\w-]|\.\w)"


def names_in(text: str) -> set[str]:
    """Return the base names of files that a text mentions, and the identifiers."""
    return {name for token in _TOKEN.findall(_URL.sub(" ", text)) for name in _names(token)}


def base(path: str) -> str:
    """Return a path's last component."""
    return PurePosixPath(path).name


def suffix(path: str) -> str:
    """Return a path's last two components: enough to tell most files of one name apart."""
    return "/".join(PurePosixPath(path).parts[-2:])


def holds(text: str, name: str) -> bool:
    """Is this name in a text as a whole word? "config.go" is not in "app_config.go"."""
    return name in text and bool(re.search(f"{_BEFORE}{re.escape(name)}{_AFTER}", text))


def _names(token: str) -> Iterator[str]:
    last = base(token)
    if _FILE.fullmatch(last) and not last.startswith("."):
        yield last
        return
    yield from (part for part in last.split(".") if _IDENTIFIER.fullmatch(part))
