"""Every weight of the ranking, in one place, each with its reason and what it was measured to be.

LOCO: `tools/bench locomo`; CODE: `tools/bench code`; any@5 / any@10 / any@20.
"""

# Candidates from each index. The score of one does not depend on the others, so that more of them
# add only what is far down.
CANDIDATES = 100

# How far from a candidate a turn may stand to be scored with it.
REACH = 2

# What of a term counts in a turn when the term stands so many turns away.
CONTEXT = (0.5, 0.25, 0.12)

# How soon more of the same term adds nothing (BM25's k1).
SATURATION = 0.6

# A turn with this share of what a question asks for, by rarity, is a full match. Questions in other
# words share a word with a turn by chance only, and the best of such matches would count as one.
FULL_MATCH = 0.75

# Likeness of the vectors against the terms, which count 1, and what it gains from turns beside it.
VECTORS = 0.8
VECTORS_BESIDE = (0.3, 0.15)

# A turn said when the question says, and one said by whom it names.
SAID_THEN = 0.5
SAID_BY = 0.2

# Of a turn with hardly any term in it ("ok", "continue") only this share counts; with ENOUGH_TERMS
# different ones all of it. What stands beside a good match would fill the top otherwise.
BRIEF = 0.6
ENOUGH_TERMS = 10

# Priors that settle what the question leaves open, too small to lift what has little to do with it.
RECENT = 0.03  # for the newest record of the store, half of it after HALF_LIFE_DAYS
HALF_LIFE_DAYS = 30.0
PINNED = 0.1
NOTED = 0.1  # noted by itself: there are no turns around it to gain from

# Turns that share so much of their terms say the same; only so much counts of all but the best.
SAME = 0.8
REPEATED = 0.5
