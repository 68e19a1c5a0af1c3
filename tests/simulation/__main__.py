"""`python -m tests.simulation`: many seeds, or one that is told in full."""

import os
import sys


def main() -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    # Worlds live in SQLite's memory, whatever the suite is run on.
    os.environ.pop("TEST_DATABASE_URL", None)
    import django

    django.setup()

    from tests.simulation import report

    return report.main()


if __name__ == "__main__":
    sys.exit(main())
