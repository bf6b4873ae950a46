"""Secrets by the name before them: `password = "..."` in code, JSON, YAML, a shell and prose.

A name alone proves little: most values beside one are expressions or placeholders. So a value must
look random, or be a literal where a password is set to it.
"""

import re
from collections.abc import Iterator

from iai.redaction import columns, listed
from iai.redaction.candidates import is_like_a_token
from iai.redaction.finding import BY_NAME, Finding
from iai.redaction.randomness import (
    LONGEST,
    is_mixed,
    is_password,
    is_placeholder,
    is_random,
    is_strong,
    is_unique,
)

# What a name has in it, in lower case; what may come before and after it there.
# Those that are not in ASCII are looked for only in texts that are not, and most are.
_FOREIGN = (
    "contrasena",
    "senha",
    "wachtwoord",
    "kennwort",
    "clave",
    "mdp",
    "heslo",
    "parola",
    "adgangskode",
    "kodeord",
    "salasana",
    "kata sandi",
    "contraseña",
    "hasło",
    "lösenord",
    "şifre",
    "jelszó",
    "пароль",
    "密码",
    "密碼",
    "パスワード",
    "비밀번호",
    "lösenordet",
    "κωδικός",
    "كلمة المرور",
    "كلمة السر",
    "पासवर्ड",
    "mật khẩu",
    "סיסמה",
    "รหัสผ่าน",
)
# The key of an interface: a random value only.
_FOREIGN_KEYS = (
    "schluessel",
    "schlüssel",
    "geheimnis",
    "jeton",
    "chiave",
    "clé",
    "токен",
    "トークン",
    "キー",
    "토큰",
    "令牌",
    "密钥",
    "密鑰",
)
_PASSWORDS = ("pass", "pw", *_FOREIGN)
_CORES = ("secret", "token", "credential", "key", "auth", *_FOREIGN_KEYS, *_PASSWORDS)
# What some share, or few texts have in them, is looked for in place of rare words.
_HINTS = {"clave": "ave", "chiave": "ave", "senha": "sen", "contrasena": "sen", "geheimnis": "mn",
          "credential": "cred", "jeton": "j", "adgangskode": "kod", "kodeord": "kod",
          "heslo": "esl", "parola": "rola", "salasana": "san", "kata sandi": "san"}  # fmt: skip
CORES: dict[str, tuple[str, ...]] = {}  # by their hints
for _core in _CORES:
    _hint = _HINTS.get(_core, _core)
    CORES[_hint] = (*CORES.get(_hint, ()), _core)
_KINDS = {
    "auth": "token",
    **dict.fromkeys(("key", *_FOREIGN_KEYS), "api-key"),
    **dict.fromkeys(_PASSWORDS, "password"),
}
_BEFORE_KEY = re.compile(
    r"(?:api|access|secret|private|signing|encryption|auth|account|master|licen[cs]e|shared|storage"
    r"|service|admin|app|application|deploy|subscription|bot|webhook|read|write|primary|secondary"
    r"|client|consumer|session|hmac|aes|jwt|ssh|host|function|project|wi-?fi|wlan|wpa2?|priv"
    r"|setup|join)[ :._-]?$|_$"
)
_REST = re.compile(
    r"(?:passw(?:or)?d|pass[ -]?phrase|pass[ -]?code|passwort|passord|passe|pwd|pass|pw|secret"
    "|token|credential|key|auth|"
    "parola d'ordine|"
    "токен|トークン|キー|토큰|令牌|密钥|密鑰|"
    r"(?:schluessel|schlüssel|geheimnis|jeton|(?:chiave|clé|clave)[ _-]?"
    r"(?:(?:de |d')?api|secr[eè]t[ae]|segreta|priv[eé]e|privada|privata))|"
    + "|".join(_FOREIGN)
    + r")s?(?:[_-]?(?:value|string|text|plain|base64|b64|data|key_base|confirm(?:ation)?|old"
    r"|new|prod(?:uction)?|dev|staging|test|live|local)"
    r"|[_-]?\d{1,3})?(?![a-z0-9_])"
)
_KEY_PREFIX = 13  # characters of the longest word that a key is called by, and what joins it
_HEADER = re.compile(r"(?<![a-z0-9])x-(?:[a-z0-9]{1,20}-){1,3}$")
_SET = re.compile(  # in code and in data: a type may come between
    r"""(?P<close>\\{0,3}["'`]|&quot;|\\{1,2}u0022|%22)?\]?
    (?:[ ][\[(][^\])\n]{1,40}[\])](?=:))?[*]{0,2}[ \t]{0,48}
    (?::[ \t]{0,4}&?'?[A-Za-z_][\w.]{0,40}(?:\[[\w.,| ]{0,40}\])?[?!]?(?:[ ]?\|[ ]?None)?
        (?:[ \t]{1,4}(?==[^=])|(?==[rbfuRBFU]{0,2}["'`]))
    |[ ](?:As[ ]\w{1,40}|string)[ ](?==)
    |[ ]\{[ ]?get;[^{}\n]{0,30}\}[ ](?==)  # a property of C#
    |(?=[:\uff1a=\uff1d!?|%\u2192-]))
    (?::=|=>|->|\u2192|={1,3}|!=|(?:\?\?|\|\|)=?|\?[:=]|%3[AD]|\uff1d|[:\uff1a][*]{0,2})[ \t]{0,48}
    (?:(?<=[ ])[&!][\w.:/-]{1,40}[ ]{1,4})?(?:[>|][+-]?[ ]{0,4}(?=\n))?  # of YAML
    (?:[\\(]?\n[ \t]{0,40}(?:\n[ \t]{0,40})?(?:```\w{0,20}\n)?)?
    (?:[rbfunRBFUN]{1,2}(?=["'])
        |(?:Some|\[\]byte|String(?:::from)?|Buffer\.from|bytes|Sensitive|(?i:md5|sha\d{1,3}|crypt))
            \((?=["'])|string\(\d{1,4}\)[ ]
        |&quot;|\\{1,2}u0022|%22)?""",
    re.VERBOSE,
)
_OF = (
    "(?:for|of|on|für|fuer|vom|von|zum|zur|pour|du|de|del|des|der|para|per|do|da|di|voor|van|för|til|till"
    "|do|dla|от|для)"
)
_SAID = re.compile(  # in prose
    rf"""[ ](?:is[ ]generated[ ])?for[ ][^\s"'`]{{1,120}}:[ ]
    |["'`*]{{0,3}}[ ](?:{_OF}[ ](?:[\w.@'"`/-]{{1,60}}[ ]){{1,5}})?
    (?:(?:(?:is|was|has[ ]been)[ ])?(?:changed|set|reset)[ ]to
        |is|was|are|to|är|ist|lautet|est|es|è|é|er|jest|là|है|هي|είναι|will[ ]be|should[ ]be)
    (?:[ ](?:now|jetzt))?[ ]?:?
    \s{{1,4}}[*]{{0,2}}
    |\s{{0,2}}[是为為はが은는]\s{{0,2}}""",
    re.VERBOSE | re.IGNORECASE,
)
_FOR = re.compile(  # "the password for the new database: ..."
    rf"""[ ]{_OF}[ ](?:[\w.@'"`/-]{{1,60}}[ ]){{0,4}}[\w.@'"`/-]{{1,60}}:[ ]{{1,4}}[*]{{0,2}}""",
    re.VERBOSE | re.IGNORECASE,
)
_PAIR = re.compile(  # {"name": "password", "value": "..."}, and the same in YAML and elsewhere
    r"""\\{0,3}["'`]?,?(?:\s|\\n){0,40}\\{0,3}["'`]?value\\{0,3}["'`]?\s{0,4}[:=]\s{0,4}
    |["']\s{0,2}\{[^{}]{0,300}?\bdefault\s{0,20}=\s{0,4}(?=")  # a variable of Terraform
    |\\{0,3}["']?\s{0,4}:\s{0,4}(?:\w{1,40}[ ])?\{[^{}]{0,300}?(?<!\w)\\{0,3}["']?value\\{0,3}["']?
        \s{0,4}:\s{0,4}(?=\\{0,3}["'])  # {"password": {"value": "..."}}
    |["'],\s{0,40}"type":\s{0,4}"\w{1,40}",\s{0,40}"value":\s{0,4}(?=")  # of AWS
    |</key>\s{0,40}<string>""",
    re.VERBOSE | re.IGNORECASE,
)
_COLUMN = re.compile(
    r"""["'`*]{0,3}[ ]{0,40}[|│┃║][ \t|│┃║]{0,40}
    |[ ]{0,40}[\t,](?=\S)[ \t|│┃║]{0,40}|[ ]\(|[ ]{2,40}REG_SZ[ ]{2,40}|[ ]{5,40}(?=\S)""",
    re.VERBOSE,
)  # in a table
_BESIDE = re.compile(
    r"""(?:'s|,[ ]it's)?[ ]{1,4}(?:[-\u2013\u2014][ ]|(?:changed[ ])?from[ ]|with[ ]|<<<[ ]?)?(?=\S)
    |["']\]?[ ]{1,4}(?=["'])""",
    re.VERBOSE,
)
_SETS = re.compile(
    r"(?:^|[\s;&])(?:setx|env|arg|set|add|with(?: the)?)[ ]{1,4}(?:-[\w-]{1,20}[ ]{1,4}){0,3}"
    r"[\w-]*$",
    re.IGNORECASE,
)
_CONSTANT = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9]*_[A-Z0-9_]*$")
_OPTION = re.compile(r"[ =]{1,4}")
_CALLED = re.compile(  # set_password("..."), expect(password).toBe("...")
    r"""(?:/i)?["'\])]{0,4}\s?(?:\(\s{0,20}|,[ \t]{0,20})(?:"(?=\\"))?(?=["'\\])
    |["'\]]{0,3}\)?\.(?:to(?:Be|Equal|StrictEqual)|to\.(?:be\.)?eq(?:ual|l)?|fill|type|send_?[kK]eys|set(?:Value)?|eq(?:uals)?)
    \(\s{0,4}(?=["'])""",
    re.VERBOSE,
)
_FIRST_ARGUMENT = re.compile(r"""\(\s{0,20}["'][\w.-]{0,40}$""")
_ATTRIBUTES = r"""(?:\s{1,40}[\w:.-]{1,60}=["'][^"'<>]{0,200}["'])"""
_TAG = re.compile(  # <password>...
    rf"""["']?\s?(?:value\s?=\s?(?=["'])|>(?!<!))|{_ATTRIBUTES}{{1,3}}\s?>|><!\[CDATA\[
    |["']{_ATTRIBUTES}{{0,3}}\s{{1,40}}(?:\w{{1,20}}:)?value=(?=["'])""",
    re.VERBOSE,
)
_QUOTED = re.compile(
    rf"""(?P<q>'''|\"\"\"|\\{{0,3}}["'`])(?P<value>(?:(?!(?P=q))\S){{4,{LONGEST}}})(?P=q)"""
)
_GOES_ON = re.compile(  # on the next line, or in what it is changed to
    r"""["'`](?:[ \t]{0,8}[+.]?[ \t]{0,4}\\?\n[ \t]{0,40}[+.]?[ \t]{0,4}|[ ](?:->|\u2192)[ ])
    ["'`]([^\s"'`]{4,200})""",
    re.VERBOSE,
)
_OTHERWISE = re.compile(  # what it is where an expression is nothing
    r"""(?:await[ ])?[\w.$]{1,60}(?:[\[(](?:["'][^"'\n]{1,60}["'])?[\])])?
    [ ](?:\|\||\?\?|or)[ ](?=["'])""",
    re.VERBOSE,
)
_USER = re.compile(r"""["'`]?[\w.@-]{1,60}["'`]?[ ]/[ ]["'`]?([^\s"'`]{6,64})""")
_PHRASE = re.compile(rf"""(?P<q>["'`])(?P<value>(?:(?!(?P=q))[^\n]){{8,{LONGEST}}})(?P=q)""")
_EAST_ASIAN = "\u3001-\u30ff\u3400-\u9fff\uac00-\ud7af\uff08\uff09\uff0c"  # without spaces
_BARE = re.compile(rf"""[^\s"'`,;<>(){{}}\[\]|&\\{_EAST_ASIAN}]{{4,{LONGEST}}}""")
_BARE_WORD = re.compile(
    rf"""(?:[^\s"'`,;<>(){{}}\[\]|&\\{_EAST_ASIAN}]|&(?=\w)(?!quot;)){{4,{LONGEST}}}"""
)  # in prose
_LINE_OF_ENV = re.compile(r"""(?:^|[\s"'])\+?[A-Z][A-Z0-9_]*$""")
_BEFORE = 80  # characters in which a name and what is before it are looked for
_DIGITS_OR_NOT, _MANY_CHANGES = re.compile(r"\d+|[A-Za-z]+"), 4
_SYMBOL = re.compile(r"[^\w\s.-]")
_DIGITS = re.compile(r"\d{6,64}")
_NUMBERED = re.compile(  # as people make them up
    r"[A-Z][a-z]{4,12}(?:[_#!.-][A-Za-z][a-z]{2,12})?[_#!.-]?\d{2,5}[a-z!?$*]?"
)
_WORDS = re.compile(r"[a-z]{3,12}(?:-[a-z]{3,12}){3,9}")  # a passphrase
_PASS_IS_SET = re.compile(r"""pass(?:\s{0,2}:?=(?!=)|["']?\s?:\s?["']|[ ]is[ ]|>)""")
_OF_PASS = ("db", "user", "admin", "smtp", "mail", "root", "sql", "ftp")  # before it, in a name
_MOT_DE = ("mot de ", "mot_de_", "mot-de-", "motde")
_NO_KEYS = ("public_", "foreign_", "result_", "partition_", "cache_", "sort_")
_NO_PASS = ("com", "by", "sur", "tres", "over", "under", *"0123456789")  # before it, in words
_CALL = re.compile(r"[A-Za-z_][\w.]{0,100}[(\[]")
_ENV_VALUE = re.compile(rf"""[^\s"'`<>|;]{{4,{LONGEST}}}""")  # a shell would want quotes for some
_SHORT_NUMBER = re.compile(r"\d{1,3}")


def find(text: str, lowered: str, core: str) -> Iterator[Finding]:
    """Yield the values behind the names of secrets that have a core of `CORES` in them.

    `lowered` is the text in lower case, of equal length.
    """
    at = lowered.find(core)
    while at >= 0:
        name = _REST.match(lowered, at)
        if name is not None and _is_secret(lowered, at, name[0], core):
            password = core in _PASSWORDS
            found = _value(text, name, password=password)
            spans = [found] if found is not None else []
            if not spans:
                spans = list(listed.find(text, name.end(), password=password))
            if not spans and core != "auth":
                spans = list(columns.find(text, name.start(), name.end(), password=password))
            for span in spans:
                yield Finding(*span, _KINDS.get(core, core), BY_NAME)
        at = lowered.find(core, at + len(core))


def _is_secret(lowered: str, at: int, name: str, core: str) -> bool:
    if core == "key":
        if lowered.endswith(_NO_KEYS, 0, at):
            return False
        return _BEFORE_KEY.search(lowered[max(0, at - _KEY_PREFIX) : at]) is not None or (
            lowered.endswith("-", 0, at)
            and _HEADER.search(lowered[max(0, at - _BEFORE) : at]) is not None
        )
    before = lowered[at - 1 : at] if at else " "
    after = lowered[at + len(name) : at + len(name) + 2]
    if after == "::" or (before == ":" and after[:1] == ":"):  # a scope, the name of a resource
        return False
    if core == "auth":
        return before in ("_", "-")
    if (
        name.startswith(("passw", "passp", "passc", "passo", "pass ", "pass-", "pwd"))
        or core not in _PASSWORDS
    ):
        return not lowered.endswith("no", 0, at)  # NOPASSWD
    if name.startswith("passe"):  # French
        return lowered.endswith(_MOT_DE, 0, at)
    if core == "pass":  # a test says `PASS: its_name`
        is_set = before == "-" or (before != "/" and _PASS_IS_SET.match(lowered, at) is not None)
        return (
            before == "_"
            or lowered.endswith(_OF_PASS, 0, at)
            or (is_set and not lowered.endswith(_NO_PASS, 0, at))
        )
    if core == "pw":
        return not before.isdecimal()
    return core in _FOREIGN or not before.isalnum()


def _value(text: str, name: re.Match[str], *, password: bool) -> tuple[int, int] | None:
    end = name.end()
    if (said := _SAID.match(text, end)) is not None:
        return _said(text, name, said.end(), password=password)
    if (between := _PAIR.match(text, end) or _SET.match(text, end)) is not None:
        return _set(text, name, between.end(), password=password)
    if (called := _CALLED.match(text, end) or _TAG.match(text, end)) is not None:
        span = _set(text, name, called.end(), password=password)
        if span is None or "," not in called[0] or is_password(text[slice(*span)]):
            return span
        before = text[max(0, name.start() - _BEFORE) : name.start()]
        return span if _FIRST_ARGUMENT.search(before) is not None else None  # else in a list
    if _is_option(text, name.start()) and (between := _OPTION.match(text, end)) is not None:
        return _option(text, between.end(), password=password)
    if (purpose := _FOR.match(text, end)) is not None:
        return _beside(text, purpose.end(), bare_is_enough=True, password=password)
    if (column := _COLUMN.match(text, end)) is not None:
        return _beside(text, column.end(), bare_is_enough=True, password=password)
    if (beside := _BESIDE.match(text, end)) is not None:
        before = text[max(0, name.start() - _BEFORE) : name.end()]
        is_set = _CONSTANT.search(before) is not None or _SETS.search(before) is not None
        return _beside(text, beside.end(), bare_is_enough=is_set, password=password)
    return None


def _beside(text: str, at: int, *, bare_is_enough: bool, password: bool) -> tuple[int, int] | None:
    """Return where a value is that just follows its name; what else could be a word has to be more.

    `bare_is_enough`: the name is in a column, or a command sets it, so that a random value counts.
    """
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        value = quoted["value"]
        strong = password and (
            is_strong(value) or is_mixed(value) or (bare_is_enough and _is_literal(value))
        )
        return quoted.span("value") if strong or is_random(value) else None
    bare = _BARE.match(text, at)
    if bare is None or text[bare.end() : bare.end() + 1] in ("(", "["):
        return None
    value = bare[0].rstrip(".:!?*")
    strong = password and (
        is_strong(value)
        or is_unique(value)
        or _is_generated(value)
        or _NUMBERED.fullmatch(value) is not None
        or (bare_is_enough and is_mixed(value))
    )
    like_a_token = is_like_a_token(value) and not is_placeholder(value)
    if strong or like_a_token or (bare_is_enough and is_random(value)):
        return bare.start(), bare.start() + len(value)
    return None


def _set(text: str, name: re.Match[str], at: int, *, password: bool) -> tuple[int, int] | None:
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        value = quoted["value"]
        literal = password and not is_placeholder(value) and _is_literal(value)
        if literal or is_random(value):
            return _whole(text, quoted)
        more = _GOES_ON.match(text, quoted.end("value"))  # a placeholder is changed to it
        fits = is_password if password else is_random
        return more.span(1) if more is not None and fits(more[1]) else None
    if password and (phrase := _PHRASE.match(text, at)) and name[0] == "passphrase":
        return phrase.span("value")
    if (otherwise := _OTHERWISE.match(text, at)) is not None:
        return _beside(text, otherwise.end(), bare_is_enough=True, password=password)
    if password and (user := _USER.match(text, at)) and is_password(user[1]):
        return user.span(1)
    bare = _BARE.match(text, at)
    if bare is None:
        return None
    before = text[max(0, name.start() - _BEFORE) : name.end()]
    if _LINE_OF_ENV.search(before) is not None and not _CALL.match(text, at):
        whole = _ENV_VALUE.match(text, at)
        if whole is not None and text[name.end()] == "=" and is_random(whole[0]):
            return whole.span()
        at_once = text[name.end()] == "="  # else a constant of a program may have a type
        if password and not is_placeholder(bare[0]) and (at_once or not bare[0].isdigit()):
            return bare.span()
    return bare.span() if _bare(text, bare, password=password) else None


def _whole(text: str, quoted: re.Match[str]) -> tuple[int, int]:
    """Return where a value is, with what continues it in the quotes on the next lines."""
    start, end = quoted.span("value")
    while (more := _GOES_ON.match(text, end)) is not None and is_random(more[1]):
        end = more.end(1)
    return start, end


def _said(text: str, name: re.Match[str], at: int, *, password: bool) -> tuple[int, int] | None:
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        value = quoted["value"]
        literal = password and not is_placeholder(value)
        return quoted.span("value") if literal or is_random(value) else None
    if name[0].startswith("passphrase") and (phrase := _PHRASE.match(text, at)) is not None:
        return phrase.span("value")
    bare = _BARE_WORD.match(text, at)
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
    if password and (_DIGITS.fullmatch(value) or _WORDS.fullmatch(value)):
        return True
    has_digit = any(map(str.isdigit, value))
    has_letter = any(map(str.isalpha, value))
    mixed = has_letter and (has_digit or _SYMBOL.search(value) is not None)
    return password and mixed and not is_placeholder(value) and "/" not in value[:1]


def _is_literal(value: str) -> bool:
    """Is a quoted value, or that of an option, more than a word that names or explains one?"""
    if value.startswith(("/", "./", "~/")):  # PWD, too
        return is_random(value)
    return not _SHORT_NUMBER.fullmatch(value) and (
        not value.isalpha() or is_random(value) or not value.islower()
    )


def _is_generated(value: str) -> bool:
    """Does a value beside a name in a sentence look like nothing but a password?"""
    if not is_random(value):
        return False
    is_of_letters = value.rstrip("0123456789").isalpha()  # and in no order that words have
    changes = len(_DIGITS_OR_NOT.findall(value))
    in_one_case = value.islower() or value.isupper()
    return is_of_letters or changes >= _MANY_CHANGES - (not in_one_case)


def _is_option(text: str, start: int) -> bool:
    """Is the name that starts here, or the end of it, that of an option of a command?"""
    word = text[max(0, start - _BEFORE) : start].rsplit(None, 1)
    return bool(word) and word[-1].startswith("-") and "=" not in word[-1]
