"""The studio's settings for tests. pytest-django loads them before any conftest.py.

Tests must not see or touch an operator's data: the environment is ignored, files go to a folder for this run only, and
the database is SQLite unless TEST_DATABASE_URL names another.
"""

import atexit
import os
import shutil
import tempfile

for name in ("STUDIO_PROVIDER_API_KEY", "STUDIO_PUBLIC_URL", "EMAIL_URL", "DATABASE_URL", "HOST", "PORT"):
    os.environ.pop(name, None)
os.environ["STUDIO_DATA"] = tempfile.mkdtemp(prefix="tchavi-studio-tests-")
atexit.register(shutil.rmtree, os.environ["STUDIO_DATA"], ignore_errors=True)
if "TEST_DATABASE_URL" in os.environ:
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from tchavi_studio.settings import *

# Whitenoise warns if the folder that it serves is missing.
STATIC_ROOT.mkdir()

# However full the disk of the machine is.
STUDIO_MIN_FREE_BYTES = 0

# The default hasher takes a third of a second for each person that a test creates.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# A test's transaction may be idle for longer than a worker's.
DATABASES["default"].get("OPTIONS", {}).pop("options", None)
