"""``make demo``: three people countersign one transaction on real services."""

from pathlib import Path
from typing import Any

from countersign.person import Person
from countersign.stage import Stage, indented, keys_of, say, verify_offline
from receipts.images import read_codes

_STEPS: tuple[tuple[str, dict[str, Any], str], ...] = (
    (
        "Anna orders flowers",
        {
            "kind": "order",
            "amount": 125_000,
            "currency": "EUR",
            "payee_account": "DE89370400440532013000",
            "payee_name": "Blumen Schmidt KG",
            "text": "300 roses, delivered on Friday",
            "reference": "PO-4711",
        },
        "Please deliver before noon",
    ),
    (
        "Ben, the florist, accepts and asks to be paid",
        {
            "kind": "payment",
            "amount": 125_000,
            "currency": "EUR",
            "payee_account": "DE89370400440532013000",
            "payee_name": "Blumen Schmidt KG",
            "reference": "INV-2026-0815",
            "due_days": 30,
        },
        "Accepted, 300 roses on Friday 🌹",
    ),
    ("陈 approves the budget", {"kind": "approval", "text": "Within budget 2026"}, "同意"),
)


NAMES = {"anna": "Anna Meier", "ben": "Ben Schmidt", "chen": "陈静"}


def tell_demo(stage: Stage) -> None:
    """Play the main job, saying each step as it happens.

    Receipts are written to ``step-{1,2,3}.png`` in its folder, and the keys to verify them to
    ``keys.cbor``.  Errors as :func:`countersign.stage.play`.
    """
    folder = stage.folder
    parties = [stage.person(name, login) for login, name in NAMES.items()]
    for person in parties:
        digits = person.enrol_token()
        say(f"{person.name} enrolled token {person.serial}: both sides show {digits}")
    (folder / "keys.cbor").write_bytes(keys_of(parties[0]))
    picture: Path | None = None
    for number, (person, part) in enumerate(zip(parties, _STEPS, strict=True), start=1):
        picture = _sign(person, number, part, picture, folder)
    for number in (1, 2, 3):
        verify_offline(stage.services, folder / f"step-{number}.png", folder / "keys.cbor")
    say(f"The receipts are in {folder}; verify one yourself:")
    say(f"  .venv/bin/python manage.py verify_receipt {folder / 'step-3.png'}")


def _sign(
    person: Person,
    number: int,
    part: tuple[str, dict[str, Any], str],
    scanned: Path | None,
    folder: Path,
) -> Path:
    """Have one person take a step, and return the picture of its receipt."""
    title, demand, remark = part
    say(f"Step {number}: {title}")
    body = {"demand": demand, "remark": remark, "token": person.serial}
    if scanned is None:
        step = person.call("POST", "/transactions", body)
    else:
        text = _decode(scanned)
        tx = person.call("POST", "/receipts/verify", {"receipt": text})["transaction"]
        step = person.call("POST", f"/transactions/{tx}/steps", {**body, "receipt": text})
    challenge = folder / f"challenge-{number}.png"
    challenge.write_bytes(person.download(f"/steps/{step['id']}/challenge.png"))
    say(indented(person.token("show", str(challenge))))
    code = person.token("respond", str(challenge), "--yes")
    answer = person.call("POST", f"/steps/{step['id']}/response", {"response": code})
    say(f"  {person.name} answers {code}: the authentication server accepted and signed")
    picture = folder / f"step-{number}.png"
    picture.write_bytes(person.download(f"/receipts/{answer['receipt_id']}.png"))
    if _decode(picture) != answer["receipt"]:
        raise AssertionError("the picture does not hold the receipt")
    say(f"  receipt: {picture}")
    return picture


def _decode(picture: Path) -> str:
    """Read a QR code with a decoder that is not ours (zxing-cpp)."""
    return read_codes(picture.read_bytes())[0]
