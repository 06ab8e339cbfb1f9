"""Writes the policies' page from their classes: `python -m gateway.entrypoints.policies_page docs/policies.md`."""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

from gateway.domain.problems import PROBLEMS
from shared.policies import KINDS, policy_schema
from shared.policy_kind import PolicyKind

_HEAD = """# Policies
<!-- written by `python -m gateway.entrypoints.policies_page docs/policies.md`, do not edit -->

What a provider may attach to an API or to some of its operations, in one environment: in the Console (the API's
Policies) or with `PUT /v1/apis/{api}/environments/{environment}/policies`. It is checked when it is saved (422 says
what is wrong with which setting) and holds at once, without a deployment. `GET /v1/policy-kinds` has the JSON Schema
of each. Each kind at most once for an operation; one attached to operations goes before one for the whole API. They
are applied in the order of this page. [The gateway](gateway.md#policies) has more on signed identity and the cache.
"""
_LAST_BEFORE_LIMITS, _LAST_BEFORE_UPSTREAM = 30, 95


def page() -> str:
    """All of them, in their order."""
    return "\n".join([_HEAD, *(_section(kind) for kind in KINDS.values())])


def _section(kind: type[PolicyKind]) -> str:
    config = json.dumps(kind.example)
    lines = [f"## {kind.name}", _text(kind), "", f"Order {kind.order}: {_moment(kind.order)}.", ""]
    lines += ["| setting | what it may be | default |", "|---|---|---|"]
    schema = policy_schema(kind.name)
    own = schema["$defs"][kind.__name__]
    for name, facts in own["properties"].items():
        default = "required" if name in own["required"] else f"`{json.dumps(facts.get('default'))}`"
        lines.append(f"| `{name}` | {_values(facts, schema['$defs'])} | {default} |")
    lines += ["", *_errors(kind), f'```json\n{{"kind": "{kind.name}", "config": {config}}}\n```', ""]
    return "\n".join(lines)


def _moment(order: int) -> str:
    if order == 0:
        return "before credentials are looked at"
    if order <= _LAST_BEFORE_LIMITS:
        return "before the rate limit, so what it refuses is not counted there"
    return "before the upstream is called" if order <= _LAST_BEFORE_UPSTREAM else "on the upstream's answer"


def _errors(kind: type[PolicyKind]) -> list[str]:
    lines = []
    if kind.fault is not PolicyKind.fault:
        lines.append(f"- When it is saved: {_text(kind.fault)}")
    if kind.refuse is not PolicyKind.refuse:
        problems = [PROBLEMS[name] for name in re.findall(r"`([a-z-]+)`", _text(kind.refuse))]
        lines += [f"- For callers, {one.status} `{one.name}`: {one.detail}" for one in problems]
    return [*lines, ""] if lines else []


def _values(facts: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in facts:
        fields = definitions[facts["$ref"].rpartition("/")[2]]["properties"]
        return "{" + ", ".join(f"`{name}`: {_values(one, definitions)}" for name, one in fields.items()) + "}"
    if "enum" in facts:
        return ", ".join(f"`{value}`" for value in facts["enum"])
    match facts["type"]:
        case "array":
            return f"list{_bounds(facts, 'Items')} of {_values(facts['items'], definitions)}"
        case "object":
            return f"names and texts{_bounds(facts, 'Properties')}"
        case "integer":
            return f"whole number, {facts['minimum']:,} to {facts['maximum']:,}"
        case "boolean":
            return "`true`, `false`"
        case _:
            return f"text{_bounds(facts, 'Length')}"


def _bounds(facts: dict[str, Any], what: str) -> str:
    least, most = facts.get(f"min{what}"), facts.get(f"max{what}")
    if least and most:
        return f" ({least} to {most:,})"
    return f" (at most {most:,})" if most else f" (at least {least})" if least else ""


def _text(documented: object) -> str:
    return " ".join((inspect.getdoc(documented) or "").split())


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
