"""The URL of a git remote: what all its spellings have in common, and what of it may be kept."""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

_SCP = re.compile(r"^(?:[^/]*@)?(?P<host>[^:/]{2,}):(?P<path>(?!//).+)$")  # not `C:\`
_SCHEME = re.compile(
    r"^(?P<scheme>[a-z+]+)://(?:[^/]*@)?(?P<host>\[[^]/]*\]|[^/:]*)(?::\d+)?/(?P<path>.+)$",
    re.IGNORECASE,
)
_USER = re.compile(r"^(?P<scheme>(?:[a-z][a-z0-9+.-]*:)?//)?(?P<user>[^/]*)@", re.IGNORECASE)
_EXTRA = re.compile(r"[?#]")

# Forges that don't tell upper from lower case in the paths of repositories.
_ANY_CASE = {"github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "dev.azure.com"}
# Where forges take SSH on the port of HTTPS, and other names of the same server.
_SAME_FORGE = {
    "ssh.github.com": "github.com",
    "www.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "www.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "www.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": "dev.azure.com",
    "vs-ssh.visualstudio.com": "dev.azure.com",
}
_OLD_AZURE = ".visualstudio.com"  # the organisation was part of the host


class Remote(NamedTuple):
    """A remote as it is spelled, without protocol, user and port."""

    host: str  # "" for a path on this machine, or what is no URL
    path: str
    by_ssh: bool = False

    @property
    def spelling(self) -> str:
        """Return host/path as the URL has it, but for the case of the host."""
        return f"{self.host.lower()}/{self.path}" if self.host else self.path


def parsed(url: str) -> Remote:
    """Split a URL into what identifies a repository. No part holds a password."""
    text = url.strip()
    found = _SCHEME.match(text) or _SCP.match(text)
    if found is None:
        return Remote("", without_credentials(text).rstrip("/").removesuffix(".git"))
    path = _EXTRA.split(found["path"])[0].strip("/").removesuffix(".git")
    scheme = found.groupdict().get("scheme", "ssh").lower()
    if not found["host"]:
        return Remote("", f"/{path}")
    return Remote(found["host"], path, "ssh" in scheme)


def normalised(url: str, host_of: Callable[[str], str] = str) -> str:
    """Return host/path of a remote's URL, the same for every spelling.

    `host_of` returns the host that an alias of SSH stands for.
    """
    remote = parsed(url)
    if not remote.host:
        return remote.spelling
    host = (host_of(remote.host) if remote.by_ssh else remote.host).lower().rstrip(".")
    host = _SAME_FORGE.get(host, host)
    path = re.sub("/+", "/", unquote(remote.path))
    if host.endswith(_OLD_AZURE):
        path = f"{host.removesuffix(_OLD_AZURE)}/{path.removeprefix('DefaultCollection/')}"
        host = "dev.azure.com"
    if host == "dev.azure.com":
        path = path.removeprefix("v3/").replace("/_git/", "/")
    path = path.removeprefix("scm/")  # of Bitbucket Server, over HTTPS
    return f"{host}/{path.lower() if host in _ANY_CASE else path}"


def without_credentials(url: str) -> str:
    """Return a URL without a password, or a token in its user or query.

    The user of a URL for SSH is no secret.
    """
    text = _EXTRA.split(url.strip())[0]
    found = _USER.match(text)
    if found is None:
        return text
    scheme, user = found["scheme"] or "", found["user"]
    secret = ":" in user or "http" in scheme.lower()
    return scheme + text[found.end() :] if secret else text
