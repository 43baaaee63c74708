"""The token endpoint of Alteryx' API: OAuth 2.0 client credentials (RFC 6749, sections 2.3.1, 4.4 and 5)."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from jobs import errors
from jobs.dialects import base
from jobs.dialects.base import Answer
from jobs.representation import dump

if TYPE_CHECKING:
    from jobs.dialects.base import Request
    from jobs.tenancy.access import IssuedToken

GRANT_TYPE = "client_credentials"
#: No client sends more parameters than this.
MAX_PARAMETERS = 50
_BASIC = "basic"
#: The codes of RFC 6749, section 5.2; `invalid_request` for any other error.
_CODES: dict[type[errors.JobsError], str] = {
    errors.InvalidClient: "invalid_client",
    errors.UnsupportedGrantType: "unsupported_grant_type",
    errors.Busy: "temporarily_unavailable",
}
_SENTENCES = {
    errors.InvalidClient: (
        HTTPStatus.UNAUTHORIZED,
        "The client is unknown, expired or revoked, or its secret is wrong.",
    ),
    errors.UnsupportedGrantType: (HTTPStatus.BAD_REQUEST, f"grant_type must be {GRANT_TYPE}"),
}
#: RFC 6749, section 5.1: nobody on the way may keep an answer that holds a token.
_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenRequest(NamedTuple):
    """Who asks for a token, and how."""

    client_id: str
    secret: str
    grant_type: str
    #: Whether the client's id and secret came by HTTP Basic.
    basic: bool


class OAuth2:
    """The dialect of the token endpoint."""

    prefix = "/webapi/oauth2"

    def parse_token_request(self, request: Request) -> TokenRequest:
        """Read who asks for a token: by HTTP Basic, or in the form.

        Raises:
            InvalidRequest: a parameter is missing or doubled, or the client came in both ways.
            InvalidClient: the HTTP Basic credentials are malformed.
        """
        form = _parse_form(request.body)
        grant_type = _required(form, "grant_type")
        scheme, _, encoded = (request.headers.get("authorization") or "").partition(" ")
        if scheme.lower() != _BASIC:
            client_id, secret = _required(form, "client_id"), _required(form, "client_secret")
            return TokenRequest(client_id, secret, grant_type, basic=False)
        client_id, secret = _parse_basic(encoded)
        # An id beside Basic only says again who asks (section 3.2.1); a secret is a second way to prove it.
        if "client_secret" in form or form.get("client_id", client_id) != client_id:
            raise errors.InvalidRequest("client_id", "must come one way")
        return TokenRequest(client_id, secret, grant_type, basic=True)

    def check_grant_type(self, asked: TokenRequest) -> None:
        """Check the grant. Only a caller that proved to be a client is told what is offered.

        Raises:
            UnsupportedGrantType: it is not client credentials.
        """
        if asked.grant_type != GRANT_TYPE:
            raise errors.UnsupportedGrantType

    def render_token(self, issued: IssuedToken) -> Answer:
        """Answer with a token."""
        body = {"access_token": issued.token, "token_type": "Bearer", "expires_in": issued.expires_in}
        return Answer(HTTPStatus.OK, dump(body), _NOT_KEPT)

    def render_error(self, error: errors.JobsError) -> Answer:
        """See `Dialect.render_error`: a code of RFC 6749, section 5.2, and a sentence."""
        headers = {**_NOT_KEPT, **base.error_headers(error, "Basic")}
        if isinstance(error, errors.RouteNotFound):
            return Answer(HTTPStatus.NOT_FOUND, dump({"message": "Not found."}))
        if isinstance(error, errors.MethodNotAllowed):
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, dump({"message": str(error)}), headers)
        status, sentence = base.describe(error, _SENTENCES)
        if isinstance(error, errors.InvalidClient):
            # Basic only where it was used: browsers answer that challenge with a dialog
            headers |= base.challenge("Basic" if error.basic else "Bearer")
        code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), "invalid_request")
        return Answer(status, dump({"error": code, "error_description": sentence}), headers)

    def render_failure(self, request_id: str) -> Answer:
        """See `Dialect.render_failure`."""
        body = {"error": "server_error", "error_description": base.failure_sentence(request_id)}
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, dump(body), _NOT_KEPT)


def _parse_form(body: str) -> dict[str, str]:
    """The parameters of a form. One without a value counts as left out (RFC 6749, section 3.2)."""
    try:
        pairs = parse_qsl(body, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise errors.InvalidRequest("body", "must be a form") from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise errors.InvalidRequest("body", "must hold each parameter once")
    return {name: value for name, value in form.items() if value}


def _required(form: dict[str, str], name: str) -> str:
    if name not in form:
        raise errors.InvalidRequest(name, "is missing")
    return form[name]


def _parse_basic(encoded: str) -> tuple[str, str]:
    """Id and secret of HTTP Basic: both form-encoded before they are joined (RFC 6749, section 2.3.1)."""
    try:
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        if not colon:
            raise errors.InvalidClient(basic=True)
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:  # no base64, no ASCII or no UTF-8
        raise errors.InvalidClient(basic=True) from None
