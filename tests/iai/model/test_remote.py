"""The URLs of remotes."""

import pytest

from iai.model.remote import normalised, parsed, without_credentials


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("git@github.com:Acme/Tides.git", "github.com/acme/tides"),
        ("ssh://git@ssh.github.com:443/Acme/Tides.git", "github.com/acme/tides"),
        ("ssh://git@altssh.gitlab.com:443/Acme/sub/Tides", "gitlab.com/acme/sub/tides"),
        ("https://www.github.com//acme/tides/", "github.com/acme/tides"),
        ("git+ssh://git@GitHub.com/acme/tides", "github.com/acme/tides"),
        ("HTTPS://github.com/acme/tides", "github.com/acme/tides"),
        ("git@ssh.dev.azure.com:v3/Org/project/repo", "dev.azure.com/org/project/repo"),
        ("https://Org.visualstudio.com/project/_git/repo", "dev.azure.com/org/project/repo"),
        (
            "https://org.visualstudio.com/DefaultCollection/project/_git/repo",
            "dev.azure.com/org/project/repo",
        ),
        ("Org@vs-ssh.visualstudio.com:v3/Org/project/repo", "dev.azure.com/org/project/repo"),
        ("https://github.com/o/tide%2Dtables", "github.com/o/tide-tables"),
        ("https://bb.example.org/scm/pier/repo.git", "bb.example.org/pier/repo"),
        ("ssh://git@bb.example.org:7999/pier/repo.git", "bb.example.org/pier/repo"),
        ("https://Org@dev.azure.com/Org/project/_git/repo", "dev.azure.com/org/project/repo"),
        ("git@work:o/r.git", "github.com/o/r"),
        ("ssh://git@[fd00::1]:2222/o/r.git", "[fd00::1]/o/r"),
        ("https://work/o/r.git", "work/o/r"),
        ("git@Git.Example.org:Acme/Tides.git", "git.example.org/Acme/Tides"),
        ("https://me:s3cret@example.org", "https://example.org"),
    ],
)
def test_spellings_of_one_remote_are_the_same(url: str, same: str) -> None:
    aliases = {"work": "github.com"}
    assert normalised(url, lambda host: aliases.get(host, host)) == same


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://me:s3cret@github.com/o/r.git", "https://github.com/o/r.git"),
        ("https://s3cret@github.com/o/r", "https://github.com/o/r"),
        ("https://me:s3cret@x@example.com/o/r.git", "https://example.com/o/r.git"),
        ("https://example.com/o/r.git?token=s3cret", "https://example.com/o/r.git"),
        ("https://example.com/o/r#s3cret", "https://example.com/o/r"),
        ("me:s3cret@example.com:o/r.git", "example.com:o/r.git"),
        ("ssh://me:s3cret@example.com/o/r", "ssh://example.com/o/r"),
        ("//me:s3cret@example.com/o/r", "//example.com/o/r"),
        ("git@github.com:o/r.git", "git@github.com:o/r.git"),
        ("/srv/a@b/r.git", "/srv/a@b/r.git"),
        ("", ""),
    ],
)
def test_nothing_secret_is_kept_of_a_remote(url: str, kept: str) -> None:
    assert without_credentials(url) == kept
    assert "s3cret" not in parsed(url).spelling
