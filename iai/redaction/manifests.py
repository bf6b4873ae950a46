"""The values in a Secret of Kubernetes, whatever they are called: all of them are secrets."""

import re
from collections.abc import Iterator

from iai.redaction.finding import BY_NAME, Finding
from iai.redaction.randomness import is_placeholder

HINT = "secret"  # is in every lowered text that has one
KIND = "kubernetes-secret"

_IS_ONE = re.compile(
    r"""\bkind\\?["']?:\s{0,4}\\?["']?Secret(?:List)?\b(?![ ]{0,2}\w)|\bpatch[ ]secrets?\b"""
)
_FAR = 16_384  # characters of a manifest before and behind its kind
_PART = re.compile(r"""(?:^|[\s{,"'])(?:data|stringData)\\?["']?:[ \t]{0,4}""", re.MULTILINE)
_IN_JSON = re.compile(
    r"""[\s{,]{0,80}\\?"[\w.-]{1,253}\\?"\s{0,4}:\s{0,4}\\?"(?P<value>[^"\\\n]{1,8192})\\?\""""
)
_IN_YAML = re.compile(
    r"""(?:\n[ \t]{0,40}(?:\#[^\n]{0,200})?(?=\n)){0,20}
    \n(?P<indent>[ \t]{1,20})["']?[\w.-]{1,253}["']?:[ ]{1,4}
    (?:(?P<q>["'])(?P<quoted>(?:(?!(?P=q))[^\n]){1,8192})
      | [|>][+-]?[ ]{0,4}(?P<lines>(?:\n(?P=indent)[ \t][^\n]{1,1024}){1,200})
      | (?P<value>[^\s"'|>][^\n]{0,8192}))(?:["'][^\n]{0,200})?""",
    re.VERBOSE,
)


def find(text: str) -> Iterator[Finding]:
    """Yield the values below `data` and `stringData`."""
    done = 0
    for kind in _IS_ONE.finditer(text):
        if kind.start() < done:
            continue
        start = max(done, kind.start() - _FAR, text.rfind("\n---", 0, kind.start()))
        done = kind.end() + _FAR
        end = text.find("\n---", kind.end(), done)
        done = end if end >= 0 else done
        for part in _PART.finditer(text, start, done):
            yield from _below(text, part.end())


def _below(text: str, at: int) -> Iterator[Finding]:
    pattern = _IN_JSON if text[at : at + 1] == "{" else _IN_YAML
    outer = 0
    while (pair := pattern.match(text, at)) is not None:
        indent = len(pair.groupdict().get("indent") or "")
        if indent < outer:
            return  # beside it, no more below it
        outer = indent
        name = pair.lastgroup or "value"
        if not is_placeholder(pair[name].strip()):
            yield Finding(*pair.span(name), KIND, BY_NAME)
        at = pair.end()
