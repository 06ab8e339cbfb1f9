"""What identity does. Unless it says otherwise a function runs in the caller's transaction; time is real time."""
