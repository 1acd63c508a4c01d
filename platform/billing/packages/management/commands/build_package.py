"""Make a build of an application that bills."""

import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.selectors import holder_by_account
from billing.packages.errors import PackageUnknownError, PriceListInvalidError
from billing.packages.models import Package
from billing.packages.selectors import package_by_uid
from billing.packages.services.building import build_package, files_to_pack
from billing.packages.services.keys import checked_title, create_package
from billing.packages.services.prices import read_prices
from common.commands import refusals_told

if TYPE_CHECKING:
    from accounts.models import Holder

# A thousand items with the longest titles have room in it.
_MAX_BYTES = 2**18
_PACKAGE = re.compile(r"[0-9a-f]{8}")


class Command(BaseCommand):
    """Signs the files of an application; a new one gets keys of its own first."""

    help = "Make a build of an application from a folder of files and a list of prices."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("folder", type=Path, help="the application's files")
        parser.add_argument(
            "--prices", required=True, type=Path, help="CSV of number, title and amount"
        )
        parser.add_argument("--developer", required=True, help="account number; is paid")
        parser.add_argument("--package", help="id of the application; a new one when left out")
        parser.add_argument("--title", help="of a new application")
        parser.add_argument("--currency", help="of a new application: ISO 4217; EUR when left out")

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        now = timezone.now()
        developer = holder_by_account(options["developer"])
        if developer is None:
            raise CommandError("holder_unknown: nobody has this account number")
        with refusals_told():
            package = _known(options, developer) if options["package"] else None
            title, currency = options["title"] or "", options["currency"] or "EUR"
            if package is None:
                title = checked_title(title, currency)
            else:
                currency = package.currency
            prices = read_prices(_text(options["prices"]), currency=currency)
            files_to_pack(options["folder"])
            # A new application is made last, when its first build has nothing wrong any more.
            package = package or create_package(
                developer=developer, title=title, currency=currency, now=now
            )
            build = build_package(
                package=package, folder=options["folder"], prices=prices, now=now
            )
        self.stdout.write(f"package {build}: {len(prices)} items, {build.size} bytes")
        self.stdout.write(f"A terminal gets it by: python -m terminal app download {package}")


def _known(options: dict[str, Any], developer: "Holder") -> Package:
    if options["title"] or options["currency"]:
        raise CommandError("An application keeps its title and currency: leave them out.")
    if not _PACKAGE.fullmatch(options["package"]):
        raise PackageUnknownError
    package = package_by_uid(bytes.fromhex(options["package"]))
    if package.developer_id != developer.pk:
        raise PackageUnknownError
    return package


def _text(path: Path) -> StringIO:
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise PriceListInvalidError(f"The list of prices has more than {_MAX_BYTES} bytes.")
    try:
        return StringIO(content.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        raise PriceListInvalidError("The list of prices is not UTF-8.") from error
