"""The Console's routes: one line per module of pages."""

from fastapi import APIRouter

from portal_api.web.console import (
    branding,
    deploying,
    home,
    importing,
    insights,
    members,
    monetizing,
    organizations,
    overview,
    payments,
    plans,
    policies,
    stripe,
    subscribers,
)
from portal_api.web.console.wiring import Console


def create_router(console: Console) -> APIRouter:
    """`organizations` first: `/console/new` could be an organization's address."""
    router = console.kit.router()
    modules = (
        organizations,
        home,
        importing,
        overview,
        deploying,
        policies,
        stripe,
        payments,
        branding,
        plans,
        monetizing,
        subscribers,
        insights,
    )
    for module in modules:
        module.add_pages(router, console)
    members.add_pages(router, console.kit, console.places, console.members)
    return router
