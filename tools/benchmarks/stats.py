"""Quantiles, and how measurements are printed."""

import json
import os
import statistics
from typing import Any

Stats = dict[str, Any]


def quantiles(values: list[float], unit: str) -> Stats:
    """Return median, 95th and 99th percentile and maximum of some measurements."""
    several = len(values) > 1
    cuts = statistics.quantiles(values, n=100, method="inclusive") if several else values * 99
    named = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(values)}
    return {f"{name}_{unit}": round(value, 3) for name, value in named.items()}


def load() -> str:
    """Return how busy the machine is, without which times say little."""
    return f"{os.getloadavg()[1]:.1f} on {os.cpu_count()} cores"


def show(stats: Stats, *, as_json: bool) -> None:
    """Print measurements, for a program or for people."""
    if as_json:
        print(json.dumps(stats))
        return
    for name, value in stats.items():
        if isinstance(value, dict):
            print(f"{name}: " + ", ".join(f"{k} {v}" for k, v in value.items()))
        else:
            print(f"{name}: {value}")
