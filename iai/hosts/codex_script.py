"""Scripts of Codex's: the calls of tools in the JavaScript that newer versions run ("code mode").

Only what stands in the script as it is can be told: nothing is computed. Pure.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import Any, NamedTuple

_LONGEST = 32_768  # characters of a script that is looked into
_MOST = 20  # calls of one script
_STRING = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)"""
_CALL = re.compile(r"\btools\.([A-Za-z_][\w.]*)\s*\(")
_SET = re.compile(rf"\b(?:const|let|var)\s+(\w+)\s*=\s*({_STRING})", re.DOTALL)
_FIELD = re.compile(
    rf"""[{{,]\s*(["']?)(cmd|command|workdir|path|input|patch)\1\s*"""
    rf"""(?::\s*({_STRING}|\w+|\[\s*(?:{_STRING}\s*(?:,\s*)?)*\]))?\s*(?=[,}}])""",
    re.DOTALL,
)
_WORD = re.compile(_STRING, re.DOTALL)
_FIRST = re.compile(rf"\s*({_STRING}|\w+)\s*\)", re.DOTALL)
_STEP = re.compile(
    rf"""["']?step["']?\s*:\s*({_STRING})\s*,\s*["']?status["']?\s*:\s*({_STRING})"""
    rf"""|["']?status["']?\s*:\s*({_STRING})\s*,\s*["']?step["']?\s*:\s*({_STRING})""",
    re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(u\{[0-9a-fA-F]{1,6}\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r?\n|.)", re.DOTALL
)
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


class ScriptedCall(NamedTuple):
    """A call of a tool in a script, with the arguments that could be read."""

    name: str
    arguments: dict[str, Any]


def calls(script: str) -> Iterator[ScriptedCall]:
    """Yield the calls of tools whose arguments stand in a script."""
    script = script[:_LONGEST]
    known = {name: value for name, told in _SET.findall(script) if (value := _value(told, {}))}
    found = list(islice(_CALL.finditer(script), _MOST))
    for call, following in zip_longest(found, found[1:]):
        end = following.start() if following else len(script)
        given = _given(call[1], script[call.end() : end], known)
        if call[1] == "update_plan":
            given = {"plan": list(_steps(script))}
        if given:
            yield ScriptedCall(call[1], given)


def _given(name: str, text: str, known: dict[str, str]) -> dict[str, Any]:
    if first := _FIRST.match(text):  # `apply_patch` takes a text
        patch = _value(first[1], known)
        return {"input": patch} if name == "apply_patch" and patch else {}
    given: dict[str, Any] = {}
    for field in _FIELD.finditer(text):
        told = field[3] or field[2]
        words = [_value(word, known) for word in _WORD.findall(told)]
        if value := words if told.startswith("[") else _value(told, known):
            given.setdefault(field[2], value)
    return given


def _steps(script: str) -> Iterator[dict[str, str]]:
    for step, status, status_before, step_behind in _STEP.findall(script):
        yield {
            "step": _value(step or step_behind, {}),
            "status": _value(status or status_before, {}),
        }


def _value(told: str, known: dict[str, str]) -> str:
    """Return a text that is given as it is, or by its name; "" of one that is put together."""
    if not told.startswith(('"', "'", "`")):
        return known.get(told, "")
    if told.startswith('"'):
        try:
            return str(json.loads(told, strict=False))
        except ValueError:
            pass
    if told.startswith("`") and "${" in told:
        return ""
    return _ESCAPE.sub(_unescaped, told[1:-1])


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "ux" and len(code) > 1:
        number = int(code[1:].strip("{}"), 16)
        return chr(number) if number < 0x110000 else ""  # noqa: PLR2004  the last of Unicode
    return "" if code.endswith("\n") else _CONTROL.get(code, code)
