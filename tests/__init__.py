"""The tests, in the same rooms as the code; those of `actors/` run whole groups."""
