"""The benchmarks: where the numbers in the README come from."""
