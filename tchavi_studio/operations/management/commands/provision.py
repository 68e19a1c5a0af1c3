"""`manage.py provision`: set up a person with a workspace and credits from a script. Safe to run again."""

import json
import sys
from argparse import ArgumentTypeError
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction

from tchavi_studio.accounting.services import top_up_wallet
from tchavi_studio.api.models import ApiKey
from tchavi_studio.api.services import create_key, revoke_key
from tchavi_studio.ledger.models import MAX_AMOUNT_CREDITS
from tchavi_studio.workspaces.models import Role, User, Workspace
from tchavi_studio.workspaces.services import trust_email, welcome_person

KEY_NAME = "provision"


def amount(word: str) -> int:
    """Credits from the command line."""
    if not word.isascii() or not word.isdigit() or int(word) > MAX_AMOUNT_CREDITS:
        raise ArgumentTypeError(f"credits must be a whole number from 0 to {MAX_AMOUNT_CREDITS}, not {word!r}")
    return int(word)


def reissued_keys(*, workspace: Workspace, user: User) -> dict[str, str]:
    """A new live key and a new test key. Earlier ones are revoked: only digests are stored, so none can be shown."""
    for earlier in ApiKey.objects.filter(workspace=workspace, user=user, name=KEY_NAME, revoked_at=None):
        revoke_key(key=earlier, actor=None)
    return {
        "api_key": create_key(workspace=workspace, user=user, name=KEY_NAME).key,
        "test_api_key": create_key(workspace=workspace, user=user, name=KEY_NAME, is_test=True).key,
    }


class Command(BaseCommand):
    help = (
        "Create or update a person with their own workspace and top up its wallet to an amount. Credits are never "
        "taken away. The first person becomes the site admin. Prints JSON: email, workspace (its slug) and balance; "
        "with --api-key also api_key and test_api_key, which replace the keys from earlier runs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument(
            "--password-stdin", action="store_true", required=True, help="read the password from standard input"
        )
        parser.add_argument("--credits", type=amount, required=True, metavar="N", help="top up the wallet to N credits")
        parser.add_argument("--api-key", action="store_true", help="create a live key and a test key, and print both")

    def handle(self, *args: Any, email: str, credits: int, api_key: bool, **options: Any) -> None:
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"{email!r} isn't a valid email address.") from error
        # Strip only the line break: a password may begin or end with a space.
        password = sys.stdin.readline().rstrip("\r\n")
        with transaction.atomic():
            user, _created = User.objects.get_or_create(email=User.objects.normalize_email(email).lower())
            try:
                validate_password(password, user)
            except ValidationError as error:
                raise CommandError("The password was refused. " + " ".join(error.messages)) from error
            if not user.check_password(password):
                # Setting the same password again would sign the person out everywhere.
                user.set_password(password)
                user.save(update_fields=["password"])
            trust_email(user=user)
            owned = Workspace.objects.filter(memberships__user=user, memberships__role=Role.OWNER)
            workspace = owned.order_by("created_at").first() or welcome_person(user=user)
            balance = top_up_wallet(workspace=workspace, target_credits=credits)
            keys = reissued_keys(workspace=workspace, user=user) if api_key else {}
        self.stdout.write(json.dumps({"email": user.email, "workspace": workspace.slug, "balance": balance, **keys}))
