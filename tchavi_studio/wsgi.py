"""The WSGI application that `manage.py studio` serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tchavi_studio.settings")
application = get_wsgi_application()
