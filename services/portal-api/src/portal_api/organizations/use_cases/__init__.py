"""What organizations, their members and invitations do."""

from portal_api.organizations.use_cases.organizations import Organizations, not_found

__all__ = ["Organizations", "not_found"]
