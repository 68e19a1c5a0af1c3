"""How static files are stored: compressed, under names that change with their content."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

IMPORTS = (r"""(?P<matched>from "(?P<url>\./[^"]+)";)""", 'from "%(url)s";')
"""An import between our modules, as the formatter writes it."""


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Whitenoise's storage, with hashed names for the imports between our JavaScript modules too.

    Django's own option for this covers all files, and trips over imports in third-party comments.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", (IMPORTS,)))
