"""What is redacted of what ingest is given."""

from iai.ingest import redact
from iai.model.action import Action
from iai.model.context import Made
from iai.model.record import Transcript
from iai.redaction.redactor import Redactor


def test_what_a_command_printed_is_redacted_if_only_the_command_says_what_it_is() -> None:
    printed = "kR3tQ9vX7mPb2LwRzT5nJd8s"
    done = Action(key="claude:a", kind="command", at=0, status="failed",
                  text="echo $API_TOKEN && make", output=f"{printed}\nmake: Error 1")  # fmt: skip
    redacted = redact.action(done, Redactor(b"a key").text)
    assert redacted.text == done.text
    assert redacted.output.startswith("[redacted: printed-secret #")
    assert redacted.output.endswith("]\nmake: Error 1")


def test_the_branch_that_a_commit_was_made_on_is_redacted_with_how_far_a_transcript_was_read() -> (
    None
):
    token = "gl" + "pat-kR3tQ9vX7mPb2LwRzT5n"
    made = Made(
        "/p", Action(key="c", kind="commit", at=0), branch=f"fix/{token}", fixes=f":/{token}"
    )
    read = redact.transcript(
        Transcript(path="/t", host="claude", commits=(made,)), Redactor(b"a key").text
    )
    assert token not in str(read)
    assert read.commits[0].branch.startswith("fix/[redacted: gitlab-token #")
