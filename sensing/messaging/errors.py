"""Why a message could not be delivered, as a code for programs and in words for people."""

from __future__ import annotations

import socket
import ssl


class Undelivered(Exception):
    """A broker or an address did not take a message. ``code`` is a key of ``ADVICE``; ``detail`` is
    one line without credentials. ``one_message``: only this message was refused, others may pass.
    """

    def __init__(self, code: str, detail: str = "", *, one_message: bool = False) -> None:
        self.code, self.detail, self.one_message = code, detail, one_message
        super().__init__(f"{code}: {detail}" if detail else code)


# code → (what happened, what to do). Pages run both through gettext.
ADVICE: dict[str, tuple[str, str]] = {
    "unknown_host": (
        "This name is not known in the network.",
        "Check how it is written; an IP address works as well.",
    ),
    "refused_address": (
        "This address belongs to a machine's own services and is never connected to.",
        "Enter the address of the receiver in your network.",
    ),
    "bad_address": (
        "The address cannot be read.",
        "Write a name or an IP address, for webhooks with http:// or https:// before it.",
    ),
    "refused": (
        "The machine is there, but nothing listens on this port.",
        "Check the port, and that the service behind it runs.",
    ),
    "unreachable": (
        "There is no way to this address.",
        "Check the network between this gateway and the receiver.",
    ),
    "timeout": (
        "There was no answer in time.",
        "Check the address, the port and any firewall in between.",
    ),
    "certificate_untrusted": (
        "The certificate is not signed by an authority that this gateway trusts.",
        "For an authority of your own, upload its certificate (PEM).",
    ),
    "certificate_name": (
        "The certificate was made for another name.",
        "Enter the address by the name that the certificate carries.",
    ),
    "certificate_expired": (
        "The certificate has expired or is not valid yet.",
        "Renew it, and check this gateway's clock.",
    ),
    "tls": (
        "No encrypted connection came about.",
        "Check that this port speaks TLS (usually 8883); a plain port needs TLS switched off.",
    ),
    "not_a_broker": (
        "What answers there does not speak MQTT as expected.",
        "Check the port, whether it needs TLS, and the MQTT version.",
    ),
    "protocol": (
        "The broker does not speak this version of MQTT.",
        "Choose MQTT 3.1.1.",
    ),
    "credentials": (
        "The broker refused the user name or password.",
        "Enter them again; the password is never shown.",
    ),
    "not_authorised": (
        "The broker does not allow this gateway to connect or to publish under the base topic.",
        "Give its user the right to publish there, and to read nothing.",
    ),
    "disconnected": (
        "The connection was lost.",
        "The gateway connects again by itself; what was counted meanwhile is sent then.",
    ),
    "redirected": (
        "The address answers with a redirection, which is not followed.",
        "Enter the address that it leads to.",
    ),
    "rejected": (
        "The receiver refused the message.",
        "Look into the receiver's log; the message is tried again for a while.",
    ),
    "receiver_error": (
        "The receiver answered with an error.",
        "Look into the receiver's log; messages wait and are tried again.",
    ),
    "not_http": (
        "What answers there does not speak HTTP as expected.",
        "Check the port, and whether the address begins with http or https.",
    ),
}


KINDS: tuple[tuple[type[OSError], str], ...] = (
    (ssl.SSLError, "tls"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (socket.gaierror, "unknown_host"),
    (ConnectionError, "disconnected"),
)


def of_os_error(error: OSError) -> Undelivered:
    """What a failed connection means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error.verify_message)
    code = next((code for kind, code in KINDS if isinstance(error, kind)), "unreachable")
    return Undelivered(code, (error.strerror or "")[:160])


def _of_certificate(words: str) -> Undelivered:
    if "mismatch" in words.lower():
        return Undelivered("certificate_name", words)
    if "expired" in words or "not yet valid" in words:
        return Undelivered("certificate_expired", words)
    return Undelivered("certificate_untrusted", words)
