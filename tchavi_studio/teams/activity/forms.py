"""Forms of the activity pages."""

from django import forms
from django.utils.translation import gettext_lazy

from tchavi_studio.workspaces.activity import Kind

from .queries import Filter

MAX_NUMBER = 2**62
KIND_CHOICES = [("", gettext_lazy("Anything")), *Kind.choices]


class ActivityPage(forms.Form):
    """The query string of the site's activity: the number of the row to go on from."""

    before = forms.IntegerField(min_value=1, max_value=MAX_NUMBER, required=False)


class ActivityQuery(ActivityPage):
    """The query string of a workspace's activity."""

    person = forms.IntegerField(min_value=1, max_value=MAX_NUMBER, required=False)
    kind = forms.ChoiceField(choices=KIND_CHOICES, required=False)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)

    @property
    def wanted(self) -> Filter:
        """The filters of a valid form."""
        cleaned = self.cleaned_data
        return Filter(actor_id=cleaned["person"], kind=cleaned["kind"], since=cleaned["since"], until=cleaned["until"])
