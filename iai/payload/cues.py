"""Which sentence of a user's text decides something. Cues, no understanding. Pure.

Better none than a wrong one: what is pasted (a log, code, a report) is full of "should not" that
nobody decided. So only short texts count, of them only lines that look typed, and of these only
sentences that prescribe.
"""

import re
from functools import lru_cache
from itertools import chain

from iai.payload import cue_languages

LONGEST_TEXT = 700  # characters; longer ones are pasted, or hold something pasted
LONGEST_SENTENCE = 300
SPOKEN = 200  # characters; in a longer text that speaks to nobody only commands decide

_SENTENCE = re.compile(
    "(?<=[.!?])\\s+|\\n+|(?<=[\u3002\uff01\uff1f])"
)  # the last: Chinese and Japanese
_COMMAND = re.compile(r"^/[\w:-]+\s+")  # a slash command before its arguments
_QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|`[^`\n]*`")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_INDENTED = re.compile(r"(?:\t| {3})\s*\S")
# A place in a file, a prompt, a comment, a table, an error: nothing that the user typed.
_PASTED = re.compile(
    r"\s*(?:\S+:\d+\b|\S+\.\w+::\S|\d{4}-\d\d-\d\d[T ]\d\d:|==="
    r"|\[\S+\] \$|[#>|$%\u276f\u23fa\u2713\u2717]|//|--|/\*|at \S+ ?\(|E {2,}"
    r"|\d+ \||(?:it|test|describe)\(|(?:Tests?|Test (?:Suites|Files)|Snapshots|Time|Duration):? +\d"
    r"|(?:test result|\w*Warning):\s|```|~~~|Traceback \(most recent)"
    r"|\s*[A-Z][a-z]*(?:Error|Exception):\s|.*\bNOT\b"
    r"|\s*(?:\S+ ){0,2}(?:WARN(?:ING)?|INFO|DEBUG|ERROR|FATAL|FAIL(?:ED)?|PASS(?:ED)?)\b"
    r"|\s*(?:\w+: )?(?:[Ee]rror|[Ww]arning|[Hh]int|note|[Dd]eprecated|[Ff]atal|[Pp]anic|Expected"
    r"|Actual|Received)\b[^:.]{0,20}:"
    r"|.*\b(?:[Dd]o not|[Dd]on'?t) (?:edit|modify) (?:this|below|above|by hand|manually)\b",
    re.DOTALL,
)
_PERSON = re.compile(  # somebody speaks to somebody, as reviews and logs do not
    r"\b(?:i|we|let'?s|please|my|our|us|me|(?:can|could|would|will) you)\b", re.IGNORECASE
)
_LEAD = (
    r"^(?:[-*•]\s+)?"
    r"(?:(?:ok|okay|yes|yeah|no|hm+|well|and|but|so|also|please|actually|then)\b[,;:.! ]*)*"
)
_IMPERATIVE = re.compile(
    _LEAD + r"(?:let'?s (?:not|use|keep|go with|stick|always|never|drop|leave)"
    r"|(?:do not|don'?t)(?: ever)? (?:use|add|touch|change|edit|remove|rename|create"
    r"|commit|push|write|rely|make|put|round|sort|store|log|send|return|raise|retry|skip|drop|delete"
    r"|introduce|import|merge|mock|expose|cache|break|assume|hard-?code|include|call"
    r"|update|move|bump|upgrade|deploy|apply|promote|squash|rebase|force)"
    r"(?! anything(?! (?:to|in|on|from)\b))"
    r"|(?:never|always) (?!mind|again|seen|heard|got|had|been|was|were|did|done|went|came|ran|knew"
    r"|said|happen|on|in|at|the|a|an|this|that|be\b)[a-z]+(?<![a-z]s)(?<!ed)(?<!ing) (?!anything)"
    r"|use \S+.* (?:instead|not|rather than|instead of)|no (?:new|more|extra|silent|need for) \S+"
    r"|no [\w-]+,? (?:until|ever|anywhere)\b|(?:do|make) (?:that|it|this),? but (?=\S)"
    r"|only \w+ |go with |stick (?:to|with) |(?:keep|leave) .* (?:as (?:it|they) (?:is|are)"
    r"|as is|alone|untouched|working|in until|until|compatible|out of)"
    r"|keep (?:it|them|that|this|a|an|the \S+) (?:in|on|at|under|below|private|deprecated|old)"
    r"|(?:\S+ ){1,3}in a (?:separate )?(?:pr|pull request|commit|branch) of (?:its|their) own"
    r")(?!(?<=\w)\w)",
    re.IGNORECASE,
)
_STATED = re.compile(
    r"\b(?:we (?:have )?(?:\w+ )?(?:decided|agreed|settled|chose|choose|choosed)\b"
    r"|(?<!think )(?<!seems )(?<!guess )(?<!believe )we (?:always|never) \w+"
    r"|we (?:stick|stay) (?:to|with|on)\b"
    r"|\w+ (?:stays?|must stay|has to stay|have to stay) (?:in|as|on)\b"
    r"|(?:must|has to|have to) be \w+ (?:across|everywhere)|\bare? \w+ everywhere"
    r"|(?:i|we)(?:'d| would)? (?:rather|prefer|want to keep|don'?t want)"
    r"|decided (?:to|on|against)|from now on|going forward"
    r"|(?:must|should|shall) (?:never|not be|only)|\bmust not \w+"
    r"|we(?:'re| are) not (?:doing|going to|using|adding|changing|touching|supporting)\b"
    r"|(?<!\bi )(?<!\bwe )(?<!\bthey )keep (?:it|them|that) (?:in|out of|under|below|separate)\b"
    r"|; no (?:new|more|extra|silent) |actually use|instead of (?:a |the )?\w+[^?]* use)",
    re.IGNORECASE,
)
# What holds in a case, or a choice that ends with what was not chosen.
_RULE = re.compile(
    r"^(?:if|when|whenever|where|unless|for) [^,;:?!]{3,120}[,:] (?:then )?(?:just )?(?:print|log"
    r"|show|return|raise|skip|ignore|warn|treat|fall back|default|go on|reject|refuse|round|assume"
    r"|count|keep|leave|use|take|write|prefer)\b(?! (?:me|us|it out)\b)"
    r"|; no (?!need\b|idea\b|luck\b|change|difference|error|warning|problem|issue|output|result"
    r"|effect|response|test|fail|more questions)\w+"
    r"|, never (?!\w+ed\b)\w+\W*$"
    r"|^we (?:keep|stay with|only|don't) \w+ ?[^,.?!]{0,60}[;:] ",
    re.IGNORECASE,
)
# Takes back what was said before, often without a word of it.
_CORRECTED = re.compile(
    r"^(?:scratch that|on second thoughts?|correction\b)"
    r"|^(?:hm+\W+)?(?:no|nah)\b\W+(?:keep|use|leave|put|take|make|go with) \w"
    r"|\b(?:i|we)(?:'ve| have)? changed (?:my|our) mind\b"
    r"|\b(?:use|make|keep|take|put|want|wants|need|needs|call|name|have|do|go with|be)\b[^.?!]* "
    r"(?:after all|instead)\W*$"
    r"|\b(?:go|switch|change|move) back to\b"
    r"|\b(?:should|must|has to|needs to) be\b[^.?!]{1,60}\b(?:not|never|rather than|instead of)\b"
    r"|\b(?:customer|client|team|reviewer|boss|product|legal|security|ops)s? (?:now )?"
    r"(?:wants?|decided|prefers?|insists?|agreed)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(  # without a question mark
    r"(?:(?:ok|okay|and|so|but|also|now|hm+)\b[,; ]*)*"
    r"(?:question:|(?:how|what|why|when|where|which|who)\b"
    r"|(?:is|are|was|were|does|do|did|should|shouldn'?t|isn'?t|don'?t)"
    r" (?:it|this|that|we|you|there|the)\b"
    r"|(?:can|could|would) you (?:please )?(?:again )?(?:explain|check|double|tell|verify|look"
    r"|take a look|review|confirm|show|give|run|use|try)\b)",
    re.IGNORECASE,
)
_REFERS = re.compile(  # to what was said before
    r"^(?:hm+\W+)?(?:no|nah|nein|non|nee|não)\b|\b(?:it|its|this|that|these|those|them|they|here|one|both"
    r"|option|instead|the (?:other|rest|same|first|second|last))\b",
    re.IGNORECASE,
)
_AGREES = re.compile(
    r"(?:(?:yes|yeah|yep|ok|okay|sure|no|right|please|go ahead|go for it|do(?: it| that)?"
    r"|let'?s (?:do|try|follow through with) (?:it|this|that|your (?:recommendation|suggestion)s?)"
    r"|sounds good|looks good|thanks?|continue|next|go on|commit|push|try again"
    r"|ja|jo|genau|bitte|passt|weiter|mach (?:das|es|weiter)|oui|d'accord|vas-y|sí|vale|claro|dale"
    r"|adelante|hazlo|sim|pode|sì|va bene|procedi|да|давай|хорошо|tak|好的?|可以|はい|お願いします"
    r"|네)\b[,;:.!。 ]*)+",
    re.IGNORECASE,
)


_TAG_LINE = re.compile(r"\s*<[!?/A-Za-z][^\n]*>\s*")
_CALLED = re.compile(r"<(title|h1)\b[^<>]{0,200}>\s{0,80}([^<\s][^<]{0,200})</\1>", re.IGNORECASE)
_FENCE = re.compile(r"\s*(?:```|~~~)")
_SHELL_PROMPT = re.compile(r"[$%\u276f] ")
_RAISED = re.compile(r"[\w.]*(?:Error|Exception)\b:? ")  # the last line of a traceback
_FAILED = re.compile(r"\b(?:error|fatal|panic|fail(?:ed|ure)?|denied|refused)\b", re.IGNORECASE)
_SMALL_TALK = re.compile(
    r"(?:(?:hi|hello|hey|hallo|moin|hola|bonjour|thanks?(?: you)?|danke|gracias|merci|bye|test|ping"
    r"|/\w+|(?:what|which) (?:model|version)\b.*|who are you)\b[,;:.!? ]*)+",
    re.IGNORECASE,
)


@lru_cache(maxsize=2_048)
def decided(text: str) -> str:
    """Return the first sentence of a user's text that decides something; "" where none does."""
    if len(text) > LONGEST_TEXT:
        return ""
    reported = len(text) > SPOKEN and _PERSON.search(text) is None
    sentences = (s.strip() for s in _SENTENCE.split(text))
    return next((s for s in sentences if _decides(s, reported=reported)), "")


def only_asks(text: str) -> bool:
    """Return whether a text is a question, or agrees to something, and says nothing beside."""
    sentences = [sentence.strip() for sentence in _SENTENCE.split(text.strip())]
    return all(s.endswith("?") or _ASKS.match(s) or _AGREES.fullmatch(s) for s in sentences)


def refers(text: str) -> bool:
    """Return whether a text that may decide something says of what by referring to it."""
    return len(text) <= SPOKEN and _REFERS.search(text) is not None


def agrees(text: str) -> bool:
    """Return whether a text agrees to something and says nothing beside."""
    return _AGREES.fullmatch(text.strip()) is not None


def small_talk(text: str) -> bool:
    """Return whether a text is a greeting, thanks, a command, or a question about the agent."""
    return _SMALL_TALK.fullmatch(text.strip()) is not None


def pasted(text: str) -> bool:
    """Return whether the first line of a text is something that nobody types."""
    return _PASTED.match(text.strip().partition("\n")[0]) is not None


def is_page(text: str) -> bool:
    """Return whether a text begins with a page of markup, as HTML: half of its lines are tags."""
    first, _, rest = text.strip().partition("\n")
    if not rest or not _TAG_LINE.fullmatch(first):
        return False
    lines = [line for line in rest.splitlines() if line.strip()]
    return sum(line.lstrip().startswith("<") for line in lines) * 2 >= len(lines)


def typed(text: str) -> str:
    """Return a text without the paragraphs that begin with what nobody types.

    All of it, where only such are left, or what is typed ends by announcing them. Of what begins
    with such a line, only what somebody says in it; else the line of a log that says most. Of a
    page, what is said below it, else its title.
    """
    if is_page(text):
        named = _CALLED.search(text)
        return text.rpartition(">")[2].strip() or (named[2].strip() if named else "a page")
    begins_pasted = pasted(text)
    paragraphs = _PARAGRAPH.split(text)
    own = [one for one in paragraphs if not pasted(one) and not _INDENTED.match(one)]
    if begins_pasted:
        own = [one for one in own if _PERSON.search(one)]
    typed = "\n\n".join(own).strip()
    if typed and not typed.endswith(":"):
        return typed
    return _line_of_log(text) if begins_pasted else text


def _line_of_log(text: str) -> str:
    """Return the command of a log, the exception that it ends with, or its first error."""
    lines = [line.strip() for line in text.splitlines() if not _FENCE.match(line) and line.strip()]
    if not lines or _SHELL_PROMPT.match(lines[0]):
        return lines[0] if lines else text
    raised = (line for line in reversed(lines) if _RAISED.match(line))
    failed = (line for line in lines if _FAILED.search(line))
    return next(chain(raised, failed, lines))


def says_something(text: str) -> bool:
    """Return whether a text says something of its own: typed, and no question or consent.

    On several lines it has to speak to somebody: reviews, logs and lists do not.
    """
    spoken = "\n" not in text.strip() or _PERSON.search(text) is not None
    return spoken and not pasted(text) and not only_asks(text)


def _decides(sentence: str, *, reported: bool) -> bool:
    sentence = _COMMAND.sub("", sentence, count=1)
    if not 0 < len(sentence) <= LONGEST_SENTENCE or sentence.endswith("?"):
        return False
    own = _QUOTED.sub("…", sentence)
    if _PASTED.match(own):
        return False
    if cue_languages.decides(own):
        return True
    told = (_IMPERATIVE,) if reported else (_IMPERATIVE, _STATED, _RULE, _CORRECTED)
    return any(cue.search(own) for cue in told)
