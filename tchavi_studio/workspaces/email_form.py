"""The form that adds an email address to an account."""

from allauth.account import forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.userkit import filter_users_by_email
from django.conf import settings


class AddEmailForm(forms.AddEmailForm):  # type: ignore[misc]  # allauth ships no types
    """allauth's, which relies on mail to find out whose address it is."""

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if not settings.SENDS_MAIL and filter_users_by_email(email):
            raise get_adapter().validation_error("email_taken")
        return email
