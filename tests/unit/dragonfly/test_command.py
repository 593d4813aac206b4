"""The command line: amounts are decimal text, misuse is one line and exit 2."""

import asyncio
import io
import json
import sys

import pytest

from deploy.sandbox.dragonfly import __main__ as command
from deploy.sandbox.dragonfly.device import Identity
from tests.unit.dragonfly.platform import Platform


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


GIVEN = {"device_id": "d", "key_id": "k", "key": "a2V5", "merchant_id": "m", "store_id": "s"}


@pytest.mark.asyncio
@pytest.mark.parametrize("is_person", [True, False])
async def test_enrol_without_flags_asks_for_the_code_and_finds_the_rest(
    tmp_path, monkeypatch, capsys, is_person
) -> None:
    """A person is asked, beside the answer, which may go into a file; a pipe brings it unasked."""
    async with Platform((201, GIVEN)).running() as platform:
        (tmp_path / "stack.json").write_text(json.dumps({"gateway": {"public": platform.url}}))
        monkeypatch.setenv("RUN_DIR", str(tmp_path))
        monkeypatch.setattr(sys, "argv", ["dragonfly", "enrol"])
        typed = io.StringIO("ABCD-EFGH-JKMN-PQRS\n")
        monkeypatch.setattr(typed, "isatty", lambda: is_person)
        monkeypatch.setattr(sys, "stdin", typed)
        assert await asyncio.to_thread(command.main) == 0
        (_, _, sent), *_ = platform.asked
    assert sent["code"] == "ABCD-EFGH-JKMN-PQRS"
    (made,) = (tmp_path / "devices").glob("*.json")
    said, asked = capsys.readouterr()
    assert ("enrolment code" in asked) == is_person
    assert said.startswith("已激活 enrolled")
    assert sent["sn"] == made.stem
    assert f"--device {made}" in said, "how to pay with it"
    assert Identity.load(made).url == platform.url
    assert made.stat().st_mode & 0o777 == 0o600


@pytest.mark.asyncio
async def test_a_second_try_with_a_code_says_what_became_of_the_first(
    tmp_path, monkeypatch, capsys
) -> None:
    """Its answer may have been lost, and the key with it: the device is named, and the way back."""
    used = (409, {"code": "device.code_used", "title": "激活码已使用 The code was used."})
    async with Platform((201, GIVEN), used).running() as platform:
        monkeypatch.setenv("RUN_DIR", str(tmp_path))
        words = ["dragonfly", "enrol", "--url", platform.url, "--code"]
        monkeypatch.setattr(sys, "argv", [*words, "ABCD-EFGH-JKMN-PQRS"])
        assert await asyncio.to_thread(command.main) == 0
        monkeypatch.setattr(sys, "argv", [*words, "abcdefghjkmnpqrs"])
        assert await asyncio.to_thread(command.main) == 1
        first, second = (sent["sn"] for _, _, sent in platform.asked)
    assert first == second
    told = capsys.readouterr().err
    assert told.startswith("激活码已使用")
    assert f"--sn {first}" in told


def test_enrol_without_a_person_or_a_stack_is_misuse(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("RUN_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for words, said in (([], "make run"), (["--url", "http://127.0.0.1:9"], "--code")):
        monkeypatch.setattr(sys, "argv", ["dragonfly", "enrol", *words])
        assert command.main() == 2
        assert said in capsys.readouterr().err


@pytest.mark.asyncio
async def test_a_wechat_code_gets_words(tmp_path, monkeypatch, capsys) -> None:
    """The platform's words come first; its code only behind them, for whoever is asked for help."""
    title = "暂不支持微信付款码 WeChat codes are not taken yet."
    refused = (422, {"code": "payment.channel_not_configured", "title": title})
    async with Platform(refused).running() as platform:
        path = tmp_path / "device.json"
        Identity(platform.url, "d", "k", "a2V5", "SN1").save(path)
        words = ["dragonfly", "pay", "--amount", "1", "--code", "13" + "0" * 16]
        monkeypatch.setattr(sys, "argv", [*words, "--device", str(path)])
        assert await asyncio.to_thread(command.main) == 1
    assert capsys.readouterr().err.startswith(title)
