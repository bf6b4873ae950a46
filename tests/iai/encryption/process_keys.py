"""The keys that this process remembers."""

from iai.encryption import keys


def forget_keys() -> None:
    """Have this process forget the keys of all stores, as one that has just begun."""
    keys._key_encryption_keys.clear()
    keys._ciphers.clear()
