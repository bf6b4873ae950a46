"""Every setting, declared once; read from the environment once, in a `main`, and passed on."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints

from msgspec import Struct


class Setting(NamedTuple):
    """How a field of `Settings` is written in the environment."""

    variable: str
    unit: str
    meaning: str
    minimum: float = 0.0


def _seconds(variable: str, meaning: str, minimum: float = 0.0) -> Setting:
    return Setting(variable, "seconds", meaning, minimum)


class Settings(Struct, frozen=True, kw_only=True):
    """What the user may set. Times are in seconds."""

    store: Annotated[
        Path, Setting("IAI_MCP_STORE", "directory", "where everything that iai keeps lies")
    ]
    refresh_min_s: Annotated[
        float,
        _seconds(
            "IAI_MCP_SESSION_CACHE_REFRESH_MIN_SEC",
            "least time between two refreshes of the session-start payload",
        ),
    ] = 60.0
    max_age_s: Annotated[
        float,
        _seconds(
            "IAI_MCP_SESSION_CACHE_MAX_AGE_SEC",
            "oldest payload file that the hook prints; an older one is composed anew; 0: any age",
        ),
    ] = 43_200.0
    payload_projects: Annotated[
        int,
        Setting(
            "IAI_MCP_SESSION_CACHE_PROJECTS",
            "projects",
            "most recently active projects that have a payload file ready",
            1,
        ),
    ] = 16
    tick_s: Annotated[
        float, _seconds("IAI_MCP_TICK_SEC", "time between two lifecycle ticks", 0.05)
    ] = 5.0
    drowsy_after_s: Annotated[
        float, _seconds("IAI_MCP_DROWSY_AFTER_SEC", "idle time from WAKE to DROWSY")
    ] = 300.0
    sleep_after_s: Annotated[
        float, _seconds("IAI_MCP_SLEEP_AFTER_SEC", "idle time until SLEEP")
    ] = 1_800.0
    hibernate_after_s: Annotated[
        float, _seconds("IAI_MCP_HIBERNATE_AFTER_SEC", "idle time until HIBERNATION")
    ] = 7_200.0
    hang_after_s: Annotated[
        float,
        _seconds("IAI_MCP_HANG_AFTER_SEC", "a loop that stands still for so long is ended", 1.0),
    ] = 15.0
    embedder: Annotated[
        str,
        Setting(
            "IAI_MCP_EMBEDDER",
            "name",
            "what makes the vectors: `static`, `minilm` (an extra), or the absolute path of a"
            " model2vec model",
        ),
    ] = "static"
    ledger_days: Annotated[
        int, Setting("IAI_MCP_LEDGER_DAYS", "days", "how long the ledger keeps its events", 1)
    ] = 30


def declared() -> dict[str, Setting]:
    """Map each field of `Settings` to its declaration, in the order of the declarations."""
    hints = get_type_hints(Settings, include_extras=True)
    return {field: hint.__metadata__[0] for field, hint in hints.items()}


def from_environment(environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Read the settings; a value that cannot be used becomes the default and one warning."""
    given: dict[str, Any] = {}
    warnings: list[str] = []
    types = get_type_hints(Settings)
    for field, setting in declared().items():
        text = environment.get(setting.variable, "").strip()
        if field == "store" or not text:
            continue
        if types[field] is str:
            given[field] = text
            continue
        try:
            given[field] = _number(text, types[field], setting.minimum)
        except ValueError as error:
            default = getattr(_DEFAULTS, field)
            warnings.append(f"{setting.variable}={text!r} {error}; using {default:g}")
    return Settings(store=store_directory(environment), **given), warnings


def store_directory(environment: Mapping[str, str]) -> Path:
    """`$IAI_MCP_STORE`, or `~/.iai-mcp`; always absolute."""
    chosen = environment.get("IAI_MCP_STORE", "").strip()
    home = environment.get("HOME", "") or "~"
    return Path(chosen).expanduser().absolute() if chosen else Path(home).expanduser() / ".iai-mcp"


def _number(text: str, kind: type, minimum: float) -> float | int:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("is not a number") from None
    if not math.isfinite(value) or value < minimum:
        raise ValueError(f"is not a number of at least {minimum:g}")
    return int(value) if kind is int else value


_DEFAULTS = Settings(store=Path())
