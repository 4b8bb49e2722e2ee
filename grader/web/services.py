"""What the web process needs of the world, gathered by wiring."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grader.domain.accounts import SessionLifetimes
from grader.flow.assignments import StoredAssignments
from grader.flow.look import Looks
from grader.flow.mail_links import Post
from grader.flow.ports import Stores
from grader.flow.submit import Intake

if TYPE_CHECKING:
    # It takes a while to import, and few services have one.
    from grader.web.identity_provider import IdentityProvider


@dataclass(frozen=True, kw_only=True)
class Services:
    """The flow's needs, ready to use."""

    stores: Stores
    intake: Intake
    assignments: StoredAssignments
    max_upload_bytes: int
    session_lifetimes: SessionLifetimes = field(default_factory=SessionLifetimes)
    public_url: str | None = None
    """How people reach the service, such as https://grader.example.ac.jp; None where nobody said."""

    identity_provider: "IdentityProvider | None" = None
    """Where people can sign in, too."""

    post: Post | None = None
    """How links are mailed; None where there is no mail server."""

    looks: Looks = field(default_factory=Looks)

    @property
    def provider_name(self) -> str | None:
        return None if self.identity_provider is None else self.identity_provider.name

    @property
    def is_https(self) -> bool:
        return self.public_url is not None and self.public_url.startswith("https://")
