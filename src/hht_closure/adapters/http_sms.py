"""SMS through a gateway that takes JSON over HTTPS; the extra ``http``.

Gateways differ in names and agree in form, so the form is configuration::

    HttpSmsSender(
        url="https://sms.example.com/v1/send",
        headers={"Authorization": Secret("Bearer ...")},
        body={"to": "${destination}", "text": "${text}", "options": {"ttl": "${minutes}"}},
        accepted={"result.code": "OK"},
    )

An error names a problem and never the number, the code or what the gateway said::

    unreachable, timeout, refused, unavailable, answer_malformed, answer_too_large, bad_address, wrong_channel
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote

import attrs

from hht_closure.account import Channel
from hht_closure.adapters.bounded_http import BoundedHttp, Json, check_installed, is_safe_address
from hht_closure.errors import DeliveryError, InvalidValueError
from hht_closure.ports import CodeMessage
from hht_closure.texts import text, whole_minutes
from hht_closure.values import Secret

PLACEHOLDERS: Final = frozenset({"destination", "text", "code", "id", "minutes", "locale"})
"""What may stand in a body as ``${name}``."""

_PLACE: Final = re.compile(r"\$\{([^{}]*)\}")
_NUMBER: Final = re.compile(r"\+?[0-9](?:[ -]?[0-9]){4,14}\Z")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")


def _body(given: Mapping[str, Json]) -> Mapping[str, Json]:
    """A copy of the body, so that it stays what was checked."""
    try:
        copy: Mapping[str, Json] = json.loads(json.dumps(given, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError("body", "not_json") from error
    return copy


def _headers(given: Mapping[str, Secret[str]]) -> dict[str, Secret[str]]:
    for name, value in given.items():
        if not _HEADER_NAME.match(name) or not _HEADER_VALUE.match(value.reveal()):
            raise InvalidValueError("headers", "not_a_header")
    return dict(given)


@attrs.frozen(kw_only=True)
class HttpSmsSender:
    """A :class:`~hht_closure.ports.CodeSender` by SMS, through a gateway that takes JSON.

    A placeholder is filled inside its text after the body's form is fixed, so no value can change the form. (Do
    not write JSON within a text, as some gateways have it, with more than ``${code}`` and ``${minutes}`` in it.)
    No redirect is followed, no proxy or password is taken from the environment, and nothing is sent without TLS,
    but for a gateway on this very machine.

    Attributes:
        url: the gateway's address; not shown, since some carry a key in it.
        headers: further header lines, each value a secret.
        body: the JSON to send, with placeholders (:data:`PLACEHOLDERS`): the destination, and the text or the code.
        accepted: what the gateway's JSON answer must hold, where a status of 2xx alone does not mean yes: the way
            to a field (``result.0.code``), and its value, of the same type.
        idempotency_header: carries the message's id, so that a gateway that knows it sends a repetition once;
            None for none.
        timeout: the longest wait in seconds for each step of the connection, and for the whole answer; at most 60.
        context: which certificates are believed; the usual ones where None.
        monotonic: measures the time of the whole answer, in seconds.

    Raises:
        InvalidValueError: a placeholder that there is not, a body without destination or code, a header that is
            none, an address without TLS.
        WiringError: the extra is not installed.
    """

    url: str = attrs.field(repr=False)
    headers: Mapping[str, Secret[str]] = attrs.field(factory=dict[str, Secret[str]], converter=_headers)
    body: Mapping[str, Json] = attrs.field(converter=_body, repr=False)
    accepted: Mapping[str, str | int | bool] = attrs.field(factory=dict[str, str | int | bool])
    idempotency_header: str | None = "Idempotency-Key"
    timeout: float = 10.0
    context: ssl.SSLContext | None = attrs.field(default=None, repr=False)
    monotonic: Callable[[], float] = attrs.field(default=time.monotonic, repr=False)

    def __attrs_post_init__(self) -> None:
        check_installed("the SMS gateway")
        if not is_safe_address(self.url):
            raise InvalidValueError("url", "not_a_safe_address")
        _check_places(frozenset(_places(self.body)))
        if self.idempotency_header is not None and not _HEADER_NAME.match(self.idempotency_header):
            raise InvalidValueError("idempotency_header", "not_a_header")
        if not 0 < self.timeout <= 60:
            raise InvalidValueError("timeout", "duration_out_of_range")

    @property
    def channel(self) -> Channel:
        """``sms``."""
        return "sms"

    def send(self, message: CodeMessage) -> None:
        """Hand the code over to the gateway.

        The error is raised where no other one is under way: what stands behind it holds the request.

        Raises:
            DeliveryError: the gateway did not take it, or did not say so.
        """
        if message.channel != self.channel:
            raise DeliveryError(message.channel, "wrong_channel")
        if not _NUMBER.match(message.destination.reveal()):
            raise DeliveryError("sms", "bad_address")
        problem = self._hand_over(message)
        if problem is not None:
            raise DeliveryError("sms", problem)

    def _hand_over(self, message: CodeMessage) -> str | None:
        """The problem's code, or None when the gateway has taken the message."""
        content = json.dumps(_filled(self.body, _values(message))).encode()
        http = BoundedHttp(timeout=self.timeout, context=self.context, monotonic=self.monotonic)
        said = http.post(self.url, headers=self._lines(message), body=content, reads=self._wants)
        if isinstance(said, str):
            return said
        return _problem_of(said.status) or self._problem_in(said.content)

    def _wants(self, status: int) -> bool:
        """Whether the gateway's own answer is looked at."""
        return bool(self.accepted) and _problem_of(status) is None

    def _lines(self, message: CodeMessage) -> dict[str, str]:
        lines = {"Content-Type": "application/json"}
        if self.idempotency_header is not None:
            lines[self.idempotency_header] = quote(message.id, safe="")
        return lines | {name: value.reveal() for name, value in self.headers.items()}

    def _problem_in(self, answer: Json) -> str | None:
        """What the gateway's own answer says: gateways answer 200 and put their "no" into the body."""
        found = ((_found(answer, way), wanted) for way, wanted in self.accepted.items())
        return None if all(type(value) is type(wanted) and value == wanted for value, wanted in found) else "refused"


def _check_places(named: frozenset[str]) -> None:
    if not named <= PLACEHOLDERS:
        raise InvalidValueError("body", "unknown_placeholder")
    if "destination" not in named:
        raise InvalidValueError("body", "no_destination")
    if not named & {"text", "code"}:
        raise InvalidValueError("body", "no_code")


def _places(template: Json) -> Iterator[str]:
    """The names of the placeholders in a body, from its beginning to its end."""
    match template:
        case str():
            yield from _PLACE.findall(template)
        case Mapping():
            for key, part in template.items():
                if _PLACE.search(key):
                    raise InvalidValueError("body", "placeholder_in_key")
                yield from _places(part)
        case Sequence():
            for part in template:
                yield from _places(part)
        case _:
            return


def _filled(template: Json, values: Mapping[str, str]) -> Json:
    """The body with its placeholders filled; what is put in is never looked at again."""
    match template:
        case str():
            return _PLACE.sub(lambda place: values[place[1]], template)
        case Mapping():
            return {key: _filled(part, values) for key, part in template.items()}
        case Sequence():
            return [_filled(part, values) for part in template]
        case _:
            return template


def _values(message: CodeMessage) -> dict[str, str]:
    code, minutes = message.code.reveal(), whole_minutes(message.valid_for)
    return {
        "destination": message.destination.reveal().replace(" ", "").replace("-", ""),
        "text": text("sms.code.text", message.locale, portal=message.portal, code=code, minutes=minutes),
        "code": code,
        "id": message.id,
        "minutes": str(minutes),
        "locale": message.locale,
    }


def _problem_of(status: int) -> str | None:
    """What a status says (RFC 9110, 15): 2xx yes, 5xx not now, and everything else, redirects included, no."""
    if 200 <= status < 300:
        return None
    return "unavailable" if status >= 500 else "refused"


def _found(answer: Json, way: str) -> Json:
    """The field of an answer at the end of that way, or None."""
    for step in way.split("."):
        match answer:
            case Mapping():
                answer = answer.get(step)
            case [*parts] if step.isdecimal() and int(step) < len(parts):
                answer = parts[int(step)]
            case _:
                return None
    return answer
