"""JSON output of commands."""

import json
import sys
from typing import Any

import msgspec


def print_json(value: Any, *, line: bool = False) -> None:
    """Print one JSON document; on a single line if it is one of many."""
    plain = msgspec.to_builtins(value)
    indent = 2 if sys.stdout.isatty() and not line else None
    json.dump(plain, sys.stdout, ensure_ascii=False, indent=indent)
    print()
