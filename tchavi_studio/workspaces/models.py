"""People, the workspaces they share, and who may do what in them."""

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.records.chain import GENESIS_HASH

from .roles import ROLE_PERMISSIONS, WRITING, Permission, Role

if TYPE_CHECKING:
    from .sessions import SessionStore

__all__ = [
    "ActivityHead",
    "ActivityRow",
    "FormerSlug",
    "Guard",
    "Invitation",
    "Membership",
    "Permission",
    "Role",
    "Session",
    "User",
    "Visibility",
    "Workspace",
]

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

    Site auditors read the credits and the audit of all workspaces, and nothing else of them. `language` is that of the
    page on which they last signed in or chose one: mails are written in it. "" if they never did.
    `uses_letter_keys` is whether single characters are shortcuts for them.

    The row stays when the account is deleted (`deleted_at`), because the ledger names it; the person's data doesn't.
    """

    email = models.EmailField(gettext_lazy("email address"), unique=True)
    name = models.CharField(gettext_lazy("name"), max_length=80, blank=True)
    is_active = models.BooleanField(gettext_lazy("active"), default=True)
    is_staff = models.BooleanField(gettext_lazy("site admin"), default=False)
    is_site_auditor = models.BooleanField(gettext_lazy("site auditor"), default=False, db_default=False)
    is_founder = models.BooleanField(default=False, editable=False)
    language = models.CharField(max_length=10, blank=True, default="", db_default="", editable=False)
    uses_letter_keys = models.BooleanField(default=True, db_default=True, editable=False)
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


class Visibility(models.TextChoices):
    """Who sees a clip: everybody in its workspace, or its creator alone."""

    WORKSPACE = "workspace", gettext_lazy("Workspace")
    PRIVATE = "private", gettext_lazy("Private")


class Workspace(models.Model):
    """What clips, references and credits belong to; shared by its members. Its slug identifies it in URLs.

    `allowed_models` has the names of the models that may be used, none meaning all. `default_budget_credits` is what a
    new member may spend in a month, None meaning no limit. `bin_days` and `quota_bytes` replace the studio's settings.
    A new time zone (`next_time_zone`) takes the place of `time_zone` at `next_time_zone_at`, the start of a month.

    An archived workspace can only be read. A closed one has no members any more. Its ledger stays; what else is in it
    is deleted bit by bit until `emptied_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(gettext_lazy("name"), max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")
    default_visibility = models.CharField(
        max_length=10, choices=Visibility, default=Visibility.WORKSPACE, db_default=Visibility.PRIVATE
    )
    allowed_models = models.JSONField(default=list, db_default=models.Value([], models.JSONField()), blank=True)
    default_budget_credits = models.PositiveBigIntegerField(null=True)
    quota_bytes = models.PositiveBigIntegerField(null=True)
    bin_days = models.PositiveSmallIntegerField(null=True)
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    next_time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")
    next_time_zone_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True, editable=False)
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

    @property
    def max_bytes(self) -> int:
        """How much it may store."""
        return settings.STUDIO_WORKSPACE_QUOTA_BYTES if self.quota_bytes is None else self.quota_bytes

    @property
    def days_in_bin(self) -> int:
        """How long clips that are deleted now can be restored."""
        return settings.STUDIO_BIN_DAYS if self.bin_days is None else self.bin_days


class FormerSlug(models.Model):
    """A slug that a workspace had before it was renamed: its addresses still lead to the workspace."""

    slug = models.SlugField(max_length=60, primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="former_slugs")

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """One person's role in one workspace. `seen_at` is when they last used it, to within a few minutes."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_per_person"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "id"], name="memberships_of_person"),
            models.Index(fields=["workspace", "id"], name="members_in_order"),
            models.Index(fields=["workspace", "role", "id"], name="members_by_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.workspace_id} as {self.role}"

    def can(self, permission: str) -> bool:
        """Whether this member's role allows `permission` (a `Permission` value). An archived workspace is read-only.

        Reads `workspace`: use select_related for lists.
        """
        if self.workspace.archived_at and permission in WRITING:
            return False
        return permission in ROLE_PERMISSIONS[self.role]


class Invitation(models.Model):
    """An offer to join a workspace with a role. Whoever has its secret link may take it, once.

    `email` is "" for a link that wasn't mailed. Only a hash of the link's token is stored. `expires_at` moves when it
    is sent again. At most one of `accepted_at` and `withdrawn_at` is set. Whether `inviter` may give this role is
    decided at acceptance.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role)
    email = models.EmailField(blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    inviter = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    opened_count = models.PositiveIntegerField(default=0)
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitation_role_known"),
            models.CheckConstraint(condition=~models.Q(role=Role.OWNER), name="ownership_is_handed_over"),
            models.CheckConstraint(
                condition=models.Q(accepted_at__isnull=True, accepted_by__isnull=True)
                | models.Q(accepted_at__isnull=False, accepted_by__isnull=False, withdrawn_at__isnull=True),
                name="invitation_ends_once",
            ),
            # One waiting invitation per address and workspace: inviting again sends that one again.
            models.UniqueConstraint(
                fields=["workspace", "email"],
                condition=models.Q(accepted_at__isnull=True, withdrawn_at__isnull=True) & ~models.Q(email=""),
                name="one_waiting_invitation_per_address",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["workspace", "-created_at", "-id"],
                condition=models.Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="invitations_waiting",
            ),
            models.Index(
                fields=["email", "-created_at"],
                condition=models.Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="invitations_of_address",
            ),
            # For whoever deletes the old ones.
            models.Index(fields=["expires_at"], name="invitations_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.workspace_id}"

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()


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


class ActivityHead(models.Model):
    """The end of one chain of activity: a workspace's, or the site's own (`scope` is its id in hex, or "site").

    Writing a row requires this row's lock.
    """

    scope = models.CharField(max_length=32, primary_key=True)
    last_sequence = models.PositiveBigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, default=GENESIS_HASH)
    last_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.scope


class ActivityRow(models.Model):
    """Who did what in a workspace, or to the site itself (`workspace` is None). Rows are only ever added.

    `kind` is an `activity.Kind`. `actor` is None when the studio itself did it. `subject` is the person it was done to.
    `reference` is the id of what it was done to. `details` has the figures and names that the sentence needs: never the
    words of a clip, and no e-mail address, which could not be deleted with its account. `hash` covers the row and the
    hash before it. A row's time is never before that of the row before it.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, null=True, related_name="activity")
    sequence = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=40)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    subject = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    reference = models.UUIDField(null=True)
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    hash_version = models.PositiveSmallIntegerField(default=1)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "sequence"], name="one_activity_per_sequence"),
            models.UniqueConstraint(
                fields=["sequence"], condition=models.Q(workspace__isnull=True), name="one_site_activity_per_sequence"
            ),
            models.CheckConstraint(condition=models.Q(sequence__gte=1), name="activity_from_one"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "actor", "-sequence"], name="activity_by_actor"),
            models.Index(fields=["workspace", "kind", "-sequence"], name="activity_by_kind"),
            models.Index(fields=["workspace", "actor", "kind", "-sequence"], name="activity_by_actor_and_kind"),
            models.Index(fields=["workspace", "created_at", "sequence"], name="activity_by_time"),
            models.Index(fields=["reference"], condition=models.Q(reference__isnull=False), name="activity_of"),
        ]

    def __str__(self) -> str:
        return f"{self.workspace_id or 'site'} #{self.sequence}: {self.kind}"
