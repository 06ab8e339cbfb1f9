"""Organizations: who sells APIs, their projects, and who is a member with which role."""
