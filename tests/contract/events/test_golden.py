"""What was once said stays readable: golden files may be added, never edited."""

import json
import pkgutil
import subprocess
from pathlib import Path

import pytest

import shared.contracts.events
from shared.contracts.events import Event, UnknownEvent, decode, known_types
from tests.contract.events.golden_files import GOLDEN, spelled
from tests.fixtures.events import sample

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(GOLDEN.glob("*.json"))
TYPES = known_types()
SECRET = ("auth_code", "private", "secret", "token")


def test_every_type_has_its_sample_and_no_type_ever_goes() -> None:
    """A file is missing: run tests.contract.events.golden_files; a type is: put it back."""
    assert {path.stem for path in FILES} == set(TYPES)


def test_the_package_imports_the_module_of_each_owner() -> None:
    """The events of a module that it does not import would have no golden file, and nobody would
    ask for one: `shared/contracts/events/__init__.py` imports it and names it in `__all__`."""
    package = shared.contracts.events
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert modules - {"base", "macs"} <= set(package.__all__)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_todays_code_reads_and_repeats_the_sample(path: Path) -> None:
    """Every member of the sample survives a round trip with its value: additive only."""
    document = json.loads(path.read_text())
    event = decode(path.read_bytes())
    assert isinstance(event, TYPES[path.stem])
    again = json.loads(event.encode())
    data, repeated = document.pop("data"), again.pop("data")
    assert again == document
    assert {name: repeated.get(name) for name in data} == data


@pytest.mark.parametrize("name", TYPES)
def test_the_envelope_is_cloudevents(name: str) -> None:
    event = TYPES[name]
    document = json.loads(sample(event).encode())
    assert document["specversion"] == "1.0"
    assert document["type"] == name
    assert document["source"] == f"damselfly/{event.topic.removesuffix('.events')}"
    assert document["time"].endswith("Z")
    assert document["subject"]
    assert name.rsplit(".", 1)[-1].startswith("v")


@pytest.mark.parametrize("name", TYPES)
def test_new_members_of_a_known_version_are_optional(name: str) -> None:
    """A member that the sample lacks came later: without a default, old events would not read."""
    said = set(json.loads((GOLDEN / f"{name}.json").read_text())["data"])
    fields = TYPES[name].model_fields
    envelope = {"event_id", "tenant_id", "occurred_at"}
    added = [field for field in fields if field not in said | envelope]
    assert not [field for field in added if fields[field].is_required()]


def test_a_consumer_ignores_what_it_does_not_know() -> None:
    """Newer producers may say more; a wholly unknown type is told apart from a broken one."""
    document = json.loads(FILES[0].read_text())
    document["data"]["said_tomorrow"] = 1
    document["extension"] = "x"
    assert isinstance(decode(json.dumps(document).encode()), Event)
    document["type"] = "payment.teleported.v9"
    with pytest.raises(UnknownEvent):
        decode(json.dumps(document).encode())
    with pytest.raises(ValueError, match="CloudEvents"):
        decode(b"{}")


def test_money_and_secrets_in_events() -> None:
    """Money is an integer of fen; no event carries an auth code, a key or a token."""
    for name, event in TYPES.items():
        for field in event.model_fields:
            assert not any(word in field for word in SECRET), (name, field)
        for field, value in json.loads(sample(event).encode())["data"].items():
            assert field.endswith("_fen") or not isinstance(value, float), (name, field)


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *words, "--", str(GOLDEN.relative_to(ROOT))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_golden_files_are_never_edited() -> None:
    """Against the last commit, and in the history that is here."""
    changed = _git("diff", "--name-status", "--diff-filter=MDR", "HEAD")
    if changed.returncode == 0:
        assert changed.stdout == ""
        assert _git("log", "--diff-filter=MD", "--format=", "--name-status").stdout.strip() == ""


def test_the_writer_leaves_existing_files_alone(tmp_path: Path) -> None:
    from tests.contract.events.golden_files import write_missing

    assert len(write_missing(tmp_path)) == len(TYPES)
    first = tmp_path / f"{next(iter(TYPES))}.json"
    first.write_text("mine")
    assert write_missing(tmp_path) == []
    assert first.read_text() == "mine"
    for path in tmp_path.glob("*.json"):
        if path != first:
            assert path.read_text() == spelled(sample(TYPES[path.stem]))
