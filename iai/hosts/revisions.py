"""What names of commits say, as git takes them: see gitrevisions(7). Pure."""

import re
from itertools import zip_longest

BACK = re.compile(r"(?:HEAD|@)(?:~(?P<count>\d*)|(?P<each>\^+))")
BEFORE = re.compile(r"HEAD@\{(\d{1,3})\}")
UPSTREAM = re.compile(r"(?:origin|upstream)/\S+|@\{u(?:pstream)?\}")
HASH = re.compile(r"[0-9a-f]{7,40}")
_ABOVE = re.compile(r"([0-9a-f]{7,40})(?:\^|~[1-9]\d*)")  # a commit below the named one
_FIXES = ("--fixup", "--squash")


def is_revision(words: list[str]) -> bool:
    """Is it the name of a commit, rather than of a file?"""
    patterns = (BACK, BEFORE, UPSTREAM, HASH)
    return words[0] in ("HEAD", "@", "ORIG_HEAD") or any(p.fullmatch(words[0]) for p in patterns)


def down(name: str) -> int | None:
    """Return how many commits below HEAD a name says that one is; None if it does not."""
    if name in ("HEAD", "@"):
        return 0
    back = BACK.fullmatch(name)
    if back is None:
        return None
    return len(back["each"]) if back["each"] else int(back["count"] or 1)


def fixed(rest: tuple[str, ...]) -> str:
    """Return the name of the commit that one is made to be folded into; "" of any other."""
    for word, following in zip_longest(rest, rest[1:], fillvalue=""):
        option, equals, named = word.partition("=")
        if option in _FIXES:
            return (named if equals else following).rpartition(":")[2]  # "amend:HEAD"
    return ""


def had(rebase: tuple[str, ...], fixes: str, depth: int) -> bool:
    """Did a rebase surely have the commit that another one, so deep below HEAD, fixes?"""
    onto = [word for word in rebase if not word.startswith("-")]
    if len(onto) != 1 or any(word.startswith(("--onto", "--exec", "-x")) for word in rebase):
        return "--root" in rebase and not onto
    if named := _ABOVE.fullmatch(onto[0]):
        short, long = sorted((named[1], fixes), key=len)
        return HASH.fullmatch(fixes) is not None and long.startswith(short)
    reach, below = down(onto[0]), down(fixes)  # the latter was named from the commit before it
    return reach is not None and below is not None and depth + 1 + below < reach
