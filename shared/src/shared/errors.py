"""Errors that a caller may see."""

import dataclasses


@dataclasses.dataclass
class DomainError(Exception):
    """An expected refusal. Everything in it is public; what happened inside goes to the log instead.

    `problem` is the name of a problem type (a page with cause and cure), `field` the input that is at fault.
    """

    problem: str
    status: int
    title: str
    detail: str
    field: str | None = None
    errors: list[dict[str, object]] = dataclasses.field(default_factory=list)
    retry_after_seconds: int | None = None

    def __str__(self) -> str:
        return f"{self.problem}: {self.detail}"
