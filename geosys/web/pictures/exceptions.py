"""Say what is wrong with a request as the standards have it: exception reports of WMS, WFS and WMTS that their clients can show."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

MISSING, INVALID = "MissingParameterValue", "InvalidParameterValue"  # Source: OGC 06-121r3, table 25
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_OWS = (
    '<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows{space}" version="{version}"{language}>'
    "<ows:Exception exceptionCode={code} locator={locator}><ows:ExceptionText>{text}</ows:ExceptionText></ows:Exception></ows:ExceptionReport>"
)
_SERVICE = '<ServiceExceptionReport version="{version}"{space}><ServiceException{code}>{text}</ServiceException></ServiceExceptionReport>'
_OGC = ' xmlns="http://www.opengis.net/ogc"'
_LANGUAGE = ' xml:lang="en"'


class RequestFaultError(HTTPException):
    """A request of WMS, WFS or WMTS that is refused because of one of its parameters."""

    def __init__(self, parameter: str, got: str, expected: str, status: int = 400) -> None:
        super().__init__(status, f"{parameter}: got {got[:100]!r}, expected {expected}.")
        self.parameter, self.code = parameter, INVALID if got else MISSING


def exception_report(fault: RequestFaultError, service: str, given: Mapping[str, str]) -> Response:
    """Return the exception report of a fault.

    Parameters
    ----------
    service : ``WMS``, ``WFS`` or ``WMTS``.
    given : parameters by lower-case name; ``version`` decides the form: those of 1.3.0, 2.0.0 and 1.0.0 where it says nothing known.
    """
    version = given.get("version") or given.get("wmtver") or ""
    told = {"text": escape(_plain(fault.detail)), "code": quoteattr(fault.code), "locator": quoteattr(fault.parameter)}
    media_type = "text/xml"
    if service == "WMS" and version.startswith("1.1"):
        media_type = "application/vnd.ogc.se_xml"
        text = _SERVICE.format(**{**told, "code": ""}, version="1.1.1", space="")
    elif service == "WMS":
        text = _SERVICE.format(**{**told, "code": f" locator={told['locator']}"}, version="1.3.0", space=_OGC)
    elif service == "WFS" and version.startswith("1.0"):
        code = f" code={told['code']} locator={told['locator']}"
        text = _SERVICE.format(**{**told, "code": code}, version="1.2.0", space=_OGC)
    elif service == "WFS" and version.startswith("1.1"):
        text = _OWS.format(**told, version="1.1.0", space="", language="")
    else:
        text = _OWS.format(**told, version="2.0.0" if service == "WFS" else "1.0.0", space="/1.1", language=_LANGUAGE)
    return Response(_HEAD + text, fault.status_code, {"Cache-Control": "no-store"}, media_type)


def _plain(text: str) -> str:
    """Return a text without what no XML document may hold."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
