"""A problem type in a page's words: its cause, its cure, and where the cure is done."""

from dataclasses import dataclass

from portal_api.http.problem_types import PROBLEM_TYPES


@dataclass(frozen=True, slots=True)
class Advice:
    """`name` leads to `/problems/{name}`; None-like texts are empty."""

    name: str
    title: str
    cause: str
    cure: str


def explain(name: str) -> Advice:
    """Any problem; an unknown one has no more to say than its name."""
    kind = PROBLEM_TYPES.get(name)
    if kind is None:
        return Advice(name, name.replace("-", " ").capitalize(), "", "")
    return Advice(name, kind.title, kind.cause, kind.cure)
