"""The ASGI application, for operators who run their own ASGI server."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tchavi_studio.settings")
application = get_asgi_application()
