"""What people call the device they use: the browser and the system, from its user agent."""

from django.utils.translation import gettext as _

# The first one found counts: Edge also says that it is Chrome, and Chrome that it is Safari.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def device_label(user_agent: str) -> str:
    """Such as "Firefox, Linux"; the start of the user agent if nothing of it is known."""
    known = [
        next((name for token, name in names.items() if token in user_agent), None) for names in (BROWSERS, SYSTEMS)
    ]
    return ", ".join(filter(None, known)) or user_agent[:60] or _("Unknown device")
