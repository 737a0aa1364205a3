"""The sandbox's spoilt answers: pages of a gateway in trouble, status texts gone wrong. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orders.trepstar import status_xml, wire
from orders.trepstar.status_xml import Section

SERVER_ERROR = b"<html><head><title>500</title></head><body><h1>Server Error</h1></body></html>"
MAINTENANCE = (
    b"<html><head><title>TrepStar</title></head><body><h1>We will be back soon</h1>"
    b"<p>Our site is down for maintenance.</p></body></html>"
)
BOTH_MARKERS = wire.write_success() + wire.write_failure("000013")
NEITHER_MARKER = b"Thank you. Your order is on its way.\r\n"


def spoilt_sections(sections: Sequence[Section], fault: str) -> bytes:
    """Return the answer of a status call, spoilt as ``fault`` says; other faults spoil nothing."""
    if fault == "shuffled":
        return status_xml.write_sections(list(reversed(sections)))
    if fault == "missing":
        middle = len(sections) // 2
        return status_xml.write_sections([*sections[:middle], *sections[middle + 1 :]])
    if fault == "twice":
        return status_xml.write_sections([*sections, _other_contents(sections[0])])
    if fault == "bare-amp":
        marked = [_with_ampersand(section) for section in sections]
        return status_xml.write_sections(marked).replace(b"&amp;", b"&")
    body = status_xml.write_sections(sections)
    if fault == "cp1252":
        text = body.decode().partition("?>")[2].lstrip()
        return text.encode("cp1252", "xmlcharrefreplace")
    if fault == "no-root":
        return body[body.index(b"<Status1>") : body.rindex(b"</")].rstrip()
    return body


def cut_answer(body: bytes) -> bytes:
    """Return the first part of an answer; an acceptance ends inside its marker."""
    marker = body.find(wire.SUCCESS.encode())
    return body[: marker + 4] if marker >= 0 else body[: len(body) // 2]


def _other_contents(section: Section) -> Section:
    status = "HOLD" if section.status != "HOLD" else "PROCESSING"
    return replace(section, error_number=status_xml.OK, error_text="", status=status)


def _with_ampersand(section: Section) -> Section:
    # Not in the name: the desk compares names, and this fault is about the text only.
    return replace(section, status_error_text=section.status_error_text or "Pressed & packed")
