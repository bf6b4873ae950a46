"""Every weight of the ranking, in one place, each with its reason and its measurement.

Measured on half of LoCoMo and on `tools/bench coding`; the figures are any@5 / any@10 / any@20
without that one part. With all of them: LoCoMo 0.81 / 0.89 / 0.94, code 0.26 / 0.41 / 0.51. Halves
of LoCoMo, by conversation or by question, differ by less than 0.02; all its questions were in view
when the weights were chosen. Near these values LoCoMo is flat; the code set was tried less.
"""

from typing import NamedTuple

# Candidates from each index. The score of one hardly depends on the others, so more of them only
# add hits far down, and the cost of a question grows with them. With 100 nothing more was found,
# and at 100,000 records a question took 14.5 ms in the process instead of 11.
CANDIDATES = 60

# Few hits need fewer candidates: FEWEST, and PER_HIT more for each hit above FIRST, up to which
# number the first hits are the same however many are asked for. LoCoMo's first 10 are the same from
# 40 as from 60, as are those of the code set; its first 20 are not (0.930 instead of 0.934, before
# turns gained from their session). From 26, as many as three hits once had, the third of ten on
# real sessions was none of three.
FEWEST = 40
PER_HIT = 2
FIRST = 10

# Notes that are candidates besides, of each tier. Where more turns than the above say the same, in
# longer texts, a note with the words of the question was not among them. Not measured.
NOTES = 5

# Terms of a question that more than this share of all records have are not used to find candidates:
# they say little of any record, and going through them was most of what a question cost in a large
# store (12 ms of 29 at 1,000,000 records, now 1.6). The rarest few are used in any case, and all
# terms count in the score. With all terms the figures are the same.
COMMON = 0.1
FEWEST_TERMS = 6

# How many turns from a candidate a turn is scored along with it.
REACH = 2

# How much a term counts in a turn when it occurs 1, 2, 3 turns away.
# LoCoMo 0.76 / 0.85 / 0.91, code as with it. Two turns farther won nothing. In an exchange only
# its own turns count: commit -> session any@1 / any@5 0.58 / 0.82 on real sessions, with those of
# other requests 0.57 / 0.82; file -> session 0.664 first instead of 0.655. To keep the vectors of
# other requests out as well was worse (0.55 / 0.80).
CONTEXT = (0.5, 0.25, 0.12)

# How soon repeating a term adds nothing (BM25's k1). 0.3 to 1.2 are the same.
SATURATION = 0.6

# A turn with this share of a question's terms, by rarity, is a full match. A question in other
# words shares a word with a turn only by chance, and the best of such matches would count as full.
# LoCoMo 0.80 / 0.90 / 0.93, code 0.22 / 0.34 / 0.46.
FULL_MATCH = 0.75

# How much the similarity of a turn gains from that of the turns next to it.
# LoCoMo 0.79 / 0.89 / 0.94, code 0.26 / 0.33 / 0.42.
VECTOR_CONTEXT = (0.3, 0.15)

# The most labels between a turn and the most similar one near it in its session. With 6 and with 24
# LoCoMo and code are the same; the bound is for sessions of hundreds of turns.
SESSION_REACH = 12


class Voice(NamedTuple):
    """How much the similarity by one part of the vectors counts; terms count 1."""

    best: float  # with the gain from turns next to it, as a share of the best
    own: float  # by itself
    session: float  # of the most similar turn near it in its session


# By how many parts a vector has.
VOICES = {
    # Of static vectors. Without them: LoCoMo 0.78 / 0.86 / 0.91, code 0.18 / 0.27 / 0.32; without
    # what their session adds: 0.80 / 0.89 / 0.93, code 0.25 / 0.37 / 0.49. A `session` of 0.3 to
    # 1.2 is the same.
    1: (Voice(best=0.8, own=0.0, session=0.6),),
    # Of static ones, and of those of minilm after them: LoCoMo 0.81 / 0.91 / 0.95, code 0.51 / 0.68
    # / 0.82. Without what sessions add: 0.81 / 0.90 / 0.94, code 0.35 / 0.50 / 0.62; without `own`:
    # 0.80 / 0.90 / 0.94, code 0.46 / 0.67 / 0.78; without the static ones: 0.81 / 0.89 / 0.94, code
    # the same. What follows was tried in a copy of the ranking. Weights chosen on four
    # conversations each find 0.909 any@10 in the fifth (static ones: 0.894), and half of 240
    # combinations near these find 0.907 or more. One voice for the weighted mean of both: 0.82 /
    # 0.90 / 0.95, code 0.50 / 0.67 / 0.78. A gain from the turns next to it costs minilm (0.90
    # any@10), and vectors of single sentences add nothing. Each turn embedded together with the one
    # before it has 0.01 more any@5, 0.01 less any@10, and 0.05 more any@10 on code; but its vector
    # would change with a text that is not its own.
    2: (Voice(best=0.3, own=0.0, session=0.35), Voice(best=0.0, own=0.7, session=1.1)),
}

# A turn from a date that the question names (LoCoMo 0.77 / 0.87 / 0.92), and one by a speaker that
# it names (0.79 / 0.88 / 0.93). The code set names neither. Turns of exchanges name no speaker.
SAID_THEN = 0.5
SAID_BY = 0.2

# A turn with hardly any terms ("ok", "continue") keeps only this share of its score; with
# ENOUGH_TERMS different terms it keeps all. Otherwise the neighbours of a good match would fill the
# top. LoCoMo 0.79 / 0.89 / 0.94, code 0.23 / 0.33 / 0.46. What was pinned or noted keeps all: it is
# short on purpose, and among 16,000 turns came after long ones that only mention its words.
BRIEF = 0.6
ENOUGH_TERMS = 10

# Priors that break ties, too small to lift an unrelated turn. Not measured, for neither set can
# tell, and kept small for that reason.
RECENT = 0.03  # for the newest record of the store, half of it after HALF_LIFE_DAYS
HALF_LIFE_DAYS = 30.0
PINNED = 0.1
NOTED = 0.1  # noted outside a session: it has no neighbours to gain from

# What was done for a request, by kind in the order of `work_terms.KINDS`: files changed and read,
# commits, commands, errors. A term counts as the heaviest kind that has it; all of them count up to
# MOST_WORK, where a question's terms in the text count 1. Commands are all that was run and
# searched for: test names and patterns say what was worked on as well as the names of files. On 122
# real sessions, taken in line by line in time, commit -> session any@1 / any@5 is 0.61 / 0.81
# (halves by time 0.61 / 0.85 and 0.62 / 0.76); with commands at 0.6 0.57 / 0.80 (0.56 / 0.83, 0.57
# / 0.76), at 1.2 0.59 / 0.78. Without work and narration 0.53 / 0.74, each session taken in whole,
# where the figures are about 0.01 higher. Commits at 1.0 to 2.0 are the same; with MOST_WORK at 1.2
# file -> session any@1 is 0.02 lower once files count more. Tried and dropped, for they won no more
# than they lost in halves by time: one saturated sum over text and work (BM25F), support by other
# exchanges of a session, a prior for exchanges that changed files or made a commit, the best
# passage of a text, pairs of words next to each other in both (worth 0.03 at commands 0.6, nothing
# now), rarity among work or narration alone, work and narration divided by their length, all terms
# of an exchange as one set, words of the request alone, names of branches, titles of sessions, and
# steps of to-do lists (0.50 / 0.77 at 1.2: they name what was planned, in words that fit anything).
WORK = (1.0, 0.3, 1.2, 1.0, 0.4)
MOST_WORK = 1.5

# The narration of an exchange, where all terms of the question are in it. Without it commit ->
# session is 0.54 / 0.77; at 0.3 0.57 / 0.82.
NARRATION = 0.5

# Exchanges whose narration counts, those with most of the question. A fixed number, so that the
# order of the first hits does not depend on how many are asked for: when it was that number, commit
# -> session any@5 was 0.76 with ten hits and 0.82 with fifty. With 20 0.80, with 120 0.78.
NARRATED = 40

# More for what was pinned or noted on purpose, as a share of what its own words count. With it
# a note comes before longer turns with the same words; not measured.
REMEMBERED = 0.5

# Exchanges whose turns share SAME of their terms say the same: only the best of them is a hit.
SAME = 0.8

# Taken off what others of a team said, so that among equals one's own comes first. Measured on
# nothing, since no set has more than one person in it: so it is less than what age adds.
OTHERS = -0.01

# The project one is in comes first if its best hit has this share of the best score elsewhere. Not
# measured: below it, little more than the age of a hit speaks for it.
NEAR = 0.4

# Of the hits, this share is left to other projects where the one you are in comes first.
ELSEWHERE = 0.25

# A corrected hit comes just after its correction (`recall.supersession`): LoCoMo and code are the
# same without that, since hardly a turn there corrects another. Links have no weight: whether
# following them finds more was not measured.
