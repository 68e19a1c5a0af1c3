"""The form of a new version of the prices."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.price_list import AUDIO_SURCHARGE, MAX_CREDITS_PER_SECOND, PRICED, Prices
from tchavi_studio.generations.price_versions.models import REASON_MAX_LENGTH, PriceVersion
from tchavi_studio.generations.price_versions.queries import LEAD
from tchavi_studio.generations.price_versions.services import TooSoonError, check_valid_from

MAX_NUMBER = 2**31 - 1
PLAIN_TEXT = {"autocomplete": "off", "class": "input"}


class VersionsPage(forms.Form):
    """The query string of the list of versions: the number of the one to go on before."""

    before = forms.IntegerField(min_value=1, max_value=MAX_NUMBER, required=False)


class VersionForm(forms.Form):
    """A new version: every price in credits per second, a moment and a reason.

    `seen_number` is the latest version when the form was opened.
    """

    seen_number = forms.IntegerField(min_value=1, max_value=MAX_NUMBER, widget=forms.HiddenInput)
    valid_from = forms.DateTimeField(
        label=gettext_lazy("In force from (UTC)"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={**PLAIN_TEXT, "type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Kept permanently, with the version and in the site's activity"),
        max_length=REASON_MAX_LENGTH,
        widget=forms.TextInput(attrs=PLAIN_TEXT),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, current: PriceVersion, seen_number: int) -> None:
        super().__init__(data, initial={"seen_number": seen_number})
        self.fields["valid_from"].help_text = _("Empty: %(soon)s, when the whole studio knows it") % {"soon": self.soon}
        for model, prices in current.price_list.items():
            for name in PRICED:
                # Localized: people type 1,000 or 1 000, depending on their language.
                self.fields[f"{model}.{name}"] = forms.IntegerField(
                    label=price_label(name),
                    min_value=0,
                    max_value=MAX_CREDITS_PER_SECOND,
                    localize=True,
                    initial=prices[name],
                    widget=forms.TextInput(attrs={**PLAIN_TEXT, "inputmode": "numeric"}),
                )

    def clean_valid_from(self) -> datetime | None:
        valid_from: datetime | None = self.cleaned_data["valid_from"]
        if valid_from is not None:
            try:
                check_valid_from(valid_from)
            except TooSoonError as error:
                raise forms.ValidationError(error.message) from None
        return valid_from

    @property
    def soon(self) -> str:
        """When a version comes into force that has no moment."""
        minutes = LEAD.seconds // 60
        return ngettext("in %(minutes)s minute", "in %(minutes)s minutes", minutes) % {"minutes": minutes}

    @property
    def prices(self) -> Prices:
        """The prices of a valid form."""
        return {model: {name: self.cleaned_data[f"{model}.{name}"] for name in PRICED} for model in MODELS}

    @property
    def models(self) -> list[tuple[str, list[BoundField]]]:
        """The fields of each model's prices, under its name."""
        return [(label, [self[f"{model}.{name}"] for name in PRICED]) for model, label in MODELS.items()]


def price_label(name: str) -> str:
    """What a price is called: a resolution, or the surcharge for audio."""
    return _("Soundtrack") if name == AUDIO_SURCHARGE else name
