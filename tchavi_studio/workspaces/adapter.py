"""How django-allauth creates users here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from .models import User
from .services import welcome_person


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Opens or closes sign-up as configured, and gives each new user a workspace in the same transaction."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        # The first user becomes the site admin; without one, nobody could invite anyone.
        return settings.STUDIO_SIGNUP == "open" or not User.objects.exists()

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.name = form.cleaned_data.get("name", "")
        with transaction.atomic():
            super().save_user(request, user, form, commit=commit)
            if commit:
                welcome_person(user=user)
        return user
