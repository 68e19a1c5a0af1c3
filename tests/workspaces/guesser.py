"""A process that guesses a person's second factor: `python -m tests.workspaces.guesser USER_ID`.

It prints a line when it is ready. Then it reads lines of codes, tries each code, and prints the answers as JSON.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")


def answer_to(user_id: int, code: str) -> str:
    """What the sign-in form says to the code: "" if it lets the person in."""
    from allauth.core.context import request_context
    from allauth.mfa.base.forms import AuthenticateForm
    from django.test import RequestFactory

    from tchavi_studio.workspaces.models import User

    with request_context(RequestFactory().post("/accounts/2fa/authenticate/")):
        form = AuthenticateForm({"code": code}, user=User.objects.get(pk=user_id))
        return " ".join(form.errors.get("code", []))


if __name__ == "__main__":
    django.setup()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps([answer_to(int(sys.argv[1]), code) for code in line.split()]), flush=True)
