"""What the process has freed, and its C library keeps."""

import ctypes


def give_back() -> None:
    """Return free memory to the system, where the C library can (malloc_trim(3), of glibc).

    It takes a few milliseconds. Else the process stays as large as it ever was: memory that is free
    between what is in use is not returned by itself.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
