"""The form of the token endpoint: who asks, in which of the two ways, and what the answer is (RFC 6749)."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import errors
from jobs.dialects.base import Request
from jobs.dialects.oauth2 import TokenRequest
from jobs.dialects.registry import OAUTH2
from jobs.tenancy.access import IssuedToken

#: Nobody on the way may keep an answer that could hold a token.
NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
FORM = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}
GRANT = "grant_type=client_credentials"


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def parse(body: str, authorization: str | None = None) -> TokenRequest:
    headers = {} if authorization is None else {"authorization": authorization}
    request = Request(path={}, query={}, headers=headers, body=body, origin="", raw_path="/webapi/oauth2/token")
    return OAUTH2.parse_token_request(request)


def test_a_client_may_come_in_the_form() -> None:
    assert parse(urlencode(FORM)) == TokenRequest("id", "secret", "client_credentials", basic=False)


def test_a_client_may_come_by_basic() -> None:
    assert parse(GRANT, basic("id:secret")) == TokenRequest("id", "secret", "client_credentials", basic=True)


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "bAsIc"])
def test_the_scheme_may_be_written_in_any_case(scheme: str) -> None:
    assert parse(GRANT, basic("id:secret").replace("Basic", scheme)).basic


@given(client_id=st.text(), secret=st.text())
def test_basic_carries_any_id_and_secret_form_encoded(client_id: str, secret: str) -> None:
    asked = parse(GRANT, basic(f"{quote_plus(client_id)}:{quote_plus(secret)}"))

    assert (asked.client_id, asked.secret) == (client_id, secret)


@given(client_id=st.text(min_size=1), secret=st.text(min_size=1))
def test_the_form_carries_any_id_and_secret(client_id: str, secret: str) -> None:
    asked = parse(urlencode({**FORM, "client_id": client_id, "client_secret": secret}))

    assert (asked.client_id, asked.secret) == (client_id, secret)


def test_a_secret_by_basic_may_hold_what_the_header_uses_itself() -> None:
    asked = parse(GRANT, basic("a%3Ab:c:d%2Be+f"))

    assert (asked.client_id, asked.secret) == ("a:b", "c:d+e f")


@pytest.mark.parametrize("authorization", ["", "Bearer jt_x", "Digest username=x"])
def test_a_header_of_another_scheme_leaves_the_form_to_say_who_asks(authorization: str) -> None:
    assert parse(urlencode(FORM), authorization) == parse(urlencode(FORM))


@pytest.mark.parametrize("name", FORM)
def test_a_parameter_that_is_missing_or_empty_is_an_invalid_request(name: str) -> None:
    without = {key: value for key, value in FORM.items() if key != name}

    for body in (urlencode(without), urlencode({**FORM, name: ""}), urlencode(without) + f"&{name}"):
        with pytest.raises(errors.InvalidRequest) as refusal:
            parse(body)
        assert refusal.value.field == name


@pytest.mark.parametrize("name", [*FORM, "scope"])
@pytest.mark.parametrize("second", ["", "x"])
def test_a_parameter_that_comes_twice_is_an_invalid_request_whatever_it_says(name: str, second: str) -> None:
    first = {**FORM, "scope": "x"}
    for body in (f"{urlencode(first)}&{name}={second}", f"{name}={second}&{urlencode(first)}"):
        with pytest.raises(errors.InvalidRequest):
            parse(body)


def test_a_parameter_that_nobody_knows_is_passed_over() -> None:
    assert parse(urlencode({**FORM, "scope": "", "audience": "x"})) == parse(urlencode(FORM))


@pytest.mark.parametrize("beside", ["client_secret=secret", "client_secret=other", "client_id=id&client_secret=secret"])
def test_a_client_that_proves_itself_both_ways_is_refused(beside: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        parse(f"{GRANT}&{beside}", basic("id:secret"))


def test_an_id_beside_basic_must_be_the_same() -> None:
    assert parse(f"{GRANT}&client_id=id&client_secret=", basic("id:secret")) == parse(GRANT, basic("id:secret"))
    with pytest.raises(errors.InvalidRequest):
        parse(f"{GRANT}&client_id=other", basic("id:secret"))


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic ",
        "Basic !",
        "Basic YQ",
        "Basic é",
        basic("no colon"),
        basic(b"\xff:secret"),
        basic("%FF:secret"),
        basic("id:%ff"),
        basic("id:secret") + " ",
    ],
)
def test_basic_that_can_not_be_read_is_an_invalid_client(authorization: str) -> None:
    with pytest.raises(errors.InvalidClient) as refusal:
        parse(GRANT, authorization)

    assert refusal.value.basic


def test_a_grant_is_asked_for_even_of_a_client_that_can_not_be_read() -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        parse("", "Basic !")

    assert refusal.value.field == "grant_type"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "&&&",
        json.dumps(FORM),
        "grant_type=client_credentials;client_id=id;client_secret=secret",
        f"{urlencode(FORM)}&x=%ff",
        f"{urlencode(FORM)}&%C3=x",
        urlencode(FORM) + "".join(f"&x{number}=" for number in range(48)),
    ],
)
def test_what_is_no_form_or_too_long_a_one_is_an_invalid_request(body: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        parse(body)


def test_fifty_parameters_are_not_too_many() -> None:
    assert parse(urlencode(FORM) + "".join(f"&x{number}=" for number in range(47))).client_id == "id"


@pytest.mark.parametrize("grant", ["password", "authorization_code", "Client_Credentials", "client_credentials "])
def test_another_grant_is_not_supported(grant: str) -> None:
    with pytest.raises(errors.UnsupportedGrantType):
        OAUTH2.check_grant_type(parse(urlencode({**FORM, "grant_type": grant})))


def test_the_one_grant_is_supported() -> None:
    OAUTH2.check_grant_type(parse(urlencode(FORM)))


def test_a_token_is_answered_and_kept_by_nobody() -> None:
    answer = OAUTH2.render_token(IssuedToken("jt_1", 3600))

    assert (answer.status, answer.body) == (200, '{"access_token":"jt_1","token_type":"Bearer","expires_in":3600}')
    assert answer.headers == NOT_KEPT


WRONG = '"error_description":"The client is unknown, expired or revoked, or its secret is wrong."'


@pytest.mark.parametrize(
    ("error", "status", "body", "headers"),
    [
        (
            errors.InvalidClient(basic=False),
            401,
            f'{{"error":"invalid_client",{WRONG}}}',
            {"WWW-Authenticate": 'Bearer realm="jobs"'},
        ),
        (
            errors.InvalidClient(basic=True),
            401,
            f'{{"error":"invalid_client",{WRONG}}}',
            {"WWW-Authenticate": 'Basic realm="jobs"'},
        ),
        (
            errors.UnsupportedGrantType(),
            400,
            '{"error":"unsupported_grant_type","error_description":"grant_type must be client_credentials"}',
            {},
        ),
        (
            errors.InvalidRequest("client_id", "is missing"),
            400,
            '{"error":"invalid_request","error_description":"client_id: is missing"}',
            {},
        ),
        (
            errors.BodyTooLarge(1),
            413,
            '{"error":"invalid_request","error_description":"request body over 1 bytes"}',
            {},
        ),
        (
            errors.Busy(2),
            429,
            '{"error":"temporarily_unavailable","error_description":"too many requests at once"}',
            {"Retry-After": "2"},
        ),
    ],
)
def test_each_error_has_its_status_its_word_and_a_sentence(
    error: errors.JobsError, status: int, body: str, headers: dict[str, str]
) -> None:
    answer = OAUTH2.render_error(error)

    assert (answer.status, answer.body) == (status, body)
    assert answer.headers == {**NOT_KEPT, **headers}


def test_a_path_that_is_none_answers_in_the_words_of_alteryx() -> None:
    answer = OAUTH2.render_error(errors.RouteNotFound())

    assert (answer.status, answer.body, answer.headers) == (404, '{"message":"Not found."}', {})


def test_a_failure_names_the_request_alone() -> None:
    answer = OAUTH2.render_failure("r-1")

    assert answer.status == 500
    assert answer.body == '{"error":"server_error","error_description":"internal error, request id r-1"}'
    assert answer.headers == NOT_KEPT
