"""The estimate of tokens, against its definition."""

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from iai.payload.budget import tokens


def _defined(text: str) -> int:
    """Count piece by piece: letters, digits, white space, anything else."""
    count = 0
    for piece in re.findall(r"[A-Za-z]+|[0-9]+|\s+|.", text, re.DOTALL):
        if re.fullmatch("[A-Za-z]+", piece):
            count += math.ceil(len(piece) / 4)
        elif re.fullmatch("[0-9]+", piece):
            count += math.ceil(len(piece) / 3)
        else:
            count += piece != " "
    return count


@given(st.text(alphabet=st.sampled_from("aB9 \n\té漢_.-\xa0\x1c٣"), max_size=20))
def test_tokens_are_counted_by_letters_digits_white_space_and_signs(text: str) -> None:
    assert tokens(text) == _defined(text)
