"""The build id: the version, and a digest of the sources of iai and its actors.

It depends on the sources alone, not on where they are. So two states of a checkout, which have the
same version, never write to one store unnoticed.
"""

import hashlib
from pathlib import Path

import iai


def build() -> str:
    """Return the id of the code on disk, like `0.1.0+5ce1bb41` (PEP 440). Takes milliseconds."""
    top = Path(iai.__file__).parents[1]
    digest = hashlib.blake2b(digest_size=4)
    for package in ("actors", "iai"):
        for path in sorted((top / package).rglob("*.py")):
            source = path.read_bytes()
            digest.update(f"{path.relative_to(top)} {len(source)}\n".encode() + source)
    return f"{iai.__version__}+{digest.hexdigest()}"
