"""A model2vec model in a directory of the user's: token vectors, weighted like the default's.

Its files are those that `StaticModel.save_pretrained` of model2vec writes (version 0.7):
`tokenizer.json`, and `model.safetensors` with `embeddings`, of which newer models keep the lengths
apart as `weights` and, where several tokens share a vector, the row of each token as `mapping`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from tokenizers import Tokenizer

from iai.embedders.static import StaticEmbedder
from iai.embedders.tokens import whole
from iai.errors import EmbedderUnavailable


def model2vec_files(directory: Path) -> tuple[Path, Path]:
    """Return the paths of the vectors and the tokenizer of a model."""
    return directory / "model.safetensors", directory / "tokenizer.json"


def model2vec(directory: Path) -> StaticEmbedder:
    """Return the embedder of a model.

    Raises EmbedderUnavailable if the directory holds none, or it cannot be read.
    """
    vectors, tokens = model2vec_files(directory)
    try:
        with safe_open(str(vectors), "numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no dict
        tokenizer = Tokenizer.from_file(str(tokens))
        table = _table(tensors)
        unknown = _unknown(tokenizer)
    except Exception as error:  # tokenizers raises bare ones
        raise EmbedderUnavailable(f"{directory} holds no model2vec model: {error}") from error
    if table.ndim != 2 or len(table) < tokenizer.get_vocab_size():  # noqa: PLR2004  rows, columns
        raise EmbedderUnavailable(
            f"{directory} holds no model2vec model: a table of shape {table.shape} for"
            f" {tokenizer.get_vocab_size()} tokens"
        )
    if unknown is not None:
        table[unknown] = 0  # unknown words make no two texts similar
    return StaticEmbedder(str(directory), f"model2vec-{directory.name}", table, whole(tokenizer))


def _unknown(tokenizer: Tokenizer) -> int | None:
    """Return the token of all unknown words, if there is one."""
    model = json.loads(tokenizer.to_str())["model"]
    token = model.get("unk_token")  # Unigram has its id instead
    number: int | None = model.get("unk_id") if token is None else tokenizer.token_to_id(token)
    return number


def _table(tensors: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Return a row for each token; raises KeyError if there are no vectors."""
    table = tensors["embeddings"]
    if "mapping" in tensors:
        table = table[tensors["mapping"]]
    if "weights" in tensors:
        table = table.astype(np.float32) * tensors["weights"].astype(np.float32)[:, None]
    return table
