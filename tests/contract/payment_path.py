"""Writes the page of docs/architecture.md that shows the device's payment path: which files, in
which process, and who imports whom, read from the code."""

from pathlib import Path

from tests.contract.rooms import first_sentence, graph_of_imports

PATH = {
    "edge": (
        "gateway/server/asgi.py", "gateway/edge.py", "gateway/routing.py", "gateway/auth/device.py",
        "gateway/auth/signatures.py", "gateway/auth/internal.py", "gateway/proxy.py",
    ),
    "payment": (
        "services/payment/payments/routes.py", "services/payment/payments/schemas.py",
        "services/payment/payments/service.py", "services/payment/payments/store.py",
        "services/payment/payments/store.sql", "services/payment/channels/port.py",
        "services/payment/channels/alipay.py", "services/payment/payments/settlement.py",
        "services/payment/payments/rules.py",
    ),
    "egress": (
        "gateway/egress.py", "gateway/alipay/client.py", "gateway/alipay/keyring.py",
        "gateway/alipay/methods/trade.py", "gateway/alipay/methods/row.py",
        "gateway/alipay/protocol/envelope.py", "gateway/alipay/protocol/canonical.py",
        "gateway/alipay/protocol/rsa2.py", "gateway/alipay/protocol/verify.py",
    ),
}  # fmt: skip
"""process -> its files, in the order in which a payment meets them. What a device sends and what
becomes of it is decided here; a test runs a sale and finds no other file that decides anything."""
BEGIN, END = "<!-- payment path: written by make fmt -->", "<!-- end of payment path -->"


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _picture() -> list[str]:
    graph = graph_of_imports()
    lines = ["```mermaid", "flowchart LR"]
    names = {}
    for process, files in PATH.items():
        lines.append(f"    subgraph {process}")
        for number, path in enumerate(files):
            names[path] = f"{process}{number}"
            lines.append(f"        {names[path]}[{Path(path).name}]")
        lines.append("    end")
    for high, name in names.items():
        if high.endswith(".py"):
            imported = graph.find_modules_directly_imported_by(_module(high))
            lines += [f"    {name} --> {names[low]}" for low in names if _module(low) in imported]
    lines += ["    edge == link ==> payment", "    payment == link ==> egress", "```"]
    return lines


def _about(root: Path, path: str) -> str:
    return "Its statements" if path.endswith(".sql") else first_sentence(root / path)


def page(root: Path) -> str:
    """The generated part, between its marks."""
    count = sum(len(files) for files in PATH.values())
    about = f"{count} files in the order in which a payment meets them; thin arrows are imports."
    lines = [BEGIN, "", about, ""]
    lines += [*_picture(), "", "| process | file | |", "| --- | --- | --- |"]
    for process, files in PATH.items():
        lines += [f"| {process} | `{path}` | {_about(root, path)} |" for path in files]
    return "\n".join([*lines, "", END])


def render(root: Path) -> str:
    """docs/architecture.md with the generated part as it should be."""
    text = (root / "docs" / "architecture.md").read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + page(root) + after
