#!/usr/bin/env python
"""Django's command line for Tchavi Studio."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from environs import EnvError

from tchavi_studio.configuration import sentence_of


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tchavi_studio.settings")
    try:
        # Accessing any setting loads them all.
        settings.DATABASES  # noqa: B018
    except (ImproperlyConfigured, EnvError, OSError) as error:
        sys.exit(f"Tchavi Studio can't start: {sentence_of(error)}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
