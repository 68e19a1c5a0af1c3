"""People, the workspaces they share, and who may do what in them."""

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from .sessions import SessionStore

DEVICE_MAX_LENGTH = 200


class UserManager(BaseUserManager["User"]):
    """Creates users by email address; there are no usernames."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. `is_staff` marks site admins; a membership says what its user may do in a workspace.

    The row stays when the account is deleted (`deleted_at`), because the ledger names it; the person's data doesn't.
    """

    email = models.EmailField(gettext_lazy("email address"), unique=True)
    name = models.CharField(gettext_lazy("name"), max_length=80, blank=True)
    is_active = models.BooleanField(gettext_lazy("active"), default=True)
    is_staff = models.BooleanField(gettext_lazy("site admin"), default=False)
    is_founder = models.BooleanField(default=False, editable=False)
    current_workspace = models.ForeignKey(
        "Workspace", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [
            # The first user becomes the site admin, even if two sign up at the same moment.
            models.UniqueConstraint(fields=["is_founder"], condition=models.Q(is_founder=True), name="one_founder"),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def display_name(self) -> str:
        if self.deleted_at:
            return _("Former member %(number)s") % {"number": self.pk}
        return self.name or self.email.partition("@")[0]

    @property
    def initials(self) -> str:
        words = self.display_name.replace(".", " ").replace("-", " ").split() or ["?"]
        return "".join(word[0] for word in words[:2]).upper()


class Workspace(models.Model):
    """What clips, references and credits belong to; shared by its members. Its slug identifies it in URLs.

    A closed one has no members any more. Its ledger stays; what else is in it is deleted bit by bit until `emptied_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(gettext_lazy("name"), max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")
    closed_at = models.DateTimeField(null=True, editable=False)
    emptied_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["closed_at"],
                condition=models.Q(closed_at__isnull=False, emptied_at__isnull=True),
                name="workspaces_to_empty",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """A member's role; see `ROLE_PERMISSIONS` for what each may do."""

    OWNER = "owner", gettext_lazy("Owner")
    ADMIN = "admin", gettext_lazy("Admin")
    CREATOR = "creator", gettext_lazy("Creator")
    VIEWER = "viewer", gettext_lazy("Viewer")
    AUDITOR = "auditor", gettext_lazy("Auditor")


class Permission(models.TextChoices):
    """What a role can allow inside a workspace."""

    VIEW = "view"
    CREATE = "create"
    MANAGE = "manage"
    AUDIT = "audit"


ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset({Permission.VIEW, Permission.CREATE, Permission.MANAGE, Permission.AUDIT}),
    Role.ADMIN: frozenset({Permission.VIEW, Permission.CREATE, Permission.MANAGE, Permission.AUDIT}),
    Role.CREATOR: frozenset({Permission.VIEW, Permission.CREATE}),
    Role.VIEWER: frozenset({Permission.VIEW}),
    Role.AUDITOR: frozenset({Permission.VIEW, Permission.AUDIT}),
}


class Membership(models.Model):
    """One person's role in one workspace."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_per_person"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.workspace_id} as {self.role}"

    def can(self, permission: str) -> bool:
        """Whether this member's role allows `permission` (a `Permission` value)."""
        return permission in ROLE_PERMISSIONS[self.role]


class Session(AbstractBaseSession):
    """One browser's session. `user` is whoever signed in, `address` and `device` are from where it was last used."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions", db_index=False)
    address = models.GenericIPAddressField(null=True)
    device = models.CharField(max_length=DEVICE_MAX_LENGTH, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta(AbstractBaseSession.Meta):
        indexes: ClassVar = [models.Index(fields=["user", "-seen_at"], name="sessions_of_user")]

    @classmethod
    def get_session_store_class(cls) -> "type[SessionStore]":
        from .sessions import SessionStore

        return SessionStore

    @property
    def public_id(self) -> str:
        """What a page may call it: whoever knows the key has the session."""
        return salted_hmac("tchavi_studio.session", self.session_key).hexdigest()[:20]


class Guard(models.Model):
    """What guards sign-in until `expires_at`: recent attempts, a lock, a code that was used. See guards.py."""

    key = models.CharField(max_length=250, primary_key=True)
    value = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
