"""What visitors ask for, as data: pages with their weights, what scanners try, browsers' names."""

from __future__ import annotations

from dataclasses import dataclass

LEAF = "/non-communicating"
PAGE = "/communicating"


@dataclass(frozen=True, slots=True)
class Page:
    """A visitor's request; `weight` is its share among the pages."""

    kind: str
    path: str
    weight: int


PAGES = (
    Page("home", "/", 5),
    Page("orders", f"{PAGE}/orders", 6),
    Page("compare", f"{PAGE}/compare", 4),
    Page("summary", f"{PAGE}/summary", 3),
    Page("slow", f"{PAGE}/slow", 1),
    Page("broken", f"{PAGE}/broken", 1),
)

SCANNED = ("/wp-login.php", "/.env", "/.git/config", "/admin/setup.php", "/phpmyadmin/index.php")
"""Paths that no route knows."""

BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) AppleWebKit/605.1.15 Safari/605.1.15",
)
