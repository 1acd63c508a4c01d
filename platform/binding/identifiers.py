"""The three identifiers of a phone, and how they are stored: as keyed hashes."""

from dataclasses import dataclass
from typing import Self

from binding.errors import NoSimError
from common.errors import InputInvalidError
from common.numbers import normalise
from common.sealing import sealer
from protocol.binding import check_sim
from protocol.errors import ProtocolError
from protocol.text import check_ascii

MAX_SERIAL = 64


@dataclass(frozen=True, slots=True, repr=False)
class Identifiers:
    """What a phone read from its hardware just now; no repr shows it.

    Attributes:
        chip_serial: Of the security chip.
        sim: ICCID or IMSI.
        number: Of the SIM, E.164.
    """

    chip_serial: str
    sim: str
    number: str

    @classmethod
    def read(cls, *, chip_serial: str, sim_code: str, comm_number: str) -> Self:
        """Check what a phone sent.

        Raises:
            NoSimError: there is no SIM in it.
            NumberInvalidError, InputInvalidError: they cannot be what they are said to be.
        """
        if not sim_code:
            raise NoSimError
        try:
            check_ascii("chip_serial", chip_serial, MAX_SERIAL)
            check_sim("sim_code", sim_code)
        except ProtocolError as error:
            raise InputInvalidError(error) from error
        return cls(chip_serial, sim_code, normalise(comm_number))

    @property
    def chip_hash(self) -> bytes:
        """Keyed hash of the chip's serial."""
        return chip_hash(self.chip_serial)

    @property
    def sim_hash(self) -> bytes:
        """Keyed hash of the SIM's code."""
        return sealer().keyed_hash("sim", self.sim.encode())

    @property
    def number_hash(self) -> bytes:
        """Keyed hash of the number."""
        return number_hash(self.number)


def chip_hash(serial: str) -> bytes:
    """Return the keyed hash of a chip's serial."""
    return sealer().keyed_hash("chip", serial.encode())


def number_hash(number: str) -> bytes:
    """Return the keyed hash of a number in E.164."""
    return sealer().keyed_hash("number", number.encode())
