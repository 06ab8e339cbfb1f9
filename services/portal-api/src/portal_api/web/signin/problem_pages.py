"""`/problems/{name}`: what a problem's `type` leads to."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from portal_api.http.problem_types import PROBLEM_TYPES
from portal_api.web.kit.pages import Kit
from portal_api.web.kit.viewer import Viewer
from shared.errors import DomainError


def add_pages(router: APIRouter, kit: Kit) -> None:
    """A page per problem type, and a list of them."""
    anybody = Annotated[Viewer, Depends(kit.anybody())]

    @router.get("/problems")
    async def problem_list(request: Request, viewer: anybody) -> Response:
        return kit.page(request, viewer, "signin/problems.html", problems=PROBLEM_TYPES)

    @router.get("/problems/{name}")
    async def problem_page(request: Request, viewer: anybody, name: str) -> Response:
        kind = PROBLEM_TYPES.get(name)
        if kind is None:
            raise DomainError("not-found", 404, "No such problem type", "See /problems for all of them.")
        return kit.page(request, viewer, "signin/problem.html", name=name, kind=kind)
