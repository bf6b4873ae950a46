"""The check of encryption at rest: is it on, is the key there, and what is not sealed?"""

from collections.abc import Iterator

from iai.admin import plaintext
from iai.admin.doctor import own_keys
from iai.admin.doctor.finding import Finding, fail, ok, warn
from iai.admin.encryption import check_unlocked
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption import keys
from iai.encryption.key_sources import KeyFile, Passphrase
from iai.encryption.keys import Keys
from iai.errors import StoreError

_LISTED = 3  # files


def checks(layout: Layout, settings: Settings) -> Iterator[Finding]:
    """Check the keys, and what is in the clear. Nothing is opened for writing."""
    try:
        found = keys.read(layout.root)
        check_unlocked(layout)
        if found is None:
            yield ok("encryption", "off; `iai crypto init` turns it on")
            return
    except StoreError as error:
        todo, fixable = own_keys.remedy(layout)
        yield fail("encryption", str(error), todo, fixable=fixable)
        return
    yield _state(found)
    yield from _plaintext(layout, settings)
    yield from _key(layout, found)
    if isinstance(found.source, Passphrase) and not settings.passphrase_file:
        said = "hooks do not know the passphrase: a start whose text is not ready gets none"
        yield warn("passphrase", said, "`iai config set passphrase_file FILE`")


def _state(found: Keys) -> Finding:
    said = f"{found.cipher}, the key is in {found.source.shown}, generation {found.current}"
    if found.state == "on":
        return ok("encryption", f"on: {said}")
    return warn("encryption", f"{found.state}: {said}", "`iai crypto status` says how far it is")


def _key(layout: Layout, found: Keys) -> Iterator[Finding]:
    if not isinstance(found.source, KeyFile):
        return
    path = found.source.located(layout.root)
    if path.is_relative_to(layout.root):
        said = f"{path} is in the store that it opens: a copy of the store needs no other key"
        yield warn(
            "key file", said, "`iai crypto off`, then `iai crypto init --key-file` elsewhere"
        )


def _plaintext(layout: Layout, settings: Settings) -> Iterator[Finding]:
    left = [str(path.relative_to(layout.root)) for path in plaintext.left(layout, settings)]
    if not left:
        yield ok("plaintext", "none where it should be sealed")
        return
    more = f" and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
    said = f"in the clear: {', '.join(left[:_LISTED])}{more}"
    todo = "iai seals it as soon as it runs; copies in backups/ are yours to delete"
    yield warn("plaintext", said, todo)
