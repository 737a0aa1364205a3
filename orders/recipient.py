"""Who gets the box, in one shape for every source. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields

from orders.countries import country_code, state_code


@dataclass(frozen=True)
class Recipient:
    """An address as it will be sent: ``address`` is one line, ``country`` an ISO code or blank."""

    name: str = ""
    company: str = ""
    address: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""

    def as_dict(self) -> dict[str, str]:
        return dict(vars(self))


FIELDS = tuple(field.name for field in fields(Recipient))
LIMITS = {"address": 400, "state": 100, "zip": 20, "country": 2}
DEFAULT_LIMIT = 200


def one_line(*texts: str) -> str:
    """Return the texts joined by a comma and a space, blanks left out, each on one line."""
    return ", ".join(line for line in (" ".join(text.split()) for text in texts) if line)


def recipient(
    *,
    name: str,
    company: str,
    street: str,
    street2: str,
    city: str,
    state: str,
    zip_code: str,
    country: str,
) -> tuple[Recipient, list[str]]:
    """Return a recipient from an address' parts, and the names of fields that had to be cut.

    The country may be a code or a name; one that is not known is left blank. The state becomes its
    two-letter code where the country has one.
    """
    code = country_code(country) if country.strip() else ""
    values = {
        "name": one_line(name),
        "company": one_line(company),
        "address": one_line(street, street2),
        "city": one_line(city),
        "state": state_code(state, code),
        "zip": one_line(zip_code),
        "country": code,
    }
    cut = [key for key, value in values.items() if len(value) > LIMITS.get(key, DEFAULT_LIMIT)]
    return Recipient(**{k: v[: LIMITS.get(k, DEFAULT_LIMIT)] for k, v in values.items()}), cut
