"""An e-mail address in a request: its form is checked, its mailbox is proven by a mail."""

from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field


def _email(value: str) -> str:
    try:
        # test_environment: the reserved domain .test is for trying things out, as everything local here does.
        return validate_email(value, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


Email = Annotated[str, Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_email)]
