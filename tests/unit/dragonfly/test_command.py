"""The command line: amounts are decimal text, misuse is one line and exit 2."""

import json
import sys

import pytest

from deploy.sandbox.dragonfly import __main__ as command


@pytest.mark.parametrize(
    ("text", "fen"),
    [("0.01", 1), ("0", 0), ("0.00", 0), ("12.07", 1207), ("1.1", 110), ("19.99", 1999)],
)
def test_yuan_text_is_read_as_decimal(text: str, fen: int) -> None:
    """int(19.99 * 100) would be 1998."""
    assert command.amount_fen(text) == fen


@pytest.mark.parametrize(
    "text", ["0.001", "-1", "+1", "1e3", "", ".", "1,000", "NaN", "Infinity", "100000000.01", "²"]
)
def test_what_is_not_an_amount_is_misuse(text: str) -> None:
    with pytest.raises(command.Misuse):
        command.amount_fen(text)


@pytest.mark.parametrize(
    "words",
    [
        ["--amount", "1"],
        ["--amount", "0.001", "--face"],
        ["--amount", "1", "--face", "--device", "no-such-file.json"],
        ["--amount", "1", "--face"],
    ],
)
def test_misuse_is_exit_2(words, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("RUN_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["dragonfly", "pay", *words])
    assert command.main() == 2
    said = capsys.readouterr()
    assert said.err.strip()
    assert not said.out


def test_without_device_the_running_stack_names_one(tmp_path, monkeypatch) -> None:
    (tmp_path / "stack.json").write_text(
        json.dumps({"demo": {"device": {"key_file": str(tmp_path / "device.json")}}})
    )
    monkeypatch.setenv("RUN_DIR", str(tmp_path))
    assert command._device_file(None) == tmp_path / "device.json"
