"""What is known of a session besides its turns: its title, its branch, who held it. Plain data."""

from msgspec import Struct, structs

from iai.model.record import session_key


class SessionInfo(Struct, frozen=True, kw_only=True):
    """One session of a host, gathered from all its lines so far."""

    host: str
    session: str
    title: str = ""  # what the host or the user called it; "" where neither did
    title_rank: int = 0  # of a title, by who gave it: a higher one is not replaced by a lower
    branch: str = ""  # git branch of its last line that names one
    cwd: str = ""  # working directory of its last line that names one
    unattended: bool = False  # held by a program, not a person
    forked_from: str = ""  # id of the session that it continues
    machine: str = ""  # that it was held on; "": this one
    revision: int = 0  # of that machine, when it said so; 0: this one

    @property
    def session_key(self) -> bytes:
        """The key of the session: see `session_key`."""
        return session_key(self.host, self.session, self.machine)

    def updated(self, later: "SessionInfo") -> "SessionInfo":
        """Return what is known after later lines; what they leave open stays as it was."""
        retitled = bool(later.title) and later.title_rank >= self.title_rank
        return structs.replace(
            self,
            title=later.title if retitled else self.title,
            title_rank=later.title_rank if retitled else self.title_rank,
            branch=later.branch or self.branch,
            cwd=later.cwd or self.cwd,
            unattended=later.unattended or self.unattended,
            forked_from=later.forked_from or self.forked_from,
        )
