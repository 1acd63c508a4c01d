"""Guide the first operator from an empty database to a platform at work; and add further ones."""

import getpass
import sys
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from common.commands import refusals_told
from common.errors import DomainError
from enrolment.selectors import hosts
from protocol.keys import Purpose, root_fingerprint
from signing import services
from signing.selectors import root_key


class Command(BaseCommand):
    """Makes what is missing, and says what to do next; safe to run again."""

    help = "Make the signing keys and the first operator's login, then say what comes next."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --email and --password-stdin, for scripts."""
        parser.add_argument("--email", help="of the operator; asked for when left out")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        parser.add_argument(
            "--another", action="store_true", help="add an operator beside those who are there"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command."""
        self.stdout.write(
            f"Platform {settings.COUNTERSIGN_PLATFORM_ID} at {settings.COUNTERSIGN_ORIGIN}"
        )
        self._keys()
        if options["another"] or not get_user_model().objects.filter(is_staff=True).exists():
            self._operator(options["email"], read_password=options["password_stdin"])
        else:
            self.stdout.write("2. Operator: there already.")
        self._next_steps()

    def _keys(self) -> None:
        now = timezone.now()
        try:
            services.signing_key(Purpose.RECEIPT, now=now)
            self.stdout.write("1. Signing keys: there already.")
        except DomainError:
            with refusals_told():
                root = services.load_or_create_root(settings.COUNTERSIGN_ROOT_KEY_FILE)
                services.create_keys(root=root, now=now)
            self.stdout.write("1. Signing keys: made.")
            self.stdout.write(f"   Root key: {root_fingerprint(root.public)}")
            self.stdout.write(
                f"   Move {settings.COUNTERSIGN_ROOT_KEY_FILE} to a safe place off-line."
            )

    def _operator(self, email: str | None, *, read_password: bool) -> None:
        users = get_user_model().objects
        try:
            email = (email or input("   E-mail address of the operator: ")).strip().lower()
            password = (
                sys.stdin.readline().rstrip("\n")
                if read_password
                else getpass.getpass("   Password: ")
            )
        except EOFError as error:
            raise CommandError(
                "Nobody is here to ask: give --email and --password-stdin."
            ) from error
        try:
            get_user_model()._meta.get_field("email").clean(email, None)
            validate_password(password)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if users.filter(email__iexact=email).exists():
            raise CommandError("This address belongs to a holder; an operator has one of its own.")
        with transaction.atomic():
            user = users.create_user(email, password, is_staff=True, is_superuser=True)
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        self.stdout.write(f"2. Operator: {email} can sign in.")

    def _next_steps(self) -> None:
        if hosts().exists():
            self.stdout.write("3. Authentication server: there already. You are ready.")
            return
        self.stdout.write(
            "3. Authentication server: none yet. On its machine:\n"
            "     python -m authserver init --name NAME\n"
            f"     python -m authserver add_platform --id {settings.COUNTERSIGN_PLATFORM_ID} "
            f"--origin {settings.COUNTERSIGN_ORIGIN} --root {root_key().hex()} --key-file KEY\n"
            "   then here, with the fingerprint that init showed, and a copy of KEY:\n"
            "     python manage.py add_host ORIGIN --key-file KEY --fingerprint '…'\n"
            "   (python manage.py platform_keys shows the root again.)"
        )
