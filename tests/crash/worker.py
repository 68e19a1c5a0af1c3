"""`python -m tests.crash.worker ORDER.json`: one worker process of the real studio, which dies where it is told to."""

import json
import os
import sys
from pathlib import Path

import django

from tests.crash.cases import Clip, Order


def main() -> int:
    told = json.loads(Path(sys.argv[1]).read_text())
    order = Order(**{**told, "clips": [Clip(**clip) for clip in told["clips"]]})
    os.environ["DJANGO_SETTINGS_MODULE"] = "tchavi_studio.settings"
    django.setup()
    # It imports the models, which need Django to be set up.
    from tests.crash.work import work

    work(order)
    return 0


if __name__ == "__main__":
    sys.exit(main())
