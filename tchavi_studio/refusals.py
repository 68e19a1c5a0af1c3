"""What the studio refuses to people and programs."""


class UserFacingError(Exception):
    """A request that is refused in words that people may read.

    `message` says what happened, whether credits moved and what to do next, in the language of whoever asked.
    """

    retry_after_seconds: int | None = None
    """When the same request may work; None if waiting doesn't help."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
