"""Which statement supersedes which: a later one, about the same, that says so. Pure.

Depends on two texts alone, not on what else is in the store. It errs on the side of silence: most
corrections that neither name what they correct nor use a cue are missed.
"""

import re

from iai.index.terms import LONGEST_TEXT

LEAST_SHARED = 0.5  # of the different terms of the earlier statement
LEAST_TERMS = 3  # of the earlier statement; "yes, port 8080" says too little to be corrected

_CUE = re.compile(
    r"\b(?:instead|rather than|after all(?=\s*(?:[.,;:!)]|$))|no longer|not any ?more|actually"
    r"|as of now|from now on"
    r"|we(?: have|'ve)? (?:decided|agreed|moved|migrated|changed|went)"
    r"|switch(?:ed|ing)? (?:to|from|over)"
    r"|(?:changed|moved|migrated|renamed|went back) (?:from|to)"
    r"|replac(?:ed?|es|ing)\b.{1,80}\b(?:with|by)"
    r"|make (?:that|it|this)|on second thoughts?|changed (?:my|our) mind"
    r"|correction|scratch that|i was wrong|supersedes|not \S+(?: \S+)?,? but"
    r"|doch lieber|stattdessen|nicht mehr|ab (?:jetzt|sofort)|finalement|plutôt que|au lieu d[eu]"
    r"|en (?:vez|lugar) de|ya no|a partir de ahora|em vez de|invece di|in plaats van|zamiast"
    r"|вместо|больше не|передумали?)\b"
    r"|やっぱり|やはり|ではなく|改成|改为|换成|不再",
    re.IGNORECASE | re.DOTALL,
)


def sounds_like_correction(text: str) -> bool:
    """Does a text sound as if it corrected something said before?"""
    return not text.rstrip().endswith("?") and _CUE.search(text[:LONGEST_TEXT]) is not None


def same_subject(later: frozenset[int], earlier: frozenset[int]) -> bool:
    """Are these terms of a correction about what the others are about?

    It may say more than it corrects; most of what it corrects has to be in it.
    """
    shared = len(later & earlier)
    return len(earlier) >= LEAST_TERMS and shared >= LEAST_SHARED * len(earlier)
