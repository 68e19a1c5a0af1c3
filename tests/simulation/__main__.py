"""`python -m tests.simulation`: run many seeds, or one in detail."""

import os
import sys


def main() -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    # Worlds always use in-memory SQLite, whatever database the other tests use.
    os.environ.pop("TEST_DATABASE_URL", None)
    import django

    django.setup()

    from tests.simulation import report

    return report.main()


if __name__ == "__main__":
    sys.exit(main())
