"""Every error of ours, sorted by who can act.

GraderError
|- StudentCanFix            the upload is refused, nothing was queued, nothing is spent
|  |- NotebookRefused       `reason` says why: not_json, truncated, empty_file, ...
|- AuthorCanFix             an assignment's files are wrong
|  |- InvalidAssignment     every mistake in the files, each with file, line and field
|  |- SpecDoesNotHold       the reference does not earn full points, or an empty notebook earns some
|  |- NothingToDraft        no question could be made from a solved notebook
|  |- FolderExists          a new assignment would overwrite what is there
|  |- MarkerAlone           BEGIN or END SOLUTION without its partner
|- OperatorCanFix           our own failure: retried, never a mark
|  |- SandboxUnavailable    no kernel can run on this machine, and what is missing
|  |  |- GpuUnavailable     kernels cannot use this GPU; `reason` says why: no_node, memory_held, no_cuda, ...
|  |- GpuTooSmall           an assignment allows more memory than a notebook can have on this GPU
|  |- SandboxFailed         a kernel could not be started or answered nonsense before student code ran
|  |- SandboxUnsafe         the canary could do what must not work, or did not say that it could not
|  |- StorageFull, StorageDamaged, DatabaseTooNew
|  |- InvalidSettings, DataUnusable, SystemTrouble
|  |- PortInUse, AlreadyRunning, ServiceUnreachable
|  |- ProviderUnreachable   the identity provider does not answer, or not as one
|  |- MailRefused           the mail server does not take our mail
|- LeaseLost                another worker has the job now: drop the work
|- BadWireBytes             bytes from a kernel that are not the wire format
|- NotFound                 no such thing, or not for the one who asks
|- NotAllowed               NotSignedIn, Forbidden, NotOpen, FeedbackHeldBack, OtherSite
|  |- SignInRefused         no such login, or not its password: which of them is not told
|  |- TooManyTries          to sign in, to join, or of looks at files; `retry_after_s` says how long to wait
|  |- IdentityRefused       `reason` says why who signed in at an identity provider cannot sign in here
|  |- InvitationEnded       a link that was used, replaced, has expired or never was
|- NotGradedYet             asked for a result before there is one
|- Busy                     too many wait for the same; `retry_after_s` says when to try again
|- InvalidRequest           a request that cannot be understood
|  |- PasswordRefused       `reason` says why a new password is none: too_short, known_word, ...
|  |- RosterRefused         `reason` says why a file cannot be imported as a roster: no_columns, unreadable, ...
|- Conflict                 it exists already
|  |- NotAdmittedYet        nobody has said yet that who signed up with a join code is who they say

The sentence for people is `error.<code>` in the catalogues (ja, en); `facts` fill its gaps. str(error) is for logs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from grader.domain.text import Fact, Note


class GraderError(Exception):
    """Base of all errors of ours; every concrete class has a stable `code`."""

    code: ClassVar[str] = "grader_error"

    def __init__(self, **facts: Fact) -> None:
        super().__init__(facts)
        self.facts: dict[str, Fact] = facts

    @property
    def note(self) -> Note:
        return Note(code=f"error.{self.code}", facts=self.facts)

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.code}: {details}" if details else self.code


class StudentCanFix(GraderError):
    """The student can mend it and hand in again."""

    code = "student_can_fix"


class NotebookRefused(StudentCanFix):
    """The upload is not a notebook that can be graded; `reason` is the stable code people and programs see."""

    code = "notebook_refused"

    def __init__(self, reason: str, **facts: Fact) -> None:
        super().__init__(**facts)
        self.reason = reason

    @property
    def note(self) -> Note:
        return Note(code=f"refused.{self.reason}", facts=self.facts)

    def __str__(self) -> str:
        return f"refused.{self.reason} {self.facts or ''}".rstrip()


class AuthorCanFix(GraderError):
    """An assignment's files are wrong."""

    code = "author_can_fix"


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One mistake in an assignment's file."""

    file: str
    line: int
    field: str
    """Path such as 'questions.q1.points'."""
    note: Note


class InvalidAssignment(AuthorCanFix):
    """Everything wrong with an assignment's files, all at once."""

    code = "invalid_assignment"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(count=len(mistakes))
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        lines = (f"{m.file}:{m.line}: {m.field}: {m.note.code} {dict(m.note.facts)}" for m in self.mistakes)
        return "\n".join(lines)


class SpecDoesNotHold(AuthorCanFix):
    """Publishing proved the spec wrong: the reference loses points or an empty notebook earns some."""

    code = "spec_does_not_hold"

    def __init__(self, findings: Sequence[Note], **facts: Fact) -> None:
        super().__init__(**facts)
        self.findings = tuple(findings)


class NothingToDraft(AuthorCanFix):
    """A notebook from which no question could be made: no heading with code that gives the same values twice."""

    code = "nothing_to_draft"


class FolderExists(AuthorCanFix):
    """A new assignment would overwrite what is there; `folder` says where."""

    code = "folder_exists"


class MarkerAlone(AuthorCanFix):
    """A BEGIN or END SOLUTION marker of the reference has no partner; `cell` and `line` say where."""

    code = "marker_alone"


class OperatorCanFix(GraderError):
    """Our own failure. Work that meets it is retried, then waits for a person; it is never a mark."""

    code = "operator_can_fix"


class SandboxUnavailable(OperatorCanFix):
    """No kernel can run on this machine; `what` says what is missing in one English sentence."""

    code = "sandbox_unavailable"


class GpuUnavailable(SandboxUnavailable):
    """Kernels cannot use a GPU of this machine; `reason` is the stable code people and programs see."""

    code = "gpu_unavailable"

    def __init__(self, reason: str, **facts: Fact) -> None:
        super().__init__(**facts)
        self.reason = reason

    @property
    def note(self) -> Note:
        return Note(code=f"ready.gpu_{self.reason}", facts=self.facts)

    def __str__(self) -> str:
        return f"gpu_{self.reason} {self.facts or ''}".rstrip()


class GpuTooSmall(OperatorCanFix):
    """An assignment allows more GPU memory than a notebook can have here."""

    code = "gpu_too_small"


class SandboxFailed(OperatorCanFix):
    """A kernel could not be started, or failed before any student code ran."""

    code = "sandbox_failed"


class SandboxUnsafe(OperatorCanFix):
    """A kernel could do what must not work, or did not say that it could not; `lines` names each attempt."""

    code = "sandbox_unsafe"


class StorageFull(OperatorCanFix):
    """Too little free disk to keep an upload safely."""

    code = "storage_full"


class StorageDamaged(OperatorCanFix):
    """The bytes of a stored file are not those that were stored."""

    code = "storage_damaged"


class DatabaseTooNew(OperatorCanFix):
    """The database was migrated by a newer version of the service than this one."""

    code = "database_too_new"


class InvalidSettings(OperatorCanFix):
    """An environment variable of ours has a value it cannot have; `what` names each."""

    code = "invalid_settings"


class DataUnusable(OperatorCanFix):
    """The data folder cannot be used as it is: not there, not ours to write, or not a database of ours."""

    code = "data_unusable"


class SystemTrouble(OperatorCanFix):
    """The operating system refused something a command needs."""

    code = "system_trouble"


class PortInUse(OperatorCanFix):
    """Another program listens where the service should."""

    code = "port_in_use"


class AlreadyRunning(OperatorCanFix):
    """A service already runs on this data folder."""

    code = "already_running"


class ServiceUnreachable(OperatorCanFix):
    """The command line could not reach the service it was told to talk to."""

    code = "service_unreachable"


class ProviderUnreachable(OperatorCanFix):
    """The identity provider does not answer, or with something that no provider says; `what` is for the log."""

    code = "provider_unreachable"


class MailRefused(OperatorCanFix):
    """The mail server cannot be reached or does not take our mail; `what` says what it said."""

    code = "mail_refused"


class LeaseLost(GraderError):
    """Another worker holds the job by now; whatever was computed must be dropped."""

    code = "lease_lost"


class BadWireBytes(GraderError):
    """Bytes that are not the wire format: a broken or hostile kernel."""

    code = "bad_wire_bytes"


class NotFound(GraderError):
    """No such thing, or not for the one who asks."""

    code = "not_found"


class NotAllowed(GraderError):
    """The one who asks may not."""

    code = "not_allowed"


class NotSignedIn(NotAllowed):
    """No token, or one that is unknown, revoked or expired."""

    code = "not_signed_in"


class SignInRefused(NotAllowed):
    """No such login, or not its password; which of them is never told."""

    code = "sign_in_refused"


class TooManyTries(NotAllowed):
    """Too many tries in a short time: to sign in under a login, whether or not it exists, or of something else."""

    code = "too_many_tries"

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


class IdentityRefused(NotAllowed):
    """Somebody signed in at the identity provider and cannot sign in here; `reason` says why."""

    code = "identity_refused"

    def __init__(self, reason: str, **facts: Fact) -> None:
        super().__init__(**facts)
        self.reason = reason

    @property
    def note(self) -> Note:
        return Note(code=f"identity.{self.reason}", facts=self.facts)

    def __str__(self) -> str:
        return f"identity.{self.reason} {self.facts or ''}".rstrip()


class InvitationEnded(NotAllowed):
    """The link was used, was replaced by a newer one, has expired or never was one; which of them is not told."""

    code = "invitation_ended"


class Forbidden(NotAllowed):
    """Known, but without the role this needs."""

    code = "forbidden"


class NotOpen(NotAllowed):
    """The offering has not opened yet, or has closed."""

    code = "not_open"


class NotGradedYet(GraderError):
    """The result is asked for before there is one; `state` and `paused` say what it waits for."""

    code = "not_graded_yet"


class FeedbackHeldBack(NotAllowed):
    """Graded, but the course releases points later: `at` is when, in words, and None where somebody will say so."""

    code = "feedback_held_back"

    def __init__(self, *, at: str | None = None) -> None:
        super().__init__(**({} if at is None else {"at": at}))

    @property
    def note(self) -> Note:
        return Note(code="release.wait_until" if self.facts else "release.wait", facts=self.facts)


class OtherSite(NotAllowed):
    """Another web site made a person's browser ask for a change."""

    code = "other_site"


class Busy(GraderError):
    """Too many people wait for the same just now; nothing was done."""

    code = "busy"

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


class InvalidRequest(GraderError):
    """The request cannot be understood; `what` says which part."""

    code = "invalid_request"


class PasswordRefused(InvalidRequest):
    """A new password is not good enough; `reason` is the stable code people and programs see."""

    code = "password_refused"

    def __init__(self, reason: str, **facts: Fact) -> None:
        super().__init__(**facts)
        self.reason = reason

    @property
    def note(self) -> Note:
        return Note(code=f"password.{self.reason}", facts=self.facts)

    def __str__(self) -> str:
        return f"password.{self.reason} {self.facts or ''}".rstrip()


class RosterRefused(InvalidRequest):
    """A file cannot be imported as a course's roster; `reason` is the stable code people and programs see."""

    code = "roster_refused"

    def __init__(self, reason: str, **facts: Fact) -> None:
        super().__init__(**facts)
        self.reason = reason

    @property
    def note(self) -> Note:
        return Note(code=f"roster.{self.reason}", facts=self.facts)

    def __str__(self) -> str:
        return f"roster.{self.reason} {self.facts or ''}".rstrip()


class Conflict(GraderError):
    """The thing exists already or is in a state that does not allow this."""

    code = "conflict"


class NotAdmittedYet(Conflict):
    """Somebody took this login with a join code, and nobody has said yet that they are who they say."""

    code = "not_admitted_yet"
