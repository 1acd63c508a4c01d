"""Forms of the operator pages."""

from typing import Any

from django import forms
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from authserver.errors import AuthserverError
from authserver.models import Batch, Platform, Server
from authserver.operators.words import STATES
from authserver.services.exports import MIN_PASSPHRASE
from authserver.services.imports import NAME_BYTES, Secret
from authserver.services.operators import NAME_BYTES as OPERATOR_BYTES
from authserver.services.words import checked
from tokens.batches import Format

ANY = ""


class Chosen(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic when it runs
    """A row to choose, by the name that people know it by."""

    def label_from_instance(self, obj: Model) -> str:
        """Return that name."""
        return f"{obj.name} · {obj.platform_id}" if isinstance(obj, Batch) else str(obj.pk)


class SignIn(forms.Form):
    """Name and password; what is wrong with them is not said apart."""

    name = forms.CharField(
        label=_("Name"),
        max_length=OPERATOR_BYTES,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class Search(forms.Form):
    """What a list of servers is narrowed by."""

    q = forms.CharField(
        label=_("Serial, server id or batch"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"type": "search", "spellcheck": "false"}),
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            (ANY, _("any")),
            ("locked", STATES["locked"].words),
            *((state, STATES[state].words) for state in Server.State.values),
        ],
    )

    def values(self) -> tuple[str, str]:
        """Return both; what is not valid narrows nothing."""
        self.is_valid()
        return self.cleaned_data.get("q", ""), self.cleaned_data.get("state", ANY)


class Upload(forms.Form):
    """A file of tokens, and what opens it."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("PSKC, OATH CSV or Yubico CSV, at most 64 MB. Larger ones: by the command."),
        allow_empty_file=True,
    )
    platform = Chosen(
        label=_("Platform"), queryset=Platform.objects.order_by("id"), empty_label=None
    )
    batch = forms.CharField(
        label=_("Name of the batch"),
        max_length=NAME_BYTES,
        help_text=_("You find the tokens by it later, such as “Delivery of May, 500 cards”."),
    )
    format = forms.ChoiceField(
        label=_("Format"),
        required=False,
        choices=[
            (ANY, _("found out")),
            (Format.PSKC, "PSKC (RFC 6030)"),
            (Format.OATH_CSV, "OATH CSV"),
            (Format.YUBICO_CSV, "Yubico CSV"),
        ],
    )
    password = forms.CharField(
        label=_("Password of the file"),
        required=False,
        strip=False,
        max_length=1000,
        help_text=_("Where its maker sealed it with one. It is forgotten after the check."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    key = forms.CharField(
        label=_("Shared key of the file"),
        required=False,
        max_length=128,
        help_text=_("Hexadecimal; where its maker sealed it with a key instead."),
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def clean_batch(self) -> str:
        """Refuse a name with signs that could hide others."""
        name: str = self.cleaned_data["batch"]
        try:
            return checked("batch", name, NAME_BYTES)
        except AuthserverError as error:
            raise forms.ValidationError(
                _("A name has at most 40 bytes, and no signs that hide others.")
            ) from error

    def clean_key(self) -> bytes | None:
        """Read the key."""
        text: str = self.cleaned_data["key"]
        try:
            return bytes.fromhex(text) or None
        except ValueError:
            # Without its cause: that would show a part of the key.
            raise forms.ValidationError(_("The key is not hexadecimal.")) from None

    def clean(self) -> dict[str, Any]:
        """Refuse a name that another batch of the platform has."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        named = Batch.objects.filter(
            platform=cleaned.get("platform"), name=cleaned.get("batch", "")
        )
        if named.exists():
            self.add_error("batch", _("There is a batch of this name already."))
        return cleaned

    def secret(self) -> Secret:
        """Return what opens the file."""
        return Secret(self.cleaned_data["key"], self.cleaned_data["password"] or None)


class Export(forms.Form):
    """A batch, and the passphrase that is to seal it."""

    batch = Chosen(label=_("Batch"), queryset=Batch.objects.order_by("-id"), empty_label=None)
    passphrase = forms.CharField(
        label=_("Passphrase"),
        min_length=MIN_PASSPHRASE,
        max_length=1000,
        strip=False,
        help_text=_("At least 12 characters. Nobody can open the file without it."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("Passphrase, again"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse two passphrases that differ."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("passphrase") != cleaned.get("again"):
            self.add_error("again", _("The two are not the same."))
        return cleaned
