"""Every setting, declared once; read once, in a `main`, and passed down.

The environment overrides the store's `config.toml` (see `iai.config.config_file`), which overrides
the default.
"""

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints

from msgspec import Struct

from iai.redaction import user_rules

PAYLOAD_PLACES = ("file", "live")
HERES = ("user", "machine")


def _one_of(choices: tuple[str, ...], value: str) -> None:
    if value not in choices:
        raise ValueError(f"is not one of {', '.join(choices)}")


class Setting(NamedTuple):
    """The declaration of a field of `Settings`."""

    variable: str  # in the environment
    unit: str
    meaning: str
    minimum: float = 0.0
    maximum: float = math.inf
    check: Callable[[str], object] = str  # raises ValueError for a text that cannot be used


class Source(StrEnum):
    """Where the value of a setting comes from."""

    ENVIRONMENT = "environment"
    FILE = "config.toml"
    DEFAULT = "default"


def _seconds(variable: str, meaning: str, minimum: float = 0.0) -> Setting:
    return Setting(variable, "seconds", meaning, minimum)


class Settings(Struct, frozen=True, kw_only=True):
    """What the user can set. Times are in seconds."""

    store: Annotated[Path, Setting("IAI_MCP_STORE", "directory", "where iai stores everything")]
    refresh_min_s: Annotated[
        float,
        _seconds(
            "IAI_MCP_SESSION_CACHE_REFRESH_MIN_SEC",
            "minimum time between two rewrites of the session-start text",
        ),
    ] = 60.0
    max_age_s: Annotated[
        float,
        _seconds(
            "IAI_MCP_SESSION_CACHE_MAX_AGE_SEC",
            "oldest text that the hook prints; beyond that it composes a new one; 0: any age",
        ),
    ] = 43_200.0
    payload_projects: Annotated[
        int,
        Setting(
            "IAI_MCP_SESSION_CACHE_PROJECTS",
            "projects",
            "how many of the most recently active projects have their own text ready",
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
        _seconds("IAI_MCP_HANG_AFTER_SEC", "a process that hangs for this long is restarted", 1.0),
    ] = 15.0
    embedder: Annotated[
        str,
        Setting(
            "IAI_MCP_EMBEDDER",
            "name",
            "the embedder: `static`, `minilm` (an extra), or the absolute path of a"
            " model2vec model",
        ),
    ] = "static"
    ledger_days: Annotated[
        int, Setting("IAI_MCP_LEDGER_DAYS", "days", "how long the event log is kept", 1)
    ] = 30
    store_max_gb: Annotated[
        float,
        Setting(
            "IAI_MCP_STORE_MAX_GB",
            "GB",
            "how large the store may become; beyond that nothing new is stored; 0: any size",
        ),
    ] = 0.0
    elsewhere: Annotated[
        int,
        Setting(
            "IAI_MCP_ELSEWHERE",
            "",
            "1: a session also starts with the latest work in other projects; 0: never",
            maximum=1,
        ),
    ] = 1
    start_message: Annotated[
        int,
        Setting(
            "IAI_MCP_START_MESSAGE",
            "",
            "1: Claude Code shows you a line about what a session starts with; 0: nothing",
            maximum=1,
        ),
    ] = 1
    here: Annotated[
        str,
        Setting(
            "IAI_MCP_HERE",
            "",
            "whose last session a session goes on from, in a team: `user`: yours, on any of your"
            " machines; `machine`: that of this machine",
            check=lambda value: _one_of(HERES, value),
        ),
    ] = "user"
    backups: Annotated[
        int,
        Setting(
            "IAI_MCP_BACKUPS",
            "backups",
            "how many automatic backups of the records are kept, made once a day; 0: none",
        ),
    ] = 3
    file_history: Annotated[
        int,
        Setting(
            "IAI_MCP_FILE_HISTORY",
            "",
            "1: before the agent reads or edits a file, it gets what earlier sessions did to it;"
            " 0: never. Run `iai hooks install` after changing it",
            maximum=1,
        ),
    ] = 0
    redact: Annotated[
        str,
        Setting(
            "IAI_MCP_REDACT",
            "rules",
            "your own rules for secrets: `NAME=REGEX` redacts more, `-REGEX` less, separated by"
            " spaces; `off`: redact nothing",
            check=user_rules.parse_setting,
        ),
    ] = ""
    payload: Annotated[
        str,
        Setting(
            "IAI_MCP_PAYLOAD",
            "place",
            "`file`: the session-start texts are kept ready in files; `live`: they are never on"
            " disk, and each session start composes its own",
            check=lambda value: _one_of(PAYLOAD_PLACES, value),
        ),
    ] = "file"
    passphrase_file: Annotated[
        str,
        Setting(
            "IAI_MCP_PASSPHRASE_FILE",
            "file",
            "a file with the passphrase of an encrypted store, mode 0600, or a pipe (`/dev/fd/3`)",
        ),
    ] = ""

    @property
    def payload_on_disk(self) -> bool:
        """Are session-start texts kept in files?"""
        return self.payload == "file"

    @property
    def ready_projects(self) -> int:
        """How many projects have a session-start text of their own on disk."""
        return self.payload_projects if self.payload_on_disk else 0


@cache
def declared() -> Mapping[str, Setting]:
    """Map each field of `Settings` to its declaration, in the order of the declarations."""
    hints = get_type_hints(Settings, include_extras=True)
    return {field: hint.__metadata__[0] for field, hint in hints.items()}


@cache
def _types() -> Mapping[str, type]:
    return get_type_hints(Settings)


class Resolved(Struct, frozen=True, kw_only=True):
    """One setting with its value, and where that comes from."""

    name: str
    value: float | str
    default: float | str
    source: Source
    setting: Setting

    @property
    def unit(self) -> str:
        """The unit of its value: in the singular for 1, and "" for a text, which is without one."""
        if isinstance(self.value, str):
            return ""
        return self.setting.unit.removesuffix("s") if self.value == 1 else self.setting.unit


def resolve(
    environment: Mapping[str, str], file: Mapping[str, object]
) -> tuple[list[Resolved], list[str]]:
    """Return every setting but the store, and a warning for each invalid value.

    The environment overrides the file; invalid values are ignored.
    """
    found: list[Resolved] = []
    warnings: list[str] = []
    for name, setting in declared().items():
        if name == "store":
            continue
        default: float | str = getattr(_DEFAULTS, name)
        value, source = default, Source.DEFAULT
        given = {
            Source.FILE: file.get(name, ""),
            Source.ENVIRONMENT: environment.get(setting.variable, ""),
        }
        for where, what in given.items():
            if isinstance(what, str) and not what.strip():
                continue
            try:
                value, source = parsed(what, _types()[name], setting), where
            except ValueError as error:
                said = setting.variable if where is Source.ENVIRONMENT else f"{where}: {name}"
                warnings.append(f"{said}={what!r} {error}; using {shown(value)}")
        found.append(
            Resolved(name=name, value=value, default=default, source=source, setting=setting)
        )
    unknown = sorted(set(file) - set(declared()) | set(file) & {"store"})
    warnings += [f"{Source.FILE}: {name!r} is not a setting that it can have" for name in unknown]
    return found, warnings


def from_environment(
    environment: Mapping[str, str], file: Mapping[str, object] | None = None
) -> tuple[Settings, list[str]]:
    """Return the settings, with the default and a warning for each invalid value."""
    found, warnings = resolve(environment, file or {})
    given: dict[str, Any] = {one.name: one.value for one in found}
    return Settings(store=store_directory(environment), **given), warnings


def store_directory(environment: Mapping[str, str]) -> Path:
    """Return `$IAI_MCP_STORE`, or `~/.iai-mcp`, as an absolute path."""
    chosen = environment.get("IAI_MCP_STORE", "").strip()
    home = environment.get("HOME", "") or "~"
    return Path(chosen).expanduser().absolute() if chosen else Path(home).expanduser() / ".iai-mcp"


def parsed(given: object, kind: type, setting: Setting) -> float | str:
    """Return a value of this kind, from text or a TOML value.

    Raises ValueError with a text like "is not a number".
    """
    text = str(given).strip()
    if kind is str:
        setting.check(text)
        return text
    try:
        value = float(text)
    except ValueError:
        raise ValueError("is not a number") from None
    if not math.isfinite(value) or value < setting.minimum:
        raise ValueError(f"is not a number of at least {setting.minimum:g}")
    if value > setting.maximum:
        raise ValueError(f"is not a number up to {setting.maximum:g}")
    if kind is int and not value.is_integer():
        raise ValueError("is not a whole number")
    return int(value) if kind is int else value


def shown(value: float | str) -> str:
    """Return a value as a user would write it."""
    return value if isinstance(value, str) else f"{value:.10g}"


_DEFAULTS = Settings(store=Path())
