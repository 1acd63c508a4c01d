"""The real-time acquisition unit: what is in the phone now, never what was."""

from dataclasses import dataclass

from terminal.chip import Chip
from terminal.sim import Sim


@dataclass(frozen=True, slots=True, repr=False)
class Identifiers:
    """The three identifiers; they have no repr that shows anything.

    Attributes:
        chip_serial: Of the security chip.
        sim_code: ICCID or IMSI of the SIM.
        comm_number: Number of the SIM, E.164.
    """

    chip_serial: str
    sim_code: str
    comm_number: str

    def to_json(self) -> dict[str, str]:
        """Return them as the platform's API names them."""
        return {
            "chip_serial": self.chip_serial,
            "sim_code": self.sim_code,
            "comm_number": self.comm_number,
        }


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Reads the hardware; keeps nothing of it.

    Attributes:
        chip: The security chip.
        sim: The slot of the SIM.
    """

    chip: Chip
    sim: Sim

    def read_identifiers(self) -> Identifiers:
        """Return the three as they are at this moment.

        Raises:
            TerminalError: ``no_chip``, ``no_sim``, ``chip_unusable`` or ``sim_unusable``.
        """
        card = self.sim.read()
        return Identifiers(self.chip.serial, card.code, card.number)
