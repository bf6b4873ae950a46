"""Every weight of the ranking, in one place: what it means, and what speaks for its value.

Chosen on half of LoCoMo, on `tools/bench coding` and, for work and narration, on real sessions.
"Worth" is what any@10 (LoCoMo, then code) loses without a part; with all of them it is 0.89 and
0.41. Near these values LoCoMo is flat; the code set was tried less.
"""

from typing import NamedTuple

# Candidates from each index. The score of one hardly depends on the others, so more of them only
# add hits far down, and the cost of a question grows with them.
CANDIDATES = 120

# Few hits need fewer candidates: FEWEST, and PER_HIT more for each hit above FIRST. Up to that
# number the first hits are the same however many are asked for.
FEWEST = 40
PER_HIT = 2
FIRST = 10

# How many times as many matches are asked of the lexical index as become candidates. It counts
# deleted records, too, so counts of our own decide among them.
WIDER = 2

# Notes that are candidates besides, of each tier: where more turns than the above say the same, in
# longer texts, a note with the words of the question would not be among them. Not measured.
NOTES = 5

# Terms of a question that more than this share of all records have are not used to find candidates:
# they say little of any record, and going through them is most of what a question costs in a large
# store. The rarest few are used in any case, and all terms count in the score.
COMMON = 0.1
FEWEST_TERMS = 6

# How many turns from a candidate a turn is scored along with it.
REACH = 2

# How much a term counts in a turn when it occurs 1, 2, 3 turns away; in an exchange, only in its
# own turns. Worth 0.04 and nothing.
CONTEXT = (0.5, 0.25, 0.12)

# How soon repeating a term adds nothing (BM25's k1). 0.3 to 1.2 are the same.
SATURATION = 0.6

# A turn with this share of a question's terms, by rarity, is a full match. A question in other
# words shares a word with a turn only by chance, and the best of such matches would count as full.
# Worth nothing and 0.07.
FULL_MATCH = 0.75

# How much the similarity of a turn gains from that of the turns next to it. Worth nothing and 0.08.
VECTOR_CONTEXT = (0.3, 0.15)

# The most labels between a turn and the most similar one near it in its session: a bound for
# sessions of hundreds of turns.
SESSION_REACH = 12


class Voice(NamedTuple):
    """How much the similarity by one part of the vectors counts; terms count 1."""

    best: float  # with the gain from turns next to it, as a share of the best
    own: float  # by itself
    session: float  # of the most similar turn near it in its session


# By how many parts a vector has. Static vectors gain from those of the turns next to one, and those
# of minilm lose by it.
VOICES = {
    1: (Voice(best=0.8, own=0.0, session=0.6),),  # static; worth 0.03 and 0.14
    # Static, and then minilm: any@10 is 0.91 and 0.68. Half of 240 combinations near these weights
    # find as much in conversations that they were not chosen on.
    2: (Voice(best=0.3, own=0.0, session=0.35), Voice(best=0.0, own=0.7, session=1.1)),
}

# A turn from a date that the question names, and one by a speaker that it names. Turns of exchanges
# name no speaker, and the code set neither. Worth 0.02 and 0.01 in LoCoMo.
SAID_THEN = 0.5
SAID_BY = 0.2

# A turn with hardly any terms ("ok", "continue") keeps only this share of its score; with
# ENOUGH_TERMS different terms it keeps all. Otherwise the neighbours of a good match would fill the
# top. What was pinned or noted keeps all: it is short on purpose. Worth nothing and 0.08.
BRIEF = 0.6
ENOUGH_TERMS = 10

# Priors that break ties, too small to lift an unrelated turn. Not measured: no set can tell.
RECENT = 0.03  # for the newest record of the store, half of it after HALF_LIFE_DAYS
HALF_LIFE_DAYS = 30.0
PINNED = 0.1
NOTED = 0.1  # noted outside a session: it has no neighbours to gain from

# What was done for a request, by kind in the order of `work_terms.KINDS`: files changed and read,
# commits, commands, errors. A term counts as the heaviest kind that has it; all of them count up to
# MOST_WORK, where a question's terms in the text count 1. Commands are all that was run and
# searched for: test names and patterns say what was worked on as well as the names of files. Steps
# of to-do lists don't count: they name what was planned, in words that fit anything. From a commit
# to its session, any@1 is 0.61 in real sessions, and 0.53 without work and narration.
WORK = (1.0, 0.3, 1.2, 1.0, 0.4)
MOST_WORK = 1.5

# The narration of an exchange, where all terms of the question are in it. From a commit to its
# session, any@1 is 0.07 lower without it.
NARRATION = 0.5

# Exchanges whose narration counts, those with most of the question. A fixed number, so that the
# order of the first hits does not depend on how many are asked for.
NARRATED = 40

# More for what was pinned or noted on purpose, as a share of what its own words count, so that a
# note comes before longer turns with the same words. Not measured.
REMEMBERED = 0.5

# Exchanges whose turns share SAME of their terms say the same: only the best of them is a hit.
SAME = 0.8

# Taken off what others of a team said, so that among equals one's own comes first. Not measured: no
# set has more than one person in it. So it is less than what age adds.
OTHERS = -0.01

# The project one is in comes first if its best hit has this share of the best score elsewhere. Not
# measured: below it, little more than the age of a hit speaks for it.
NEAR = 0.4

# Of the hits, this share is left to other projects where the one you are in comes first.
ELSEWHERE = 0.25

# A corrected hit comes just after its correction (`recall.supersession`). Links have no weight:
# whether following them finds more was not measured.
