"""How static files are stored: compressed, and under names that change with their content."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

IMPORTS = (r"""(?P<matched>from "(?P<url>\./[^"]+)";)""", 'from "%(url)s";')
"""How our modules import one another, as the formatter writes it."""


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise has no types
    """Whitenoise's storage, in which our JavaScript modules too import one another by their hashed names.

    Django could do this itself, but for all files, and stumbles over imports in other people's comments.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", (IMPORTS,)))
