"""What a password must be: long, and not one that everybody tries first (NIST SP 800-63B, 3.1.1.2)."""

MIN_LENGTH = 10
MAX_LENGTH = 200

# The long ones of the lists that attackers begin with; shorter ones fall to MIN_LENGTH.
_COMMON = frozenset(
    (
        "1234567890", "0123456789", "12345678910", "123456789a", "1q2w3e4r5t", "1qaz2wsx3edc", "abcdefghij",
        "changeme123", "football123", "iloveyou123", "letmein1234", "p@ssw0rd123", "password12", "password123",
        "password1234", "passwordpassword", "qwerty12345", "qwerty123456", "qwertyuiop", "qwertyuiop123",
        "superman123", "trustno1trustno1", "welcome123", "welcome1234", "administrator", "correcthorsebatterystaple",
    )
)  # fmt: skip


def password_fault(password: str, *, email: str, name: str) -> str | None:
    """Why the password is refused, as a sentence; None when it is fine."""
    if len(password) < MIN_LENGTH:
        return f"Use at least {MIN_LENGTH} characters; a few words in a row are easy to remember."
    if len(password) > MAX_LENGTH:
        return f"Use at most {MAX_LENGTH} characters."
    lower = password.lower()
    if lower in _COMMON:
        return "This is one of the first passwords that attackers try. Choose another."
    if len(set(lower)) < 4:
        return "It repeats the same few characters. Choose another."
    local_part = email.partition("@")[0].lower()
    for own in (local_part, email.lower(), name.lower()):
        if len(own) >= 4 and lower.strip("0123456789!.-_ ") == own:
            return "It is your name or e-mail address. Choose another."
    return None
