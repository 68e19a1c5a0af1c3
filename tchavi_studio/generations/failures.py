"""Why clips fail, in the reader's language.

A failure's message is stored as its engine said it. What the studio itself says is English there and known here, so
it can be read in another language; what a provider says is shown whole, as it came.
"""

import re

from django.utils.translation import gettext, gettext_noop

OWN_MESSAGES = frozenset(
    {
        gettext_noop("The first frame could not be read."),
        gettext_noop("The first frame could not be decoded."),
        gettext_noop("The last frame could not be read."),
        gettext_noop("The last frame could not be decoded."),
        gettext_noop("Reference image %(number)s could not be read."),
        gettext_noop("Reference image %(number)s could not be decoded."),
        gettext_noop("Reference video %(number)s could not be read."),
        gettext_noop("Reference video %(number)s could not be decoded."),
        gettext_noop("Reference audio %(number)s could not be read."),
        gettext_noop("Reference audio %(number)s could not be decoded."),
        gettext_noop("Rendering the preview took too long."),
        gettext_noop("The preview engine could not render this request."),
        gettext_noop("The preview engine could not be started."),
        gettext_noop("The preview engine stopped before the clip was done."),
        gettext_noop("The render stopped %(number)s times without finishing."),
        gettext_noop("The provider gave no reason."),
        gettext_noop("The provider did not finish this clip in time."),
        gettext_noop("The provider's answer was lost, so it is not known whether the clip is being made."),
        gettext_noop("The studio's account at the provider could not be used for too long."),
        gettext_noop("The finished clip arrived damaged or incomplete, so it was not kept."),
    }
)
NUMBER = re.compile(r"\d+")


def readable_reason(message: str) -> str:
    """`message` in the language in force if it is one of the studio's own, else as it is."""
    numbers = NUMBER.findall(message)
    own = NUMBER.sub("%(number)s", message)
    if own not in OWN_MESSAGES:
        return message
    return gettext(own) % {"number": numbers[0]} if numbers else gettext(own)
