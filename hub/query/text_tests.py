"""What a value of a query says of one text: a name, a path, an address, text anywhere.

Enters: a `Value`. Leaves: a function that tells whether a text fits it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from hub.query.expression import Value
from hub.query.terms import path_pattern

Fits = Callable[[str], bool]


def name_test(value: Value) -> Fits:
    """The name, or a word of it; with `*` a pattern of the whole. Letters' case does not count."""
    wanted = value.text.lower()
    if value.exact:
        return lambda name: name.lower() == wanted
    if "*" in wanted:
        pattern = path_pattern(wanted)
        return lambda name: pattern.match(name.lower()) is not None
    word = re.compile(rf"(?<![a-z0-9]){re.escape(wanted)}(?![a-z0-9])")
    return lambda name: word.search(name.lower()) is not None


def path_test(value: Value) -> Fits:
    """The path, with or without what follows its "?"; `*` stands for anything."""
    if value.exact or "*" not in value.text:
        return lambda path: value.text in (path, path.partition("?")[0])
    pattern = path_pattern(value.text)
    return lambda path: bool(pattern.match(path) or pattern.match(path.partition("?")[0]))


def address_test(value: Value) -> Fits:
    """An address, a pattern of addresses, or a network that holds it."""
    try:
        network = ip_network(value.text, strict=False)
    except ValueError:
        pattern = path_pattern(value.text)
        return lambda address: pattern.match(address) is not None

    def inside(address: str) -> bool:
        try:
            return ip_address(address) in network
        except ValueError:
            return False

    return inside


def anywhere_test(value: Value) -> Fits:
    """The text anywhere; `*` stands for anything in between."""
    wanted = value.text
    if value.exact or "*" not in wanted:
        return lambda text: wanted in text.lower()
    pattern = path_pattern(f"*{wanted}*")  # never backtracks: strangers write the texts
    return lambda text: pattern.match(text.lower()) is not None
