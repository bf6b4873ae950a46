"""From a question to ranked records, and why each of them is there."""
