"""What makes mails go out."""
