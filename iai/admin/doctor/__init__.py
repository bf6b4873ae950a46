"""The checks of `iai doctor`, and the fixes it suggests."""
