"""Forms for grants."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.ledger.models import MAX_AMOUNT_CREDITS
from tchavi_studio.workspaces.models import Workspace

REASON_MAX_LENGTH = 200


class RecipientSearch(forms.Form):
    """The query string of the list of workspaces to grant credits to; see `workspaces.queries.workspaces_found`."""

    q = forms.CharField(max_length=254, required=False)
    after = forms.SlugField(max_length=60, required=False)


class GrantForm(forms.Form):
    """A site admin's grant to `recipient`, whose name is typed to confirm it."""

    # Localized: people type 10,000 or 10 000, depending on their language.
    amount_credits = forms.IntegerField(
        label=gettext_lazy("Credits"),
        min_value=1,
        max_value=MAX_AMOUNT_CREDITS,
        localize=True,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Shown permanently in the statement"),
        max_length=REASON_MAX_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    name = forms.CharField(
        label=gettext_lazy("The workspace's name, to confirm"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, recipient: Workspace) -> None:
        super().__init__(*args)
        self.recipient = recipient

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name.casefold() != self.recipient.name.strip().casefold():
            raise ValidationError(
                _("This workspace is called “%(name)s”. No credits moved.") % {"name": self.recipient.name}
            )
        return name
