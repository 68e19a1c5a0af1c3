"""`python -m tests.simulation`: many seeds, or one that is told in full."""

import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
os.environ.pop("TEST_DATABASE_URL", None)

import django

django.setup()

from tests.simulation.report import main

if __name__ == "__main__":
    sys.exit(main())
