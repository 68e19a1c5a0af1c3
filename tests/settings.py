"""The studio's settings as tests see them. pytest-django reads them before any conftest.py.

Tests must neither see nor touch an operator's data: what the environment says is put aside, files go to a folder of
this run alone, and the database is SQLite unless TEST_DATABASE_URL names another.
"""

import atexit
import os
import shutil
import tempfile

for name in ("TCHAVI_API_KEY", "STUDIO_PUBLIC_URL", "EMAIL_URL", "DATABASE_URL", "HOST", "PORT"):
    os.environ.pop(name, None)
os.environ["STUDIO_DATA"] = tempfile.mkdtemp(prefix="tchavi-studio-tests-")
atexit.register(shutil.rmtree, os.environ["STUDIO_DATA"], ignore_errors=True)
if "TEST_DATABASE_URL" in os.environ:
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from tchavi_studio.settings import *

# Whitenoise warns when the folder that it serves is missing.
STATIC_ROOT.mkdir()

# The real one takes a third of a second for each person that a test makes.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# A test's one transaction may pause for longer than a worker's.
DATABASES["default"].get("OPTIONS", {}).pop("options", None)
