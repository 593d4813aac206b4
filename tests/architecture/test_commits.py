"""New commits say what they do: an imperative of at most 72 characters, the rest in the body."""

import subprocess
from pathlib import Path

from tests.architecture.tree import ROOT

SUBJECT_MAX = 72
VERBS = frozenset((Path(__file__).parent / "imperatives.txt").read_text("utf-8").split())
"""Imperatives as a subject may begin with; a good one that is missing is added here."""


def _git(*words: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def faults(subject: str) -> list[str]:
    """What is wrong with a commit's subject."""
    first = subject.partition(" ")[0]
    found = []
    if len(subject) > SUBJECT_MAX:
        found.append(f"longer than {SUBJECT_MAX} characters")
    if not first[:1].isupper() or first.lower() not in VERBS:
        found.append("does not begin with a capitalised imperative")
    if subject.endswith("."):
        found.append("ends with a full stop")
    return found


def test_new_commits_begin_with_an_imperative_and_are_short() -> None:
    """From the commit on that brought this test; older ones are as they are."""
    since = _git(
        "log", "--diff-filter=A", "--format=%H", "--", "tests/architecture/test_commits.py"
    )
    subjects = _git("log", "--no-merges", "--format=%s", f"{since[-1]}..HEAD") if since else []
    assert {subject: found for subject in subjects if (found := faults(subject))} == {}


def test_what_is_refused() -> None:
    assert faults("Stream the audit export through the edge") == []
    assert faults("Streams the audit export") == ["does not begin with a capitalised imperative"]
    assert faults("stream it") == ["does not begin with a capitalised imperative"]
    assert faults("Stream " + "x" * 66) == ["longer than 72 characters"]
    assert faults("Stream it.") == ["ends with a full stop"]
