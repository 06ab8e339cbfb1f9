"""What identity's routes read and answer."""

from datetime import datetime
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from portal_api.identity.domain.password import MAX_LENGTH, MIN_LENGTH
from portal_api.identity.domain.user import MAX_TOKEN_LIFE_DAYS, PersonalAccessToken, User


def _email(value: str) -> str:
    try:
        # test_environment: the reserved domain .test is for trying things out, as everything local here does.
        return validate_email(value, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


Email = Annotated[str, Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_email)]


class UserCreate(BaseModel):
    """Sign-up."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "ada@example.com", "password": "three calm green trees", "name": "Ada Lovelace"}]
        }
    )

    email: Email
    password: str = Field(max_length=1000, description=f"{MIN_LENGTH} to {MAX_LENGTH} characters, no common password.")
    name: str = Field(min_length=1, max_length=200)


class UserView(BaseModel):
    """A user, as they see themselves."""

    id: str = Field(examples=["user_01KB3W2VZ5R8M4Q0X7C9T6N1DE"])
    email: str = Field(examples=["ada@example.com"])
    name: str = Field(examples=["Ada Lovelace"])
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> "UserView":
        """Of a user."""
        return cls(id=user.id, email=user.email, name=user.name, created_at=user.created_at)


class SessionCreate(BaseModel):
    """Sign-in."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ada@example.com", "password": "three calm green trees"}]}
    )

    email: str = Field(max_length=254)
    password: str = Field(max_length=1000)


class SessionView(BaseModel):
    """A session. Its token is in the cookie only."""

    user: UserView
    csrf_token: str = Field(description="Send it as `X-CSRF-Token` with every method that changes something.")


class PersonalAccessTokenCreate(BaseModel):
    """A new token."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "laptop", "expires_in_days": 90}]})

    name: str = Field(min_length=1, max_length=100)
    expires_in_days: int = Field(default=90, ge=1, le=MAX_TOKEN_LIFE_DAYS)


class PersonalAccessTokenView(BaseModel):
    """A token without its secret part."""

    id: str
    name: str
    hint: str = Field(description="The token's last four characters.")
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: PersonalAccessToken) -> "PersonalAccessTokenView":
        """Of a token."""
        return cls(id=row.id, name=row.name, hint=row.hint, created_at=row.created_at, expires_at=row.expires_at)


class PersonalAccessTokenCreated(PersonalAccessTokenView):
    """A token with its only appearance in clear."""

    token: str = Field(description="Shown once: keep it now.", examples=["pat_..."])
