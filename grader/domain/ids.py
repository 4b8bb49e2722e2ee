"""Names for identifiers, so that one kind is never passed for another."""

from typing import NewType

QuestionId = NewType("QuestionId", str)
CheckId = NewType("CheckId", str)
VersionHash = NewType("VersionHash", str)
"""SHA-256 (hex) of what decides scores: the reference's code cells, checks, automatic points and data."""
EnvironmentHash = NewType("EnvironmentHash", str)
"""SHA-256 (hex) of what decides values: interpreter, packages and our own code inside the kernel."""
BlobKey = NewType("BlobKey", str)
"""SHA-256 (hex) of a stored file's bytes."""

PersonId = NewType("PersonId", str)
CourseId = NewType("CourseId", str)
OfferingId = NewType("OfferingId", str)
SubmissionId = NewType("SubmissionId", str)
RunId = NewType("RunId", str)
JobId = NewType("JobId", str)
