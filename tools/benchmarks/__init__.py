"""What the figures in the README come from, and the group that they (and the tests) run on."""
