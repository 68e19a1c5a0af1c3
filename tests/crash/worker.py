"""`python -m tests.crash.worker ORDER.json`: a worker process of the real studio that dies where the order says."""

import json
import os
import sys
from pathlib import Path

import django

from tests.crash.cases import Clip, Order


def main() -> int:
    order_json = json.loads(Path(sys.argv[1]).read_text())
    order = Order(**{**order_json, "clips": [Clip(**clip) for clip in order_json["clips"]]})
    os.environ["DJANGO_SETTINGS_MODULE"] = "tchavi_studio.settings"
    django.setup()
    # Importing the models requires Django to be set up.
    from tests.crash.work import work

    work(order)
    return 0


if __name__ == "__main__":
    sys.exit(main())
