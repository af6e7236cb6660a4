"""How the sample portal writes an instant: ISO 8601 in UTC, to the second, so that texts sort as times do."""

from __future__ import annotations

from datetime import UTC, datetime


def written(when: datetime) -> str:
    """The instant as a text, such as ``2025-03-01T08:00:00Z``; fractions of a second are cut off."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text: str) -> datetime:
    """The instant that :func:`written` wrote."""
    return datetime.fromisoformat(text)
