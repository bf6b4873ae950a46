"""Which code this is: the version, and a digest of the sources of iai and its actors.

It is the same wherever the same sources lie, and another as soon as one of them is replaced. So two
states of a checkout, which are of one version, are told apart where they would write one store.
"""

import hashlib
from pathlib import Path

import iai


def build() -> str:
    """Return what is on disk now, as `0.1.0+5ce1bb41` (PEP 440): some milliseconds."""
    top = Path(iai.__file__).parents[1]
    digest = hashlib.blake2b(digest_size=4)
    for package in ("actors", "iai"):
        for path in sorted((top / package).rglob("*.py")):
            source = path.read_bytes()
            digest.update(f"{path.relative_to(top)} {len(source)}\n".encode() + source)
    return f"{iai.__version__}+{digest.hexdigest()}"
