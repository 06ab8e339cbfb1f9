"""The pages that are measured: every one of both faces that is read."""


def portal_pages(organization: str, api_id: str) -> dict[str, str]:
    """Of the Developer Portal, as a developer of the seed reads them."""
    home = f"/portal/{organization}"
    api, mine = f"{home}/apis/{api_id}", f"{1:018d}"
    application, subscription = f"{home}/applications/app_bench{mine}", f"sub_bench{mine}"
    return {
        "APIs": f"{home}/apis",
        "APIs, searched": f"{home}/apis?q=reading",
        "API": api,
        "Pricing": f"{api}/pricing",
        "Reference": f"{api}/reference",
        "Choose Your Subscription Plan": f"{api}/subscribe",
        "Estimate (slider)": f"{api}/estimate?volume=7",
        "Applications": f"{home}/applications",
        "Application": application,
        "Manage Keys": f"{application}/keys/production",
        "Usage Summary": f"{home}/billing",
        "Explain": f"{home}/billing/explain/{subscription}",
        "Invoices": f"{home}/billing/invoices",
        "Invoice": f"{home}/billing/invoices/in_bench100",
        "Billed Subscriptions": f"{home}/billing/subscriptions",
        "Manage": f"{home}/billing/subscriptions/{subscription}",
        "Payment details": f"{home}/billing/payment",
    }


def console_pages(organization: str, project: str, api_id: str, plan_id: str) -> dict[str, str]:
    """Of the Console, as an admin reads them."""
    home = f"/console/{organization}"
    settings, api, folder = f"{home}/settings", f"{home}/apis/{api_id}", f"{home}/projects/{project}"
    pages = {
        "Home": home,
        "Create Project": f"{home}/projects/new",
        "API Proxies": folder,
        "API Proxy": f"{folder}/api-proxy",
        "Import API Contract": f"{folder}/import",
        "API overview": api,
        "Contract": f"{api}/contract",
        "Deploy": f"{api}/deploy",
        "Monetize": f"{api}/monetize",
        "Lifecycle": f"{api}/lifecycle",
        **{f"Insights, {span}": f"{api}/insights?span={span}" for span in ("1h", "24h", "7d", "30d")},
        "Subscriptions": f"{home}/subscriptions",
        "Subscriptions, searched": f"{home}/subscriptions?search=Application+77",
        "Subscriptions, by state": f"{home}/subscriptions?status=past_due",
        "Stripe Credentials": f"{settings}/credentials/stripe",
        "Branding": f"{settings}/branding",
        "Payments": f"{settings}/payments",
        "Subscription Plans": f"{settings}/plans",
        "New plan": f"{settings}/plans/new",
        "Plan": f"{settings}/plans/{plan_id}",
        "Members": f"{home}/members",
        "Audit Log": f"{home}/audit-log",
    }
    return {f"Console: {name}": address for name, address in pages.items()}
