"""What is wrong with a configuration, in words: pydantic's errors as lines for people.

Enters: errors, the file's name, the flags that were given. Leaves: one line for each cause, with
where the value stands (a flag, a variable, or a key of the file), the value, what is allowed.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic_core import ErrorDetails

PREFIX = "HOPWATCH_"


def explain(
    errors: list[ErrorDetails],
    name: str,
    flags: Mapping[str, Any],
    sections: Mapping[str, type[BaseModel]],
) -> list[str]:
    """One line for each of pydantic's errors; `sections` by name, "" being the whole."""
    return [_problem(error, name, flags, sections) for error in _causes(errors)]


def _causes(errors: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Without those that only follow from an error further in."""
    for error in errors:
        depth = len(error["loc"])
        if not any(len(e["loc"]) > depth and e["loc"][:depth] == error["loc"] for e in errors):
            yield error


def _problem(
    error: ErrorDetails,
    name: str,
    flags: Mapping[str, Any],
    sections: Mapping[str, type[BaseModel]],
) -> str:
    location, value = error["loc"], error["input"]
    where = place(name, location, flags)
    if error["type"] == "missing":
        return f"{where}: is missing"
    shown = f"{where} = {_shown(value)}"
    if error["type"] == "extra_forbidden":
        return f"{shown}: unknown key{_suggestion(location, sections)}"
    return f"{shown}: {_allowed(error)}"


def place(name: str, location: tuple[int | str, ...], flags: Mapping[str, Any]) -> str:
    """Where a value stands: a flag, a variable, or a key of the file."""
    section, key = location[0], location[1] if len(location) > 1 else None
    given = flags.get(str(section))
    if given is not None and (key is None or (isinstance(given, dict) and key in given)):
        return "--" + "-".join(str(part).replace("_", "-") for part in location[:2])
    variable = PREFIX + "__".join(str(part) for part in location[:2]).upper()
    if variable in {known.upper() for known in os.environ}:
        return variable
    return f"{name}: " + _dotted(location)


def _dotted(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _shown(value: object) -> str:
    try:
        text = orjson.dumps(value, default=str).decode()
    except orjson.JSONEncodeError:
        text = repr(value)
    return text if len(text) <= 100 else text[:97] + "…"


def _suggestion(location: tuple[int | str, ...], sections: Mapping[str, type[BaseModel]]) -> str:
    section = ".".join(str(part) for part in location[:-1] if isinstance(part, str))
    known = list(sections[section].model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f'; did you mean "{close[0]}"?' if close else f"; known are {', '.join(known)}"


def _allowed(error: ErrorDetails) -> str:
    """What would have been right, in words."""
    context = error.get("ctx", {})
    match error["type"]:
        case "literal_error":
            return "must be " + str(context["expected"]).replace("'", '"')
        case "value_error":
            return str(context["error"])
        case "greater_than_equal":
            return f"must be {context['ge']} or more"
        case "less_than_equal":
            return f"must be {context['le']} or less"
        case "too_short" | "string_too_short":
            return "must not be empty"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be a section, [name]"
        case "tuple_type":
            return "must be a list"
        case "string_type" | "path_type":
            return "must be text, in quotes"
        case "int_type" | "int_parsing" | "int_from_float":
            return "must be a whole number"
        case _:
            return error["msg"].replace("Input should", "must")
