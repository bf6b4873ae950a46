"""Looks up the locked packages in the index's database of vulnerabilities, with pip-audit.

Fails only if there are any: where pip-audit or its database is missing, says so in one line.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 300.0


def main() -> int:
    """Run it; return the exit code."""
    command = shutil.which("pip-audit") or str(Path(sys.executable).with_name("pip-audit"))
    options = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    try:
        done = subprocess.run(
            [command, *options, "-r", str(ROOT / "requirements.lock")],
            capture_output=True, text=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        checked = json.loads(done.stdout)["dependencies"]
    except FileNotFoundError:
        return _skipped("pip-audit is not installed (`pipx install pip-audit`)")
    except (ValueError, KeyError, subprocess.TimeoutExpired):
        return _skipped("pip-audit has no answer from the database of vulnerabilities")
    known = [one for one in checked if "vulns" in one]
    if not known:
        return _skipped("the database of vulnerabilities knows none of the packages from here")
    for one in known:
        for found in one["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            print(f"{one['name']} {one['version']}: {found['id']}, fixed in {fixed}")
    bad = sum(bool(one["vulns"]) for one in known)
    print(f"audit: {len(known)} of {len(checked)} packages looked up, {bad} with a known fault")
    return 1 if bad else 0


def _skipped(why: str) -> int:
    print(f"audit: nothing was checked: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
