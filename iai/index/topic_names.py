"""What a topic is called: the terms that tell it from others, and the request with most of them.

Terms by class-based TF-IDF; the request is a representative document of its class, one that is most
like it by these weights (Grootendorst, BERTopic, 2022, section 3), by the part of it that is shown.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct

from iai.index.term_vectors import OPENS, head, terms_in
from iai.index.terms import term_id, terms
from iai.model.record import Record
from iai.payload import phrases

FORM = 1  # of the names: windows named in another way are looked at again
WORDS = 3  # of a label
ONCE = 100  # a term of a single record scores so many times less: the last resort
NAME = 80  # characters of a request that name a topic
REQUESTS = 8  # whose names are compared
SHORT = 4  # terms that every request is taken to have more: one of two words says little

_TOKEN = re.compile(r"[^\W_][\w./-]*[^\W_]")
_LETTERS = re.compile(r"[^\W\d_]{2}")


class Name(Struct, frozen=True):
    """What a community is called."""

    terms: list[int]  # that set it apart from the others, the best first
    weights: dict[int, float]  # of its terms
    requests: list[int]  # rows of those that are most like it


def named(
    term_vectors: Sequence[bytes], communities: Sequence[list[int]], every: int
) -> Iterator[Name]:
    """Yield the names of the first of so many communities, each the rows of its records."""
    of = np.full(len(term_vectors), len(communities))  # the last stands for all others
    for number, rows in enumerate(communities):
        of[rows] = number
    bodies = [np.array(terms_in(vector), np.int64) for vector in term_vectors]
    sizes = np.array([len(body) for body in bodies], np.int64)
    row = np.repeat(np.arange(len(bodies)), sizes)
    ids, term = np.unique(np.concatenate([np.zeros(0, np.int64), *bodies]), return_inverse=True)
    total = np.bincount(term, minlength=len(ids))  # in how many records
    requests = np.array([head(vector)["exchange"] == OPENS for vector in term_vectors], bool)
    for number in range(len(communities)):
        own = of[row] == number
        inside = np.bincount(term[own], minlength=len(ids))
        score = inside * np.log1p(len(row) / (every + 1) / np.maximum(total, 1))
        score = np.where(inside > 1, score, score / ONCE)
        order = np.lexsort((ids, -score))[: 4 * WORDS]
        fit = np.bincount(row[own], score[term[own]], len(bodies)) / np.sqrt(sizes + SHORT)
        fit[~requests] = 0.0
        alike = np.argsort(-fit, kind="stable")[:REQUESTS]
        yield Name(
            terms=[int(ids[place]) for place in order if score[place] > 0],
            weights={int(ids[place]): float(score[place]) for place in np.flatnonzero(score)},
            requests=[int(one) for one in alike if fit[one] > 0],
        )


def request_of(requests: Sequence[Record], weights: Mapping[int, float]) -> int:
    """Return the label of the request whose name has the most of these terms; 0 without one."""

    def fit(request: Record) -> float:
        found = {term_id(term) for term in terms(phrases.said(request, NAME))}
        return sum(weights.get(term, 0.0) for term in found) / math.sqrt(len(found) + SHORT)

    return max(requests, key=fit).label if requests else 0


def written(texts: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """Return the first few of these terms as they are written in the texts."""
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for text in texts:
        for token in filter(_LETTERS.search, _TOKEN.findall(text)):
            for term in terms(token):
                found[term_id(term)][token] += 1
    names: list[str] = []
    for number in numbers:
        tokens = found[number]
        if not tokens or len(names) == WORDS:
            continue
        name = min(tokens, key=lambda token: (len(token), -tokens[token], token))
        if not any(
            name.lower() in other.lower() or other.lower() in name.lower() for other in names
        ):
            names.append(name)
    return names
