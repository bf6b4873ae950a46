"""Show and change settings.

list (the default) prints every setting, its value and where the value comes from: the environment,
config.toml in the store, or the default, in this order. get prints one value; set and unset edit
config.toml. Settings are read when iai starts, so restart it to apply a change.

example: iai config set refresh_min_s 30
"""

import importlib
import os
from argparse import ArgumentParser, Namespace
from typing import Any

from iai.admin import config_edits
from iai.cli import options
from iai.cli.output import print_json
from iai.config import config_file
from iai.config.layout import Layout
from iai.config.settings import (
    Resolved,
    Settings,
    Source,
    resolve,
    shown,
)
from iai.errors import BadUsage
from iai.process.client import Client

_WORDS = {"list": 0, "get": 1, "set": 2, "unset": 1}  # how many arguments follow


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=tuple(_WORDS), nargs="?", default="list")
    parser.add_argument("name", nargs="?", help="a setting from `iai config list`")
    parser.add_argument("value", nargs="?", help="its new value")
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    given = [word for word in (args.name, args.value) if word is not None]
    if len(given) != _WORDS[args.action]:
        names = ("", " NAME", " NAME VALUE")[_WORDS[args.action]]
        raise BadUsage(f"usage: iai config {args.action}{names}")
    if args.action == "set":
        if args.name == "embedder":  # it would only fail at the next start
            importlib.import_module("iai.embedders.registry").check(args.value)
        config_edits.put(layout.config, args.name, args.value)
    elif args.action == "unset":
        config_edits.drop(layout.config, args.name)
    found = _resolved(layout)
    if args.action != "list" and args.name not in found:
        raise BadUsage(f"unknown setting {args.name!r}; `iai config list` lists them")
    if args.json:
        documents = {name: _document(one) for name, one in found.items()}
        print_json(documents if args.action == "list" else documents[args.name])
    elif args.action == "list":
        print("\n".join(_table(found)))
    elif args.action == "get":
        print(shown(found[args.name].value))
    else:
        print(_outcome(found[args.name], layout))
    return 0


def _resolved(layout: Layout) -> dict[str, Resolved]:
    found, _ = resolve(os.environ, config_file.read(layout.config)[0])
    return {one.name: one for one in found}


def _document(one: Resolved) -> dict[str, Any]:
    return {
        "value": one.value,
        "source": one.source,
        "default": one.default,
        "unit": one.setting.unit,
        "variable": one.setting.variable,
        "meaning": one.setting.meaning,
    }


def _table(found: dict[str, Resolved]) -> list[str]:
    width = max(map(len, found))
    lines = []
    for one in found.values():
        default = "" if one.source is Source.DEFAULT else f", by default {_said(one.default)}"
        who = one.setting.variable if one.source is Source.ENVIRONMENT else one.source
        lines.append(f"{one.name:<{width}}  {_valued(one)} ({who}{default})")
        lines.append(f"{'':<{width}}  {one.setting.meaning}")
    return lines


def _valued(one: Resolved) -> str:
    """Return a value with its unit, if it has one."""
    return f"{_said(one.value)} {one.unit}".rstrip()


def _said(value: float | str) -> str:
    return shown(value) or "none"


def _outcome(one: Resolved, layout: Layout) -> str:
    """Say what the setting is now, and how to apply it."""
    text = f"{one.name} is {_valued(one)} ({one.source})"
    if one.source is Source.ENVIRONMENT:
        text += f"\n{one.setting.variable} is set in the environment and overrides config.toml"
    with Client(layout) as client:
        running = client.running()
    again = "\nrestart iai to apply this: `iai down`, then `iai up --detach`"
    return text + (again if running else "")
