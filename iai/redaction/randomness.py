"""Does a value look like a secret, or like something that a person or a program would write?"""

import math
import re
from collections import Counter

LONGEST = 512  # characters of a value that is judged
_PLACEHOLDER = re.compile(
    r"""[xX*.•#_-]{3,} | <.* | \$\{?[A-Za-z_][\w.]*\}? | \$[({].* | %[sdr(].* | %\w+% | [{\[].*
    | .*[$]\{.* | .*\{\{.* | \\.* | @\w+
    | (?:your|my|the|some|any|new|old|this|that|dummy|fake|sample|example|placeholder|change|replace
        |insert|enter|todo|put|set|same|test)(?:[-_ .'](?:[A-Za-z]+|\d))*
    | change_?me\d? | none | null | nil | true | false | undefined | empty | string | str | int
    | bytes? | bool | boolean | optional | required | missing | invalid | redacted | hidden | masked
    | unset | default | n/?a | ok | yes | no | off | on
    | (?:[a-z]+[_-])?(?:secret|password|passwd|passphrase|pass|pwd|token|api[_-]?key|key|value
        |credential|username|user|name|id|field|header|here|type|env|var)s?\d?
    | (?:process|os|env|self|this|config|settings|secrets|vars|inputs|github|args|options|params
        |request|req|import|system|cls|ctx|data|props|state|opts)[.\[(].*
    | .*EXAMPLE(?:KEY)?""",
    re.VERBOSE | re.IGNORECASE,
)
_ORDINARY = re.compile(
    r"""[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+  # an attribute
    | _*[A-Za-z]+\d{0,3}(?:_[A-Za-z]+\d{0,3}|_\d{1,3})*_*  # a name with underscores
    | (?:[.~]{0,2}|[A-Za-z]:|\w+)(?:[/\\][\w.@-]*){2,}  # a path
    | [\w-]+(?:[./][\w-]+)*\.[a-z]{1,4}  # a file
    | [-+]?[\d.,:_/-]+[A-Za-z%]{0,2} | 0x[0-9a-fA-F]{1,8}  # a number, a time or a date
    | [a-z][a-z0-9+.-]*://.*""",
    re.VERBOSE,
)
_WORDS = re.compile(r"[A-Za-z]+(?:[-_.,/:+][A-Za-z]+)*")
_SWITCH = re.compile(r"(?<=[a-z])[A-Z]|(?<=[A-Z])[a-z]")
_SHORTEST, _LEAST_BITS = 8, 2.5
_LETTERS = 12  # of a value of letters alone that may be random
_SWITCHES = 0.3  # changes of case for each of them; camel case has up to 0.25


def is_placeholder(value: str) -> bool:
    """Does a value stand for one that is not given, or is it an expression?"""
    return _PLACEHOLDER.fullmatch(value[:LONGEST]) is not None


def is_random(value: str) -> bool:
    """Is a value what nobody would write by hand, unless as a secret?"""
    value = value[:LONGEST]
    if len(value) < _SHORTEST or is_placeholder(value):
        return False
    if _WORDS.fullmatch(value):
        return len(value) >= _LETTERS and len(_SWITCH.findall(value)) >= len(value) * _SWITCHES
    return _ORDINARY.fullmatch(value) is None and bits(value) >= _LEAST_BITS


def bits(value: str) -> float:
    """Return the Shannon entropy of a value, in bits for each character."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values()) if size else 0.0
