"""Who calls: a publisher's own TrepStar login, or one of its API tokens in the password's place."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from orders.api import rates
from products import tokens
from products.fields import WrongKey
from products.models import Publisher
from products.secret import Secret

log = logging.getLogger(__name__)

MANY_FAILURES = 30
"""Wrong logins a minute, from one address for one account, after which none is looked at."""


@dataclass(frozen=True)
class Caller:
    """The publisher that a script acts for, and what the script is called in timelines."""

    publisher: Publisher
    name: str


def sign_in(values: Mapping[str, str], scope: str, *, address: str) -> Caller | None:
    """Return who calls, or None where the login is wrong or the account takes no scripts.

    ``values`` are the form's fields under lower-case names. A token stands in the password's place
    and must reach as far as ``scope``. ``address`` is the caller's, by which guesses are counted.
    """
    email = values.get("cologinemail", "").strip()
    password = values.get("cologinpassword", "")
    publisher = Publisher.objects.filter(login_email__iexact=email).first() if email else None
    if publisher is None or publisher.script_access == Publisher.ScriptAccess.OFF or not password:
        return None
    failures = f"{publisher.pk}-{hashlib.sha256(address.encode()).hexdigest()[:16]}"
    if rates.used(failures) >= MANY_FAILURES:
        return None
    caller = _known(publisher, password, scope)
    if caller is None:
        rates.count(failures)
    return caller


def _known(publisher: Publisher, password: str, scope: str) -> Caller | None:
    token = tokens.find(password)
    if token is not None:
        fits = token.publisher_id == publisher.pk and token.allows(scope)
        if not fits:
            return None
        tokens.note_use(token)
        return Caller(publisher, token.name)
    try:
        same = bool(publisher.login_password) and publisher.login_password == Secret(password)
    except WrongKey:
        log.error("The login of publisher %s cannot be read with these keys.", publisher.pk)
        return None
    return Caller(publisher, "a TrepStar script") if same else None
