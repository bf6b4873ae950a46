"""Which of the options that an agent offered a user chose: "option 3" alone says nothing. Pure."""

import re

from iai.payload.statements import without_emphasis

_NAME = r"(?:option|approach|alternative|variant|solution|proposal)"
_LONGEST_CHOICE = 400  # characters of a request that begins with what it chooses
_LONGEST_ANSWER = 20_000  # characters of an answer, at its end, that are searched for options
_LONGEST_QUESTION = 300  # characters of the question at its end

_CHOOSES = re.compile(
    r"(?!\d+[.)] ?\w)"  # an item of a list
    r"(?:(?:yes|yeah|yep|ok|okay|sure|hm+|alright|fine|good|then|please)\b[,.!; ]*){0,4}"
    r"(?:let'?s |we (?:can |should |could )?|i(?:'d| would)? (?:think |guess |say )?)?"
    r"(?:like|prefer|choose|pick|take|do|try|use|go (?:with|for)|implement)? ?(?:the )?"
    rf"(?:{_NAME} #?(?P<named>\d{{1,2}}|[A-H])|#?(?P<bare>\d{{1,2}}|(?-i:[A-H])))"
    r"(?= ?(?:$|[.,;:!)\n(]|please\b|then\b|for now\b|first\b|is (?:the )?(?:right|best|better|good"
    r"|fine)\b|(?:looks|sounds) (?:good|best|right|fine|better)\b))",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"^[ \t]*(?:#{{1,6}} |[-*+] )?\*{{0,2}}{_NAME} (?P<which>\d{{1,2}}|[A-H])\b(?P<title>[^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBERED = re.compile(
    r"^[ \t]*(?:#{1,6} |[-*+] )?\*{0,2}(?P<which>\d{1,2}|[A-H])[.)](?P<title>[^\n]*)", re.MULTILINE
)
_OFFERS = re.compile(
    r"^[^\n]{0,80}\b(?:options?|alternatives|choices)\b[^\n]{0,20}:[^\w\n]{0,8}$",
    re.IGNORECASE | re.MULTILINE,
)
_WHICH = re.compile(
    r"\b(?:which|what would you|do you prefer|should (?:i|we))\b[^.!?\n]*\?\W*$",
    re.IGNORECASE,
)
_EDGE = " \t:.,;\u2013\u2014-*#"


def chosen(request: str, answer: str) -> str:
    """Return what the option says that a request chooses of those in the answer before it.

    "" if it chooses none, or the answer has no such option. A bare number chooses only of a list
    that is announced as options, or that the answer ends by asking about.
    """
    choice = _CHOOSES.match(request.strip()[:_LONGEST_CHOICE])
    if choice is None or "?" in request:
        return ""
    which, answer = (choice["named"] or choice["bare"]).upper(), answer[-_LONGEST_ANSWER:]
    if named := _titles(_NAMED, which, answer):
        return named[0]
    if offers := [*_OFFERS.finditer(answer)]:
        return next(iter(_titles(_NUMBERED, which, answer[offers[-1].end() :])), "")
    asked = choice["named"] or _WHICH.search(answer.rstrip()[-_LONGEST_QUESTION:])
    return next(reversed(_titles(_NUMBERED, which, answer)), "") if asked else ""


def _titles(options: re.Pattern[str], which: str, answer: str) -> list[str]:
    """Return what the options of this number or letter say, in the order of the answer."""
    said = (one["title"] for one in options.finditer(answer) if one["which"].upper() == which)
    return [title for title in map(_plain, said) if title]


def _plain(title: str) -> str:
    return " ".join(without_emphasis(title).replace("**", "").split()).strip(_EDGE)
