"""The process module: installs applications, and runs the SDK that lies in each."""

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

from protocol.errors import ProtocolError
from protocol.fields import check_uint
from protocol.package import MAX_BUILD, Manifest
from protocol.package_file import PackageFile
from terminal.application.keystore import DeviceKeystore
from terminal.application.receive import check_package_id, read_package
from terminal.errors import TerminalError
from terminal.home import Home

if TYPE_CHECKING:
    from terminal.sdk import Billing, Comparisons


@dataclass(frozen=True, slots=True)
class Installed:
    """An application on this terminal.

    Attributes:
        folder: ``files``, which are measured; ``state``, which is its store's; ``build``.
    """

    folder: Path

    @classmethod
    def of(cls, home: Home, package: str) -> "Installed":
        """Return an application by its public id, 8 hex digits.

        Raises:
            TerminalError: ``package_unknown``, or ``not_installed``.
        """
        check_package_id(package)
        installed = cls(home.folder / "apps" / package)
        if not installed.folder.is_dir():
            raise TerminalError("not_installed", f"{package} is not installed: app install")
        return installed

    @property
    def package(self) -> bytes:
        """Its public id, 4 bytes."""
        return bytes.fromhex(self.folder.name)

    @property
    def files(self) -> Path:
        """The unpacked package."""
        return self.folder / "files"

    @property
    def state(self) -> Path:
        """What its store keeps."""
        return self.folder / "state"

    @property
    def build(self) -> int:
        """Number of the build; TerminalError ``not_installed`` when the folder is damaged."""
        try:
            build = int((self.folder / "build").read_text("ascii"))
            check_uint("build", build, low=1, high=MAX_BUILD)
        except (OSError, ValueError, ProtocolError) as error:
            raise TerminalError("not_installed", "it is damaged: app install") from error
        return build


@dataclass(frozen=True, slots=True)
class Running:
    """An application that was started.

    Attributes:
        billing: Its SDK's business logic module.
        found: What the SDK compared at start-up.
    """

    billing: "Billing"
    found: "Comparisons"


def install(home: Home, path: Path) -> Manifest:
    """Unpack a package in place of the build that was there, whose store goes with it.

    Raises:
        TerminalError: ``package_invalid``, ``file_unreadable``, or ``folder_unusable``.
    """
    home.make()
    try:
        manifest = read_package(path)
    except OSError as error:
        raise TerminalError("file_unreadable", f"{path} cannot be read") from error
    apps = home.folder / "apps"
    try:
        apps.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=apps, prefix=".new-") as fresh:
            _unpack(path, Path(fresh), manifest)
            _swap(Path(fresh), apps / manifest.package.hex())
    except OSError as error:
        raise TerminalError("folder_unusable", f"{apps} cannot be written") from error
    return manifest


def start(
    home: Home, package: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Running:
    """Start an application: its SDK is loaded from where it is installed, and compares.

    Raises:
        TerminalError: as :meth:`Installed.of`; ``sdk_unusable``; or there is no security chip.
        ProtocolError: the SDK's own refusals.
    """
    installed = Installed.of(home, package)
    sdk = load_sdk(installed.files)
    try:
        place = sdk.Place(
            package=installed.package,
            build=installed.build,
            files=installed.files,
            state=installed.state,
            keystore=DeviceKeystore.of(home),
            clock=clock,
        )
        billing = sdk.Billing(place)
    except AttributeError as error:
        raise _sdk_unusable() from error
    return Running(billing, billing.start())


def load_sdk(files: Path) -> ModuleType:
    """Load the SDK of an unpacked package, under a name that nothing else has.

    Raises:
        TerminalError: ``sdk_unusable``.
    """
    name = f"countersign_sdk_{secrets.token_hex(8)}"
    folder = files / "sdk"
    spec = spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise _sdk_unusable()
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _nothing_written():
            spec.loader.exec_module(module)
    except Exception as error:
        raise _sdk_unusable() from error
    return module


@contextmanager
def _nothing_written() -> Iterator[None]:
    """Keep Python from leaving compiled files among those that are measured."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _unpack(path: Path, fresh: Path, manifest: Manifest) -> None:
    with path.open("rb") as file:
        PackageFile(file).extract(fresh / "app" / "files")
    (fresh / "app" / "state").mkdir()
    (fresh / "app" / "build").write_text(str(manifest.build), "ascii")


def _swap(fresh: Path, target: Path) -> None:
    if target.exists():
        target.rename(fresh / "old")
    (fresh / "app").rename(target)


def _sdk_unusable() -> TerminalError:
    return TerminalError("sdk_unusable", "the application's SDK cannot be run: install it anew")
