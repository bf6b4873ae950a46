"""Secrets by the name before them: `password = "..."` in code, JSON, YAML, a shell and prose.

A name alone proves little: most values beside one are expressions or placeholders. So a value must
look random, or be a literal where a password is set to it.
"""

import re
from collections.abc import Iterator

from iai.redaction.finding import BY_NAME, Finding
from iai.redaction.randomness import LONGEST, is_placeholder, is_random

# What a name has in it, in lower case; what may come before and after it there.
CORES = frozenset({"pass", "pw", "secret", "token", "credential", "key", "auth"})
_PASSWORDS = ("pass", "pw")
_KINDS = {"pass": "password", "pw": "password", "key": "api-key", "auth": "token"}
_BEFORE_KEY = re.compile(
    r"(?:api|access|secret|private|signing|encryption|auth|account|master|licen[cs]e|shared|storage"
    r"|service|admin|app|application|deploy|subscription|bot|webhook|read|write)[ _-]?$|_$"
)
_REST = re.compile(
    r"(?:passw(?:or)?d|passphrase|passcode|passwort|pwd|pass|pw|secret|token|credential|key|auth)s?"
    r"(?:[_-]?(?:value|string|text|plain|base64|b64)|[_-]?\d{1,3})?(?![a-z0-9_])"
)
_KEY_PREFIX = 13  # characters of the longest word that a key is called by, and what joins it
_SET = re.compile(  # in code and in data: a type may come between
    r"""(?P<close>\\{0,3}["'`])?\]?[ \t]{0,8}
    (?::[ \t]{0,4}&?'?[A-Za-z_][\w.]{0,40}(?:\[[\w.,| ]{0,40}\])?[?!]?(?:[ ]?\|[ ]?None)?
        [ \t]{0,4}(?==[^=])
    |(?=[:=!?-]))
    (?::=|=>|->|={1,3}|!=|\?\?=|:)[ \t]{0,8}(?:\\?\n[ \t]{0,40})?
    (?:[rbfuRBFU]{1,2}(?=["']))?""",
    re.VERBOSE,
)
_SAID = re.compile(  # in prose
    r"""["'`*]{0,3}[ ](?:for[ ][\w.@'"`/-]{1,60}[ ](?:[\w.@'"`/-]{1,40}[ ])?)?
    (?:is|was|are|to|will[ ]be|should[ ]be|changed[ ]to|set[ ]to)(?:[ ]now)?:?\s{1,4}[*]{0,2}""",
    re.VERBOSE | re.IGNORECASE,
)
_OPTION = re.compile(r"[ =]{1,4}")
_CALLED = re.compile(r"""["']?\s?[(,]\s{0,4}(?=["'])""")  # set_password("...")
_TAG = re.compile(r"""["']?\s?(?:value\s?=\s?(?=["'])|>)""")  # <password>...
_QUOTED = re.compile(rf"""(?P<q>\\{{0,3}}["'`])(?P<value>(?:(?!(?P=q))\S){{4,{LONGEST}}})(?P=q)""")
_PHRASE = re.compile(rf"""(?P<q>["'`])(?P<value>(?:(?!(?P=q))[^\n]){{8,{LONGEST}}})(?P=q)""")
_BARE = re.compile(rf"""[^\s"'`,;<>(){{}}\[\]|&\\]{{4,{LONGEST}}}""")
_LINE_OF_ENV = re.compile(
    r"(?:^|\n)[ \t]*(?:export[ \t]+|set[ \t]+|ENV[ \t]+|-e[ \t]+|\+)?[A-Z][A-Z0-9_]*$"
)
_BEFORE = 80  # characters in which a name and what is before it are looked for
_SYMBOL = re.compile(r"[^A-Za-z0-9\s._-]")
_SHORT_NUMBER = re.compile(r"\d{1,3}")


def find(text: str, lowered: str, core: str) -> Iterator[Finding]:
    """Yield the values behind the names of secrets that have one of `CORES` in them.

    `lowered` is the text in lower case, of equal length.
    """
    at = lowered.find(core)
    while at >= 0:
        name = _REST.match(lowered, at)
        if name is not None and _is_secret(lowered, at, name[0], core):
            found = _value(text, name, password=core in _PASSWORDS)
            if found is not None:
                yield Finding(*found, _KINDS.get(core, core), BY_NAME)
        at = lowered.find(core, at + len(core))


def _is_secret(lowered: str, at: int, name: str, core: str) -> bool:
    if core == "key":
        return _BEFORE_KEY.search(lowered[max(0, at - _KEY_PREFIX) : at]) is not None
    before = lowered[at - 1 : at] if at else " "
    if core == "auth":
        return before in ("_", "-")
    if name.startswith(("passw", "passp", "passc", "pwd")) or core not in _PASSWORDS:
        return True
    if core == "pass":  # a test says `PASS: its_name`
        return before == "_" or (not before.isalnum() and lowered.startswith("pass=", at))
    return not before.isalnum()


def _value(text: str, name: re.Match[str], *, password: bool) -> tuple[int, int] | None:
    end = name.end()
    if (said := _SAID.match(text, end)) is not None:
        return _said(text, said.end(), password=password)
    if (between := _SET.match(text, end)) is not None:
        return _set(text, name, between.end(), password=password)
    if (called := _CALLED.match(text, end) or _TAG.match(text, end)) is not None:
        return _set(text, name, called.end(), password=password)
    if _is_option(text, name.start()) and (between := _OPTION.match(text, end)) is not None:
        return _option(text, between.end(), password=password)
    return None


def _set(text: str, name: re.Match[str], at: int, *, password: bool) -> tuple[int, int] | None:
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        value = quoted["value"]
        literal = password and not is_placeholder(value) and _is_literal(value)
        return quoted.span("value") if literal or is_random(value) else None
    if password and (phrase := _PHRASE.match(text, at)) and name[0] == "passphrase":
        return phrase.span("value")
    bare = _BARE.match(text, at)
    if bare is None:
        return None
    before = text[max(0, name.start() - _BEFORE) : name.end()]
    in_env = _LINE_OF_ENV.search(before) is not None
    if in_env and password and not is_placeholder(bare[0]):
        return bare.span()
    return bare.span() if _bare(text, bare, password=password) else None


def _said(text: str, at: int, *, password: bool) -> tuple[int, int] | None:
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        value = quoted["value"]
        literal = password and not is_placeholder(value)
        return quoted.span("value") if literal or is_random(value) else None
    bare = _BARE.match(text, at)
    if bare is None or not _bare(text, bare, password=password):
        return None
    return bare.start(), bare.start() + len(bare[0].rstrip(".:!?*"))


def _option(text: str, at: int, *, password: bool) -> tuple[int, int] | None:
    found = _QUOTED.match(text, at)
    span = found.span("value") if found is not None else None
    if span is None and (bare := _BARE.match(text, at)) is not None and bare[0][0] != "-":
        span = bare.span()
    if span is None:
        return None
    value = text[slice(*span)]
    if is_random(value) or (password and not is_placeholder(value) and _is_literal(value)):
        return span
    return None


def _bare(text: str, bare: re.Match[str], *, password: bool) -> bool:
    """Is a value without quotes one, rather than a part of an expression or a sentence?"""
    value = bare[0].rstrip(".:!?*")
    if text[bare.end() : bare.end() + 1] in ("(", "["):
        return False
    if is_random(value):
        return True
    has_digit = any(map(str.isdigit, value))
    has_letter = any(map(str.isalpha, value))
    mixed = has_letter and (has_digit or _SYMBOL.search(value) is not None)
    return password and mixed and not is_placeholder(value) and "/" not in value[:1]


def _is_literal(value: str) -> bool:
    """Is a quoted value, or that of an option, more than a word that names or explains one?"""
    return not _SHORT_NUMBER.fullmatch(value) and (
        not value.isalpha() or is_random(value) or not value.islower()
    )


def _is_option(text: str, start: int) -> bool:
    """Is the name that starts here, or the end of it, that of an option of a command?"""
    word = text[max(0, start - _BEFORE) : start].rsplit(None, 1)
    return bool(word) and word[-1].startswith("-")
