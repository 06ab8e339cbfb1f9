"""Connect an organization to its Stripe account: open the sealed key, check both keys, keep them encrypted."""

from dataclasses import replace

from billing_sync.domain import key_checks
from billing_sync.domain.key_checks import KeyProblem
from billing_sync.domain.records import Account, Connection
from billing_sync.domain.stripe_event import ENABLED_EVENTS
from billing_sync.domain.stripe_facts import (
    AccountFacts,
    EndpointFacts,
    KeyInvalid,
    Permanent,
    PermissionMissing,
)
from billing_sync.ports import Deps, Job, StripeAccount
from billing_sync.use_cases.outcome import DONE, Outcome
from shared.events.billing import CheckResult, StripeConnected, StripeRefused


class _Refused(Exception):
    def __init__(self, problem: KeyProblem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


async def connect_stripe(deps: Deps, job: Job) -> Outcome:
    """Check a waiting connection and store or refuse it. Repeating it after a crash makes nothing twice."""
    async with deps.work.transaction(job) as tx:
        connection = await tx.connection(job.key)
        before = await tx.account(connection.organization_id) if connection else None
    if connection is None or connection.status != "waiting":
        return DONE
    checks: list[CheckResult] = []
    try:
        secret_key = _open(deps, connection)
        facts = await _check(deps, secret_key, connection.publishable_key, checks)
        endpoint = await _webhook_endpoint(deps, deps.stripe.account(secret_key), connection, before, job)
    except _Refused as refused:
        await _refuse(deps, job, connection, refused.problem, checks)
        return DONE
    parsed = key_checks.parse_key(secret_key)
    account = Account(
        organization_id=connection.organization_id,
        connection_id=connection.connection_id,
        account_id=facts.account_id,
        livemode=parsed is not None and parsed.livemode,
        publishable_key=connection.publishable_key,
        secret_key=deps.vault.encrypt(secret_key),
        status="connected",
        webhook_endpoint_id=endpoint.endpoint_id,
        webhook_secret=deps.vault.encrypt(endpoint.secret or ""),
    )
    async with deps.work.transaction(job) as tx:
        await tx.save_account(account)
        await tx.save_connection(replace(connection, status="connected", sealed_secret_key=""))
        event = StripeConnected(
            organization_id=account.organization_id,
            connection_id=account.connection_id,
            account_id=account.account_id,
            livemode=account.livemode,
            charges_enabled=facts.charges_enabled,
            publishable_key=account.publishable_key,
            checks=tuple(checks),
        )
        await tx.publish(account.organization_id, event)
    return DONE


def _open(deps: Deps, connection: Connection) -> str:
    try:
        return deps.vault.open_sealed(connection.sealed_secret_key)
    except ValueError as error:
        detail = "The secret key could not be opened: enter both keys again."
        raise _Refused(KeyProblem("stripe-key-invalid", detail)) from error


async def _refuse(deps: Deps, job: Job, connection: Connection, problem: KeyProblem, checks: list[CheckResult]) -> None:
    failed = CheckResult(name=problem.name, outcome="failed", detail=problem.detail)
    event = StripeRefused(
        organization_id=connection.organization_id,
        connection_id=connection.connection_id,
        problem=problem.name,
        detail=problem.detail,
        checks=(*checks, failed),
    )
    async with deps.work.transaction(job) as tx:
        await tx.save_connection(replace(connection, status="refused", sealed_secret_key=""))
        await tx.publish(connection.organization_id, event)


async def _check(deps: Deps, secret_key: str, publishable_key: str, checks: list[CheckResult]) -> AccountFacts:
    problem = key_checks.check_pair(secret_key, publishable_key)
    if problem is not None:
        raise _Refused(problem)
    checks.append(CheckResult(name="mode", outcome="ok", detail="Both keys are of the same mode."))
    stripe = deps.stripe.account(secret_key)
    facts = await _read_account(stripe)
    if facts.charges_enabled is False:
        reason = facts.disabled_reason or "Stripe names no reason"
        detail = f"Stripe does not enable charges yet ({reason}): complete the account in Stripe's dashboard."
        checks.append(CheckResult(name="charges", outcome="warning", detail=detail))
    elif facts.charges_enabled is None:
        detail = "The restricted key may not read the account: whether charges are enabled is not known."
        checks.append(CheckResult(name="charges", outcome="unknown", detail=detail))
    else:
        checks.append(CheckResult(name="charges", outcome="ok", detail="The account can take payments."))
    missing = await stripe.probe_permissions()
    if missing:
        detail = f"The key lacks permission for: {', '.join(missing)}. Add them in Stripe's dashboard."
        raise _Refused(KeyProblem("stripe-permission-missing", detail))
    checks.append(CheckResult(name="permissions", outcome="ok", detail="The key may do all that Tollway needs."))
    checks.append(await _same_account(stripe, deps.stripe.account(publishable_key)))
    return facts


async def _read_account(stripe: StripeAccount) -> AccountFacts:
    try:
        return await stripe.read_account()
    except KeyInvalid as error:
        detail = "Stripe does not know this secret key: it may be rolled, expired or mistyped."
        raise _Refused(KeyProblem("stripe-key-invalid", detail)) from error
    except PermissionMissing as error:
        account_id = key_checks.account_in_text(error.message)
        if account_id is None:
            detail = "The key may not read its account: allow it, or use a secret key."
            raise _Refused(KeyProblem("stripe-permission-missing", detail)) from error
        return AccountFacts(account_id, None)


async def _same_account(secret: StripeAccount, publishable: StripeAccount) -> CheckResult:
    """Stripe has no introspection: what one key makes, the other must see (and then it is cancelled)."""
    try:
        intent_id, client_secret = await secret.create_setup_intent()
    except PermissionMissing:
        detail = "Could not check that both keys are of one account: the key may not create SetupIntents."
        return CheckResult(name="same_account", outcome="unknown", detail=detail)
    except Permanent as error:
        detail = f"Could not check that both keys are of one account: {error.message}"
        return CheckResult(name="same_account", outcome="unknown", detail=detail)
    try:
        await publishable.read_setup_intent(intent_id, client_secret)
    except KeyInvalid as error:
        detail = "Stripe does not know this publishable key: it may be rolled, expired or mistyped."
        raise _Refused(KeyProblem("stripe-key-invalid", detail)) from error
    except Permanent as error:
        if error.is_missing:
            raise _Refused(key_checks.different_accounts()) from error
        detail = f"Could not check that both keys are of one account: {error.message}"
        return CheckResult(name="same_account", outcome="unknown", detail=detail)
    finally:
        await _cancel_quietly(secret, intent_id)
    return CheckResult(name="same_account", outcome="ok", detail="Both keys are of the same Stripe account.")


async def _cancel_quietly(secret: StripeAccount, intent_id: str) -> None:
    """An intent that stays open costs nothing: its cancellation must not decide about the keys."""
    try:
        await secret.cancel_setup_intent(intent_id)
    except Permanent:
        return


async def _webhook_endpoint(
    deps: Deps, stripe: StripeAccount, connection: Connection, before: Account | None, job: Job
) -> EndpointFacts:
    """Reuse the endpoint whose secret we hold; another one with our URL has a secret nobody knows: replace it."""
    url = f"{deps.options.public_url}/webhooks/stripe/{connection.organization_id}"
    try:
        existing = [e for e in await stripe.list_webhook_endpoints() if e.url == url]
        for endpoint in existing:
            if before and before.webhook_secret and before.webhook_endpoint_id == endpoint.endpoint_id:
                return replace(endpoint, secret=deps.vault.decrypt(before.webhook_secret))
            await stripe.delete_webhook_endpoint(endpoint.endpoint_id)
        # The key names the attempt: a replayed answer would tell of an endpoint that was just deleted.
        key = f"webhook:{connection.connection_id}:{job.attempts}:{len(existing)}"
        return await stripe.create_webhook_endpoint(url, ENABLED_EVENTS, key)
    except PermissionMissing as error:
        detail = "The key lacks permission for: webhook endpoints. Add it in Stripe's dashboard."
        raise _Refused(KeyProblem("stripe-permission-missing", detail)) from error
    except Permanent as error:
        detail = f"Stripe refuses the webhook endpoint {url}: {error.message}"
        raise _Refused(KeyProblem("stripe-webhook-refused", detail)) from error
