"""What a mail is, and when it is tried again."""
