"""Every setting with its default, and where each file of the store lies."""
