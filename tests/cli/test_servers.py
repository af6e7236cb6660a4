"""The mail server and the SMS gateway of the demonstration: real ones, spoken to as any other."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator
from email.message import EmailMessage

import httpx2
import pytest

from hht_closure.cli.servers import HOST, LoopbackMail, LoopbackSms, Mail, Sms

KEY = {"Authorization": "Bearer k"}


@pytest.fixture
def mail() -> Iterator[LoopbackMail]:
    """A mail server that runs."""
    with LoopbackMail() as running:
        yield running


@pytest.fixture
def sms() -> Iterator[LoopbackSms]:
    """An SMS gateway that runs."""
    with LoopbackSms("k") as running:
        yield running


def test_a_mail_is_kept_for_each_recipient(mail: LoopbackMail) -> None:
    """As it was written, in any script, and only for those it was sent to."""
    message = EmailMessage()
    message["Subject"] = "您的账号已注销"
    message.set_content("再见。\n")
    with smtplib.SMTP(HOST, mail.port) as connection:
        connection.send_message(message, "a@example.com", ["b@example.com", "c@example.com"])
    kept = Mail(to="b@example.com", subject="您的账号已注销", text="再见。\n")
    assert (mail.to("b@example.com"), len(mail.to("c@example.com")), mail.to("d@example.com")) == ((kept,), 1, ())


def test_an_sms_with_the_key_is_kept(sms: LoopbackSms) -> None:
    """The gateway says so, and keeps it for its number."""
    answer = httpx2.post(sms.url, json={"to": "+1", "text": "你好", "ttl_minutes": "10"}, headers=KEY)
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    assert (sms.to("+1"), sms.to("+2")) == ((Sms(to="+1", text="你好"),), ())


def test_an_sms_without_the_key_is_refused(sms: LoopbackSms) -> None:
    """As a gateway would."""
    answer = httpx2.post(sms.url, json={"to": "+1", "text": "x"}, headers={"Authorization": "Bearer other"})
    assert (answer.status_code, sms.to("+1")) == (401, ())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'{"to": "+1"}', b"\xff"])
def test_a_malformed_request_is_refused(sms: LoopbackSms, content: bytes) -> None:
    """And the gateway goes on."""
    assert httpx2.post(sms.url, content=content, headers=KEY).status_code == 400
    assert httpx2.post(sms.url, json={"to": "+1", "text": "x"}, headers=KEY).status_code == 200


def test_both_can_be_reached_from_this_machine_only(mail: LoopbackMail, sms: LoopbackSms) -> None:
    """They listen on the loopback interface, on ports that the system gave, and not on the same."""
    with socket.create_connection((HOST, mail.port)), socket.create_connection((HOST, sms.port)):
        pass
    assert (HOST, mail.port != sms.port) == ("127.0.0.1", True)


def test_both_stop() -> None:
    """After the block nobody listens any more."""
    with LoopbackMail() as mail, LoopbackSms("k") as sms:
        ports = (mail.port, sms.port)
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, port))


def test_nothing_that_arrived_shows_itself() -> None:
    """Numbers, addresses and codes are not for logs."""
    shown = repr((Mail(to="b@example.com", subject="s", text="code 123456"), Sms(to="+1", text="code 123456")))
    assert shown == "(Mail(subject='s'), Sms())"
