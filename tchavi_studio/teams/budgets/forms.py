"""Forms of budgets and of requests for approval."""

from django import forms
from django.utils.translation import gettext_lazy

from tchavi_studio.generations.models import WORD_MAX_LENGTH
from tchavi_studio.ledger.models import MAX_AMOUNT_CREDITS


class BudgetForm(forms.Form):
    """What a member may spend in a month; nothing means no limit."""

    # Localized: people type 10,000 or 10 000, depending on their language.
    budget_credits = forms.IntegerField(
        label=gettext_lazy("Credits a month"),
        min_value=0,
        max_value=MAX_AMOUNT_CREDITS,
        localize=True,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class ApproveForm(forms.Form):
    """An approval of a request at the price that was shown."""

    price_credits = forms.IntegerField(min_value=0, max_value=MAX_AMOUNT_CREDITS)


class RaiseForm(BudgetForm, ApproveForm):
    """The same after raising the asker's budget."""


class DeclineForm(forms.Form):
    """A refusal, with a word on why, or without."""

    word = forms.CharField(label=gettext_lazy("Why (optional)"), max_length=WORD_MAX_LENGTH, required=False)


class RequestsPosition(forms.Form):
    """The query string of the list of requests: where the page before ended."""

    before = forms.DateTimeField(required=False)
    request = forms.UUIDField(required=False)
