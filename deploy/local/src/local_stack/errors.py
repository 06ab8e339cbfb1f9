"""What can go wrong with a stack, each told in one sentence that names the cure."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot do what was asked; the text is meant for the person at the terminal."""


class PortTaken(StackError):
    """A port that a process needs is held by a program that is not part of this stack."""


class DownloadFailed(StackError):
    """Something that the first start needs could not be fetched, or was not what the lock file promises."""


class NotReady(StackError):
    """A process did not become ready; the text ends with the last lines of its log."""
