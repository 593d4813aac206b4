"""`python -m deploy.sandbox.dragonfly enrol|pay`: a device at the command line.

Exit status: 0 paid (or enrolled), 1 not paid, 2 misuse.
"""

import argparse
import asyncio
import hashlib
import json
import os
import shlex
import sys
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import aiohttp

from deploy.sandbox.dragonfly.device import (
    Device,
    DeviceError,
    Identity,
    enrol,
    face_token,
)
from deploy.sandbox.dragonfly.journal import alone

ROOT = Path(__file__).resolve().parents[3]
FEN_MAX = 10_000_000_000
HEADLESS, HEADLESS_SN = "无屏蜻蜓 headless", "HEADLESS-"
USED = "device.code_used"


class Misuse(Exception):
    """One clear line, exit 2."""


def amount_fen(text: str) -> int:
    """ "0.01" -> 1; refuses more than two decimals, signs and exponents."""
    try:
        yuan = Decimal(text)
    except InvalidOperation:
        raise Misuse(f"--amount {text}: 不是金额 not an amount") from None
    fen = yuan * 100
    if not text.replace(".", "", 1).isdigit() or fen != fen.to_integral_value():
        raise Misuse(f"--amount {text}: 金额最多两位小数 at most two decimals, no sign")
    if not 0 <= fen <= FEN_MAX:
        raise Misuse(f"--amount {text}: 超出范围 out of range")
    return int(fen)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.dragonfly", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("enrol", help="turn an enrolment code into a device's key")
    new.add_argument("--url", help="the platform's public address; else the running stack's")
    new.add_argument("--code", help="the enrolment code; else it is asked for")
    new.add_argument("--sn", help="the device's serial number; else a new one")
    new.add_argument("--model")
    new.add_argument("--file", type=Path, help="where the device keeps its key; else in RUN_DIR")
    new.add_argument("--json", action="store_true", help="for machines")
    pay = commands.add_parser("pay", help="charge a buyer")
    pay.add_argument("--amount", required=True, help="yuan, such as 0.01")
    how = pay.add_mutually_exclusive_group()
    how.add_argument("--face", action="store_true", help="by face")
    how.add_argument("--code", help="by the code on the buyer's phone")
    pay.add_argument("--device", type=Path, help="device file; else the running stack's")
    pay.add_argument("--url", help="another address of the same platform")
    pay.add_argument("--subject", default="")
    pay.add_argument("--json", action="store_true", help="for machines")
    return parser.parse_args()


def _run_dir() -> Path:
    run_dir = Path(os.environ.get("RUN_DIR", ".run"))
    return run_dir if run_dir.is_absolute() else ROOT / run_dir


def _from_stack(option: str, chinese: str, english: str, *names: str) -> str:
    """What stack.json of the running stack says under these names."""
    stack = _run_dir() / "stack.json"
    try:
        found = json.loads(stack.read_text())
        for name in names:
            found = found[name]
        return str(found)
    except FileNotFoundError:
        raise Misuse(
            f"平台没有在运行，请先执行 make run（找不到 {stack}）\n"
            f"The platform is not running; `make run` starts it ({stack} is not there)"
        ) from None
    except (KeyError, ValueError):
        raise Misuse(
            f"{stack} 中没有{chinese}，请用 {option} 指定\n"
            f"{stack} names no {english}; name it with {option}"
        ) from None


def _device_file(given: Path | None) -> Path:
    """The device file that was named, else the one of the running stack."""
    if given is not None:
        return given
    names = ("demo", "device", "key_file")
    return Path(_from_stack("--device", "演示设备", "demo device", *names))


def _identity(path: Path, url: str | None) -> Identity:
    try:
        identity = Identity.load(path)
    except DeviceError as error:
        raise Misuse(str(error)) from None
    return replace(identity, url=url.rstrip("/")) if url else identity


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def _pay(words: argparse.Namespace) -> int:
    fen = amount_fen(words.amount)
    if fen and not (words.face or words.code):
        raise Misuse("--face 或 --code 二选一 either --face or --code")
    path = _device_file(words.device)
    identity = _identity(path, words.url)
    auth_code = face_token() if words.face else words.code
    journal = path.with_suffix(".journal")
    with alone(journal):
        async with Device(identity, journal=journal) as device:
            if device.journal.unfinished is not None:
                earlier = await device.resume()
                if not words.json:
                    _say(f"先完成上一笔 finished the earlier one first  [{earlier['status']}]")
            answer = await device.pay(fen, auth_code, subject=words.subject)
            if not words.json:
                _show(answer)
            if answer["status"] == "paid":
                answer |= await _rewards(device, answer["payment_id"])
    if words.json:
        _say(json.dumps(answer, ensure_ascii=False))
    elif answer["status"] == "paid":
        _show_rewards(answer)
    return 0 if answer["status"] == "paid" else 1


async def _rewards(device: Device, payment_id: str) -> dict[str, Any]:
    """Coupon and draw. They come after the payment: when they do not, it is paid all the same."""
    found: dict[str, Any] = {}
    try:
        found["reward"] = await device.reward(payment_id)
        if found["reward"]["status"] == "granted":
            found["draw"] = await device.draw(payment_id)
    except (DeviceError, aiohttp.ClientError, TimeoutError, OSError) as error:
        found["reward_error"] = str(error) or type(error).__name__
    return found


def _show(answer: dict[str, Any]) -> None:
    yuan = f"{answer['amount_fen'] // 100}.{answer['amount_fen'] % 100:02d}"
    _say(f"{answer.get('message', '')}  {yuan} 元  [{answer['status']}]")
    _say(f"  交易号 out_trade_no  {answer['out_trade_no']}")


def _show_rewards(answer: dict[str, Any]) -> None:
    reward = answer.get("reward", {})
    if "reward_error" in answer:
        _say(f"  权益稍后到账 rewards will follow  ({answer['reward_error']})")
    elif reward.get("status") == "pending":
        _say("  权益稍后到账 rewards will follow")
    if reward.get("coupon"):
        _say(f"  优惠券 coupon        {reward['coupon']['title']}")
    draw = answer.get("draw")
    if draw is not None:
        prize = draw.get("prize")
        _say(f"  抽奖 draw            {prize['name'] if prize else '谢谢参与 no prize this time'}")


def _typed_code() -> str:
    """The enrolment code, typed by whoever reads it off the console's device page, or piped. The
    prompt goes to standard error: standard output may be a file."""
    if sys.stdin.isatty():
        sys.stderr.write(
            "激活码（控制台「设备」页生成）enrolment code, from the console's device page: "
        )
        sys.stderr.flush()
    return sys.stdin.readline().strip()


def _sn_of(code: str) -> str:
    """The serial number of a device without --sn: the same code gives the same number."""
    letters = "".join(filter(str.isalnum, code)).upper()
    return f"{HEADLESS_SN}{hashlib.sha256(letters.encode()).hexdigest()[:8].upper()}"


def _if_it_was_us(sn: str) -> str:
    """A code works once: where the answer to the first try was lost, its key was lost with it."""
    return (
        f"  如果上一次没有收到答复：设备 {sn} 已经激活，但密钥丢了。"
        f"请在控制台的设备页生成新的激活码，加 --sn {sn} 再激活一次\n"
        f"  If an earlier try got no answer: device {sn} is enrolled, and its key is lost. Make "
        f"another code on the console's device page and enrol once more with --sn {sn}"
    )


async def _enrol(words: argparse.Namespace) -> int:
    url = words.url or _from_stack("--url", "平台地址", "address", "gateway", "public")
    code = words.code or _typed_code()
    if not code:
        raise Misuse("--code: 缺少激活码 no enrolment code; make one on the console's device page")
    sn = words.sn or _sn_of(code)
    model = words.model or (None if words.sn else HEADLESS)
    path = words.file or _run_dir() / "devices" / f"{sn}.json"
    try:
        identity = await enrol(url, code, sn, model)
    except DeviceError as error:
        if error.code == USED:
            raise DeviceError(f"{error}\n{_if_it_was_us(sn)}", error.status, USED) from None
        raise
    path.parent.mkdir(parents=True, exist_ok=True)
    identity.save(path)
    if words.json:
        _say(json.dumps({"device_id": identity.device_id, "sn": identity.sn, "file": str(path)}))
        return 0
    _say(f"已激活 enrolled      {identity.sn}")
    _say(f"  设备文件 its file   {path}")
    _say(f"  收一笔 pay with it  {_pay_with(path)}")
    return 0


def _pay_with(device: Path) -> str:
    """The command, as it can be pasted into a terminal."""
    words = [os.path.relpath(sys.executable), "-m", "deploy.sandbox.dragonfly", "pay"]
    return shlex.join([*words, "--amount", "0.01", "--face", "--device", str(device)])


def _failed(words: argparse.Namespace, error: Exception) -> int:
    """Not paid, or not known to be: one line, or one object for machines."""
    message = str(error) or type(error).__name__
    if getattr(words, "json", False):
        status, code = getattr(error, "status", 0), getattr(error, "code", "")
        _say(json.dumps({"error": {"status": status, "code": code, "message": message}}))
    sys.stderr.write(f"{message}\n")
    return 1


def main() -> int:
    words = _parse()
    try:
        return asyncio.run(_enrol(words) if words.command == "enrol" else _pay(words))
    except Misuse as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return _failed(
            words, DeviceError("已中断，下次先查这一笔 interrupted; it is resumed next time")
        )
    except (DeviceError, aiohttp.ClientError, TimeoutError, OSError) as error:
        return _failed(words, error)


if __name__ == "__main__":
    sys.exit(main())
