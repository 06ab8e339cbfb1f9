"""What an organization, a project and a member are."""
