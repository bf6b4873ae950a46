"""Does a value look like a secret, or like something that a person or a program would write?"""

import math
import re
from collections import Counter

LONGEST = 512  # characters of a value that is judged
_PLACEHOLDER = re.compile(
    r"""[xX*.•#_-]{3,} | <.* | (?:\w+[,:])?\$\{?[A-Za-z_][\w.:]*[\}-]? | \$[({].* | %[sdr(].*
    | %\w+% | [{\[].* | .*[$]\{.* | .*\{\{.* | \\.* | @[A-Za-z_.]+\d? | \?.* | ![A-Za-z.]+
    | [*&\#]{1,2}[A-Za-z_]+ | --[a-z][a-z-]*
    | (?:your|my|the|some|any|new|old|this|that|dummy|fake|sample|example|placeholder|change|replace
        |insert|enter|todo|put|set|same|test)(?:[-_ .'](?:[A-Za-z]+|\d))*
    | [~^<>=v]{0,2}\d{1,4}(?:\.\d{1,4}){2}(?:-[\w.]{1,20})?  # a version
    | [A-Za-z]+: | (?-i:[A-Z][A-Za-z]{2,40}\.[A-Z][A-Z_]{2,40} | [a-z]{1,20}(?:[A-Z][a-z]{1,12})?=
        | [\w.]+(?:Private|Public)Key(?:Types)?,?)
    | change_?me\d? | none | null | nil | true | false | undefined | empty | string | str | int
    | (?:string|number|boolean)\? | bytes? | bool | boolean | optional | fail(?:ed|ure)?
    | required | missing | invalid | redacted | hidden | masked
    | unset | default | n/?a | ok | yes | no | off | on
    | (?:[a-z]+[_-])?(?:secret|password|passwd|passphrase|pass|pwd|token|api[_-]?key|key|value
        |credential|username|user|name|id|field|header|here|type|env|var)s?\d?
    | (?:process|os|env|self|this|config|settings|secrets|vars|inputs|github|args|options|params
        |request|req|import|system|cls|ctx|data|props|state|opts)[.\[(].*
    | arn:aws.* | (?:json|yaml|toml|xml|bson|db|form|env|mapstructure|validate):".*  # of Go
    | .*EXAMPLE(?:KEY)?""",
    re.VERBOSE | re.IGNORECASE,
)
_NAME = re.compile(
    r"""[.]?[*&-]{0,2}[A-Za-z]+(?:[-_.,/:+]{1,2}[A-Za-z]+)*[.,:;]?  # words
    | [A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+  # an attribute
    | _*[A-Za-z]+\d{0,3}(?:[_-][A-Za-z]+\d{0,3}|[_-]\d{1,3}|[A-Z][a-z]+)*_*""",
    re.VERBOSE,
)
_IDENTIFIER = re.compile(  # with digits in it: MLKEM768X25519PrivateKey
    r"(?=.*(?:[a-z][A-Z]|_))(?=.*[A-Za-z]{7})[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*,?"
)
_PATH = re.compile(
    r"(?:(?:[.~]{0,2}|[A-Za-z]:|\w+)(?:[/\\][\w.@+-]*){2,}|[\w-]+(?:[./][\w-]+)*\.[a-z]{1,4})"
    r"(?::\d+){0,2}"
)
_NUMBER = re.compile(
    r"[-+]?[\d.,:_/-]+[A-Za-z%]{0,2}|0x[0-9a-fA-F]{1,8}|[a-z_]{1,20}=\d{1,9}|[A-Z]{2,8}-\d[\d-]*"
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://.*")
_LETTERS, _CAPITAL = re.compile("[A-Za-z]+"), re.compile("[A-Z]")
_WORD = re.compile("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_STRONG = re.compile(
    r"(?=.*[A-Za-z])(?=.*[!#$%^&*+=?~@])(?!.*@[\w-]+\.)[^\s/(){}\[\]:]{6,64}(?<![!?=*])"
)
_UNIQUE = re.compile(
    r"(?=.*[0-9])(?=.*[A-Z])(?=.*[a-z])(?:[A-Za-z0-9!#$%^&*+=?~-]{8,}|[\w+/-]{20,})|[0-9a-f]{32,}"
)
_SHORTEST, _SHORTEST_WORDS, _LEAST_BITS = 8, 10, 2.5
_MOST_CAPITALS, _WORD_LENGTH = 0.34, 3.0  # in a name made of words; random letters: 0.5 and 2.7
# The pairs of letters that nine tenths of the words in the standard library consist of. In 99 % of
# its long names they are more than 0.66 of all pairs; in 97 % of twelve random letters, under 0.6.
_LEAST_USUAL = 0.6
_PAIRS = (
    "abacadagaiakalamanaparasatauaybabeblbobucacechcickclcocrctcudadddedidodsdueaecedeeefelemen"
    "eperesetevewexfafefffifofrfugegigshahehihoiaibicidieifigiliminioipirisitivkelaldlelilllols"
    "ltlulymambmemimompnancndnengninonsntnuocodolomonoooporosotouovowpapepiplpoppprptpuqurardre"
    "rgrirmrnrorrrsrtrurysascseshsisospssstsutatethtitotrtstttutyueulumunupurusutvaveviwawewhwi"
    "wowrxtypze"
)
_USUAL = frozenset(_PAIRS[at : at + 2] for at in range(0, len(_PAIRS), 2))


def is_placeholder(value: str) -> bool:
    """Does a value stand for one that is not given, or is it an expression?"""
    return _PLACEHOLDER.fullmatch(value[:LONGEST]) is not None


def is_random(value: str) -> bool:
    """Is a value what nobody would write by hand, unless as a secret?"""
    value = value[:LONGEST]
    if len(value) < _SHORTEST or is_placeholder(value):
        return False
    if _NUMBER.fullmatch(value) or _URL.fullmatch(value):
        return False
    if not value.isascii() and value.isalpha():  # a word of another language
        return False
    if _IDENTIFIER.fullmatch(value) and _is_of_words(value):
        return False
    if _NAME.fullmatch(value):
        attributes = value.strip(".").split(".")
        is_of_words = _is_of_words(value) or all(map(_is_of_words, attributes))
        return len(value) >= _SHORTEST_WORDS and not is_of_words
    if _PATH.fullmatch(value):
        parts = re.split(r"[/\\]", value)
        return len(parts) > 1 and any(map(is_random, parts))
    return bits(value) >= _LEAST_BITS


def is_generated(value: str) -> bool:
    """Is a value random, with a digit in it, as nearly every generated one is?"""
    return is_random(value) and any(map(str.isdigit, value))


def is_strong(value: str) -> bool:
    """Is a value what a password has to be, letters and a symbol, and text seldom is?"""
    return _STRONG.fullmatch(value) is not None and not is_placeholder(value)


def is_mixed(value: str) -> bool:
    """Has a value letters and digits, enough of them for a password?"""
    return (
        len(value) >= _SHORTEST
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and not is_placeholder(value)
        and not _PATH.fullmatch(value)
        and not _URL.fullmatch(value)
    )


def is_password(value: str) -> bool:
    """Could a value be a password, where one is expected?"""
    return is_random(value) or is_strong(value) or is_mixed(value)


def is_unique(value: str) -> bool:
    """Is a value what stands for nothing else, wherever it is said again?"""
    return (
        _UNIQUE.fullmatch(value) is not None
        and not is_placeholder(value)
        and not _is_of_words(value)
    )


def is_unmistakable(value: str) -> bool:
    """Is a value hardly anything but a secret, though its name says nothing of one?"""
    return is_strong(value) or is_generated(value) or is_unique(value)


def _is_of_words(name: str) -> bool:
    """Are the letters of a name in words, by their capitals and by which follow each other?"""
    runs = _LETTERS.findall(name)
    pairs = [run[at : at + 2].lower() for run in runs for at in range(len(run) - 1)]
    if sum(pair in _USUAL for pair in pairs) < _LEAST_USUAL * len(pairs):
        return False
    letters = sum(map(len, runs))
    capitals = len(_CAPITAL.findall(name))
    if capitals in (0, letters):
        return True
    words = len(_WORD.findall(name))
    return capitals <= letters * _MOST_CAPITALS and letters >= words * _WORD_LENGTH


def bits(value: str) -> float:
    """Return the Shannon entropy of a value, in bits for each character."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values()) if size else 0.0
