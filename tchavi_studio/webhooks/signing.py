"""Signatures as the Standard Webhooks specification has them: https://www.standardwebhooks.com/"""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks.webhooks import Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105  # what every secret begins with
SECRET_BYTES = 32


def new_secret() -> str:
    """A new signing secret, as both sides know it: `whsec_…`."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature_headers(*, message_id: str, at: datetime, body: str, signing_secrets: Sequence[str]) -> dict[str, str]:
    """The three headers of a message sent at `at` (aware, UTC), with one signature for each secret."""
    signatures = [Webhook(secret).sign(message_id, at, body) for secret in signing_secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
