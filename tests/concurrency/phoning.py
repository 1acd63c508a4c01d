"""Phones that are bound and used by many at once: how each try ended, and what is there then."""

from collections.abc import Callable
from typing import Any

from binding import services, sms
from binding.identifiers import Identifiers
from binding.models import Binding, Device, Message, NumberProof, Permit
from binding.services.chips import take_chip_proof
from protocol.binding import ChipProof, Purpose
from protocol.binding import Message as Words
from protocol.hpke import BOX_KEY_BYTES
from protocol.jwk import thumbprint, to_base64
from tests.concurrency.racing import at_once
from tests.concurrency.spending import _holder, _now
from tests.platform.phones import HEADER, Sim, TestChip

PHONES = 8
USES = 32


class Phone:
    """A device with a chip and a SIM, known to the services."""

    def __init__(self, **sim: str) -> None:
        self.chip, self.sim = TestChip(), Sim(**sim)
        services.import_chips(lines=[HEADER, self.chip.line], actor="system", now=_now())
        key = self.chip.key.public
        self.device = Device.objects.create(
            holder=_holder(),
            name="race",
            key=key,
            thumbprint=thumbprint(key),
            box_key=bytes(BOX_KEY_BYTES),
            created_at=_now(),
        )
        self.identifiers = Identifiers(self.chip.serial, self.sim.code, self.sim.number)

    def proof(self, purpose: Purpose) -> bytes:
        nonce, _ = services.new_challenge(device=self.device, now=_now())
        return ChipProof(
            nonce=nonce,
            purpose=purpose,
            sim=self.sim.code,
            number=self.sim.number,
            device=bytes(self.device.thumbprint),
            counter=self.chip.count(),
        ).sign(self.chip.key)

    def register(self, direction: str = "from_phone") -> str:
        """Begin to bind it; return the SMS that proves its number."""
        return services.register(
            device=self.device,
            registration_number=self.sim.number,
            identifiers=self.identifiers,
            direction=direction,
            chip_proof=self.proof(Purpose.REGISTER),
            now=_now(),
        ).text

    def bound(self) -> "Phone":
        assert sms.take(self.sim.number, self.register(), _now())
        return self

    def permit(self, purpose: Purpose) -> str:
        issued = services.issue_permit(
            device=self.device,
            purpose=purpose,
            identifiers=self.identifiers,
            chip_proof=self.proof(purpose),
            now=_now(),
        )
        return to_base64(issued.permit)


def bind() -> dict[str, Any]:
    """Eight phones of eight people prove their numbers at once, with one SIM code."""
    code = Sim().code
    phones = [Phone(code=code) for _ in range(PHONES)]
    texts = [phone.register() for phone in phones]

    def once(number: int) -> None:
        assert sms.take(phones[number].sim.number, texts[number], _now()), "refused"

    ended = at_once(once, PHONES)
    bound = Binding.objects.filter(sim_hash=phones[0].identifiers.sim_hash, state="bound")
    return {"ended": ended, "bound": bound.count()}


def use() -> dict[str, Any]:
    """One permit, named, is used by many at once."""
    return _used(is_named=True)


def use_any() -> dict[str, Any]:
    """One permit, unnamed, is used by many at once."""
    return _used(is_named=False)


def _used(*, is_named: bool) -> dict[str, Any]:
    phone = Phone().bound()
    permit = phone.permit(Purpose.STEP)

    def once(_number: int) -> None:
        services.require_permit(
            holder=phone.device.holder,
            purpose=Purpose.STEP,
            permit=permit if is_named else None,
            now=_now(),
        )

    return {
        "ended": at_once(once, USES),
        "used": Permit.objects.filter(binding__device=phone.device).exclude(used_at=None).count(),
    }


def prove() -> dict[str, Any]:
    """One chip proof is shown by many at once."""
    phone = Phone()
    proof = phone.proof(Purpose.STEP)

    def once(_number: int) -> None:
        take_chip_proof(
            device=phone.device,
            identifiers=phone.identifiers,
            purpose=Purpose.STEP,
            message=proof,
            now=_now(),
        )

    return {"ended": at_once(once, USES)}


def guess() -> dict[str, Any]:
    """Many wrong codes are tried at once."""
    phone = Phone()
    phone.register("to_phone")
    uid = bytes(Binding.objects.get(device=phone.device).uid)

    def once(_number: int) -> None:
        services.prove_number(device=phone.device, uid=uid, code="wrong!", now=_now())

    ended = at_once(once, USES)
    return {"ended": ended, "tries": NumberProof.objects.latest("pk").tries}


def send() -> dict[str, Any]:
    """One message is sent many times at once, with a permit for each."""
    one, other = Phone().bound(), Phone().bound()
    for _ in range(PHONES):
        one.permit(Purpose.MESSAGE)
    message = Words.seal(
        "once",
        sender=one.sim.number,
        recipient=other.sim.number,
        counter=one.chip.count(),
        box_key=other.chip.box_key,
    ).sign(one.chip.key)

    def once(_number: int) -> None:
        services.send_message(
            device=one.device, to=other.sim.number, message=message, permit=None, now=_now()
        )

    return {
        "ended": at_once(once, PHONES),
        "sent": Message.objects.filter(sender__device=one.device).count(),
    }


RACES: dict[str, Callable[[], dict[str, Any]]] = {
    race.__name__: race for race in (bind, use, use_any, prove, guess, send)
}
