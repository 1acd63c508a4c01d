"""``python -m authserver add_operator``: let somebody use the operator pages."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from authserver import services
from authserver.management.refusals import refusals_told
from authserver.management.secrets import asked_twice, from_file


class Command(BaseCommand):
    """Adds an operator, gives one a new password, or lets one in no more."""

    help = "Add an operator of this host. The password is asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("name", help="at most 32 bytes; stands in the stories of tokens")
        parser.add_argument(
            "--new-password", action="store_true", help="of an operator there is already"
        )
        parser.add_argument("--retire", action="store_true", help="let them in no more")
        parser.add_argument("--password-file", type=Path, help="holds the password")

    def handle(
        self,
        *,
        name: str,
        new_password: bool,
        retire: bool,
        password_file: Path | None,
        **_: object,
    ) -> None:
        """Run."""
        with refusals_told():
            if retire:
                services.retire_operator(name=name)
                self.stdout.write(f"{name} is let in no more.")
                return
            password = from_file(password_file) or asked_twice("Password", "--password-file")
            if new_password:
                services.replace_operator_password(name=name, password=password)
            else:
                services.add_operator(name=name, password=password)
        self.stdout.write(f"{name} signs in at /operator/ from now on.")
