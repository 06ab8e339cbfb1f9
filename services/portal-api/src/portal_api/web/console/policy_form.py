"""A policy's form, made from the JSON Schema of its settings: a new policy, or a new setting, has its form at once.

Lists are written one a line, headers as `Name: value`, names with values as `name=value`. Checks are the policy's own.
"""

import re
from dataclasses import dataclass
from typing import Any

from portal_api.web.kit.forms import Form
from shared.policies import policy_schema, read_policy

PREFIX = "setting_"
_AT = re.compile(r" - at `\$\.([a-z_]+)(?:\[(\d+)\])?[^`]*`$")
_LONG = 2_000


@dataclass(frozen=True, slots=True)
class Setting:
    """One field. `shape`: flag, number, choice, text, long, lines, headers, pairs."""

    name: str
    shape: str
    required: bool
    default: Any
    choices: tuple[str, ...] = ()
    hint: str = ""

    @property
    def field(self) -> str:
        """Its name in the form."""
        return PREFIX + self.name

    @property
    def label(self) -> str:
        """For people."""
        return self.name.replace("_", " ").capitalize()

    @property
    def options(self) -> list[tuple[str, str]]:
        """Choices for a select: value and text."""
        return [(choice, choice) for choice in self.choices]

    def text_of(self, value: Any) -> Any:
        """A stored value as it is typed."""
        if self.shape == "headers":
            return "\n".join(f"{one['name']}: {one['value']}" for one in value)
        if self.shape == "pairs":
            return "\n".join(f"{name}={one}" for name, one in value.items())
        if self.shape == "lines":
            return "\n".join(map(str, value))
        return value if self.shape == "flag" else str(value)

    def read(self, form: Form) -> Any:
        """What was typed; notes an error where it cannot be read. None: nothing was typed."""
        if self.shape == "flag":
            return form.flag(self.field)
        if self.shape == "number":
            return form.integer(self.field, label=self.label)
        raw = form.raw(self.field).replace("\r\n", "\n")
        if self.shape in ("text", "choice"):
            return raw.strip()
        if self.shape == "long":
            return raw
        lines = [line.strip() for line in raw.split("\n") if line.strip()]
        if self.shape == "lines":
            return lines
        return self._pairs(form, lines)

    def _pairs(self, form: Form, lines: list[str]) -> Any:
        sign = ":" if self.shape == "headers" else "="
        parts = [line.partition(sign) for line in lines]
        wrong = [name for name, found, _ in parts if not found]
        if wrong:
            form.errors.setdefault(self.field, f"`{wrong[0]}` has no `{sign}`: one `name{sign} value` a line.")
        if self.shape == "headers":
            return [{"name": name.strip(), "value": value.strip()} for name, _, value in parts]
        names = [name.strip() for name, _, _ in parts]
        if len(set(names)) < len(names):
            form.errors.setdefault(self.field, "A name is there twice.")
        return {name.strip(): value.strip() for name, _, value in parts}


def settings_of(kind: str) -> tuple[Setting, ...]:
    """The fields of a policy's form. Raises KeyError for a kind that there is not."""
    schema = policy_schema(kind)
    body = schema["$defs"][schema["$ref"].rpartition("/")[2]]
    required = set(body["required"])
    return tuple(
        Setting(
            name,
            _shape(one),
            name in required,
            one.get("default"),
            tuple(one.get("enum", ())),
            _hint(one, required=name in required),
        )
        for name, one in body["properties"].items()
    )


def _shape(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if "enum" in schema:
        return "choice"
    if kind == "array":
        return "headers" if "$ref" in schema["items"] else "lines"
    shapes = {"boolean": "flag", "integer": "number", "object": "pairs"}
    return shapes.get(str(kind)) or ("long" if schema.get("maxLength", 0) > _LONG else "text")


def _hint(schema: dict[str, Any], *, required: bool) -> str:
    parts = []
    shape = _shape(schema)
    if shape == "lines":
        choices = schema["items"].get("enum")
        parts.append(f"One a line: {', '.join(choices)}." if choices else "One a line.")
    if shape == "headers":
        parts.append("One `Name: value` a line.")
    if shape == "pairs":
        parts.append("One `name=value` a line.")
    if shape == "number":
        parts.append(f"{schema.get('minimum', 0):,} to {schema['maximum']:,}.")
    if not required and shape in ("number", "text") and schema.get("default"):
        parts.append(f"Empty: {schema['default']}.")
    return " ".join(parts)


def filled(kind: str, config: dict[str, Any]) -> Form:
    """The form of settings that are stored, or of none."""
    values = {
        one.field: one.text_of(config.get(one.name, one.default)) for one in settings_of(kind) if _has(one, config)
    }
    return Form.of(**values)


def _has(one: Setting, config: dict[str, Any]) -> bool:
    return config.get(one.name, one.default) is not None


def read_config(kind: str, form: Form) -> dict[str, Any]:
    """Settings out of a form, without those that are as they are by default; errors are noted at their fields."""
    config: dict[str, Any] = {}
    for one in settings_of(kind):
        value = one.read(form)
        if value is None or value in ("", [], {}):
            if one.required:
                form.errors.setdefault(one.field, f"{one.label} is needed.")
        elif value != one.default:
            config[one.name] = value
    if not form.errors:
        _check(kind, config, form)
    return config


def _check(kind: str, config: dict[str, Any], form: Form) -> None:
    try:
        read_policy(kind, config)
    except ValueError as error:
        text = str(error)
        found = _AT.search(text)
        if found is None:
            form.errors.setdefault("settings", text)
            return
        place = f" (line {int(found[2]) + 1})" if found[2] else ""
        form.errors.setdefault(PREFIX + found[1], text[: found.start()] + place + ".")
