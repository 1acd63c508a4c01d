"""Many builds of one application at once: how each try ended, and what is there then."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any
from unittest.mock import patch

from billing.packages.models import Build, Package
from billing.packages.services import building
from billing.packages.services.building import build_package
from billing.packages.services.keys import create_package
from billing.packages.services.store import package_files
from tests.concurrency.racing import PATIENCE, at_once
from tests.concurrency.spending import _holder, _now

BUILDS = 6
_pack = building._pack


def build() -> dict[str, Any]:
    """Make six builds of one application."""
    packed: list[int] = []
    drawn = Barrier(BUILDS)

    def pack(package: Package, number: int, *rest: Any) -> Any:
        packed.append(number)
        if number == 1:
            # All draw the first number, however busy the machine is.
            drawn.wait(PATIENCE)
        return _pack(package, number, *rest)

    package = create_package(developer=_holder(), title="Dragons", currency="EUR", now=_now())
    with TemporaryDirectory() as folder:
        Path(folder, "main.py").write_text("print('dragons')", "utf-8")

        def once(number: int) -> None:
            prices = [(1, "Sword", 100 + number)]
            build_package(package=package, folder=Path(folder), prices=prices, now=_now())

        with patch.object(building, "_pack", pack):
            ended = at_once(once, BUILDS)
    builds = Build.objects.filter(package=package).order_by("number")
    files = package_files().root / package.public_id
    return {
        "ended": ended,
        "numbers": [build.number for build in builds],
        "items": sum(build.items.count() for build in builds),
        "files": len(list(files.iterdir())),
        # Whether there was a race at all.
        "lost": len(packed) - BUILDS,
    }


RACES: dict[str, Callable[[], Any]] = {"build": build}
