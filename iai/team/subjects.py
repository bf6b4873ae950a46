"""The subjects on which a team publishes, and what they show of a project. No I/O."""

import hashlib


def project_hash(secret: bytes, project: str) -> str:
    """Return what stands for a project id in subjects and headers: 16 hexadecimal digits.

    Without the team's secret nobody can find out, by trying remotes, which project it is.
    """
    key = hashlib.blake2b(secret, person=b"iai project").digest()
    return hashlib.blake2b(project.encode(), key=key, digest_size=8).hexdigest()


def kept(team: str) -> tuple[str, ...]:
    """Return the patterns of what the stream of a team keeps, each message until it is erased."""
    return control(team), f"iai.{team}.change.>"


def last_kept(team: str) -> str:
    """Return the pattern of the subjects of which only the last message is kept."""
    return f"iai.{team}.alive.>"


def stream(team: str) -> str:
    """Return the name of the stream of a team."""
    return f"iai-{team}"


def last_stream(team: str) -> str:
    """Return the name of the stream of which only the last message of each subject is kept."""
    return f"iai-{team}-alive"


def control(team: str) -> str:
    """Return the subject of invitations, members and keys."""
    return f"iai.{team}.control"


def changes(team: str, project: str, machine: str) -> str:
    """Return the subject of one machine's changes of a project (by its hash)."""
    return f"iai.{team}.change.{project}.{machine}"


def alive(team: str, project: str, machine: str) -> str:
    """Return the subject on which a machine says up to where it has published a project."""
    return f"iai.{team}.alive.{project}.{machine}"


def ask(team: str, machine: str) -> str:
    """Return the subject, not kept, on which a machine is asked to publish again."""
    return f"iai.{team}.ask.{machine}"
