"""Forms of the webhook pages."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .addresses import address_problem
from .models import EVENT_SWITCHES, URL_MAX_LENGTH, DeliveryState, Event


class EndpointForm(forms.Form):
    """Where messages go, and which. Cleaned, `events` are `Event`s."""

    url = forms.CharField(
        label=_("Address"),
        max_length=URL_MAX_LENGTH,
        error_messages={"required": _("Enter the address that messages are to be sent to.")},
    )
    events = forms.TypedMultipleChoiceField(
        label=_("Events"),
        choices=[(event.value, event.label) for event in EVENT_SWITCHES],
        coerce=Event,
        error_messages={"required": _("Choose at least one event.")},
    )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if problem := address_problem(url):
            raise ValidationError(problem)
        return url


class LogFilter(forms.Form):
    """What the log's address asks for; see `queries.delivery_page`."""

    state = forms.ChoiceField(choices=DeliveryState, required=False)
    before = forms.IntegerField(min_value=1, max_value=2**62, required=False)
    after = forms.IntegerField(min_value=0, max_value=2**62, required=False)
