"""Forms of the account pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.workspaces.models import User


class DeletionForm(forms.Form):
    """The deletion of the user's account, confirmed by their email address."""

    email = forms.CharField(
        label=gettext_lazy("Your email address, to confirm"),
        max_length=254,
        widget=forms.TextInput(attrs={"inputmode": "email", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, user: User) -> None:
        super().__init__(*args)
        self.user = user

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email.casefold() != self.user.email.casefold():
            raise ValidationError(_("That isn't your email address. Nothing was deleted."))
        return email
