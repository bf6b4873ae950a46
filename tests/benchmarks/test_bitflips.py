"""The campaign of flipped bits, in small: what it finds, and that it raises no false alarm."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_flipped_bit_is_believed() -> None:
    done = subprocess.run(
        [sys.executable, "tools/benchmarks", "bitflips", "--flips", "8", "--records", "100",
         "--seed", "3", "--json"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["flips"], figures["BELIEVED"], figures["of these not in words"]) == (8, 0, 0)
    assert figures["found at the read"] + figures["found by --deep"] > 0
