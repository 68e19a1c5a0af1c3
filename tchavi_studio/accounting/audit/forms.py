"""Forms of the audit pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from tchavi_studio.accounting.integrity.heads import HeadsUnreadableError, heads_from
from tchavi_studio.ledger.models import Kind
from tchavi_studio.records.verification import Head

MAX_FILE_BYTES = 900_000
"""What fits a form, about 8,000 heads. Larger exports are checked on the command line."""

MAX_NUMBER = 2**62


class AuditQuery(forms.Form):
    """The query string of an audit page: which transfers, and where its lists go on."""

    kind = forms.ChoiceField(choices=Kind, required=False)
    workspace = forms.SlugField(max_length=60, required=False)
    before = forms.IntegerField(min_value=1, max_value=MAX_NUMBER, required=False)
    wallets = forms.SlugField(max_length=60, required=False)
    findings = forms.IntegerField(min_value=1, max_value=MAX_NUMBER, required=False)


class HeadsForm(forms.Form):
    """An earlier export of heads, to be compared with the chains."""

    heads = forms.FileField()

    def clean_heads(self) -> list[Head]:
        file = self.cleaned_data["heads"]
        if file.size > MAX_FILE_BYTES:
            raise ValidationError(
                _("This file is too large to be checked here. Use manage.py verify_ledger --expect-heads.")
            )
        try:
            return heads_from(file.read())
        except HeadsUnreadableError as unreadable:
            raise ValidationError(unreadable.message) from unreadable

    @property
    def found(self) -> list[Head]:
        """The heads of a valid form."""
        cleaned: dict[str, Any] = self.cleaned_data
        heads: list[Head] = cleaned["heads"]
        return heads
