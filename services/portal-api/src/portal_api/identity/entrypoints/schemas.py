"""What identity's routes read and answer."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from portal_api.http.email import Email
from portal_api.identity.domain.password import MAX_LENGTH, MIN_LENGTH
from portal_api.identity.domain.user import (
    MAX_TOKEN_LIFE_DAYS,
    SCOPES,
    PersonalAccessToken,
    Scope,
    Session,
    User,
)


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
    email_verified: bool = Field(description="Whether the address was confirmed by a link in a mail.")
    name: str = Field(examples=["Ada Lovelace"])
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> "UserView":
        """Of a user."""
        return cls(
            id=user.id,
            email=user.email,
            email_verified=user.email_verified,
            name=user.name,
            created_at=user.created_at,
        )


class UserChange(BaseModel):
    """What a user can change of themselves."""

    name: str = Field(min_length=1, max_length=200, pattern=r"\S")


class MailSent(BaseModel):
    """Look into the mailbox."""

    status: str = Field(default="accepted", description="If there is something to send, it is on its way.")


class LinkToken(BaseModel):
    """The secret of a link in a mail."""

    token: str = Field(min_length=1, max_length=200)


class PasswordResetRequest(BaseModel):
    """Whose password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ada@example.com"}]})

    email: Email


class PasswordReset(LinkToken):
    """A new password."""

    password: str = Field(max_length=1000, description=f"{MIN_LENGTH} to {MAX_LENGTH} characters, no common password.")
    revoke_personal_access_tokens: bool = Field(
        default=False, description="Also revoke every token; always done when the address was not confirmed before."
    )


class PasswordChange(BaseModel):
    """Old and new."""

    current_password: str = Field(max_length=1000)
    new_password: str = Field(max_length=1000)


class EmailChange(BaseModel):
    """The new address, and the password as proof."""

    email: Email
    password: str = Field(max_length=1000)


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


class SessionListed(BaseModel):
    """One of the browsers in which I am signed in."""

    id: str
    current: bool = Field(description="Whether this request came with it.")
    address: str = Field(description="Where it was opened.", examples=["203.0.113.7"])
    user_agent: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime

    @classmethod
    def of(cls, row: Session, *, current: bool) -> "SessionListed":
        """Of a session."""
        return cls(
            id=row.id,
            current=current,
            address=row.address,
            user_agent=row.user_agent,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
        )


class PersonalAccessTokenCreate(BaseModel):
    """A new token."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "laptop", "expires_in_days": 90}]})

    name: str = Field(min_length=1, max_length=100)
    expires_in_days: int = Field(default=90, ge=1, le=MAX_TOKEN_LIFE_DAYS)
    scopes: list[Scope] = Field(
        default=list(SCOPES), min_length=1, max_length=2, description="`read` alone makes a token that changes nothing."
    )


class PersonalAccessTokenView(BaseModel):
    """A token without its secret part."""

    id: str
    name: str
    hint: str = Field(description="The token's last four characters.")
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute; null: never.")

    @classmethod
    def of(cls, row: PersonalAccessToken) -> "PersonalAccessTokenView":
        """Of a token."""
        return cls(
            id=row.id,
            name=row.name,
            hint=row.hint,
            scopes=list(row.scopes),
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
        )


class PersonalAccessTokenCreated(PersonalAccessTokenView):
    """A token with its only appearance in clear."""

    token: str = Field(description="Shown once: keep it now.", examples=["pat_..."])
