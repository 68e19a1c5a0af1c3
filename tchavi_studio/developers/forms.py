"""Forms of the Developers pages."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tchavi_studio.api.models import Scope
from tchavi_studio.ledger.models import MAX_AMOUNT_CREDITS
from tchavi_studio.webhooks.addresses import url_problem
from tchavi_studio.webhooks.models import EVENT_FIELDS, URL_MAX_LENGTH, DeliveryState, Event

KINDS = [("live", _("Live")), ("test", _("Test"))]
LIFETIMES_DAYS = [("", _("Never")), ("30", _("In 30 days")), ("90", _("In 90 days")), ("365", _("In a year"))]


class KeyForm(forms.Form):
    """A new key's name and rights. `key_id` lets the view recognise a form that is sent twice."""

    key_id = forms.UUIDField(initial=uuid4, widget=forms.HiddenInput)
    name = forms.CharField(label=_("Name"), max_length=60)
    kind = forms.ChoiceField(label=_("Kind"), choices=KINDS, initial="live")
    scope = forms.ChoiceField(label=_("Permissions"), choices=Scope.choices, initial=Scope.GENERATE)
    lifetime_days = forms.ChoiceField(label=_("Expires"), choices=LIFETIMES_DAYS, required=False)
    monthly_limit_credits = forms.IntegerField(
        label=_("Monthly limit"), min_value=0, max_value=MAX_AMOUNT_CREDITS, required=False
    )

    def clean(self) -> dict[str, Any]:
        """Add `is_test` and `expires_at`, as `create_key` takes them."""
        fields = super().clean() or {}
        days = fields.get("lifetime_days")
        return {
            **fields,
            "is_test": fields.get("kind") == "test",
            "expires_at": timezone.now() + timedelta(days=int(days)) if days else None,
        }


class EndpointForm(forms.Form):
    """A webhook's URL and events. Once cleaned, `events` holds `Event` values."""

    url = forms.CharField(
        label=_("URL"),
        max_length=URL_MAX_LENGTH,
        error_messages={"required": _("Enter the URL to send messages to.")},
    )
    events = forms.TypedMultipleChoiceField(
        label=_("Events"),
        choices=[(event.value, event.label) for event in EVENT_FIELDS],
        coerce=Event,
        error_messages={"required": _("Choose at least one event.")},
    )

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if problem := url_problem(url):
            raise ValidationError(problem)
        return url


class LogFilter(forms.Form):
    """The log's query string; see `webhooks.queries.delivery_page`."""

    state = forms.ChoiceField(choices=DeliveryState, required=False)
    before = forms.IntegerField(min_value=1, max_value=2**62, required=False)
    after = forms.IntegerField(min_value=0, max_value=2**62, required=False)
