from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node_agent.batch import Encoder
from node_agent.lines import Block
from node_agent.parse import parse
from node_agent.redact import EXACT, Redactor
from tests.node_agent.build import line
from tests.node_agent.decode import observations

NAMES = """
token key apikey api_key access_token password passwd pwd secret signature sig auth code session jwt
X-Amz-Signature X-Amz-Security-Token X-Goog-Signature accessToken refresh-token id_token
client_secret GITHUB_TOKEN user[password] csrf.token sessionid session_id api-key private_key pass
otp PASSWORD %74oken to%6ben x%2Dapi%2Dkey ticket sid
""".split()  # noqa: SIM905
HARMLESS = """
q page sort_key country_code zipcode monkey author tokens_left passenger design broken keyboard lang
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", NAMES)
def test_the_value_of_a_telling_name_is_redacted(name: str) -> None:
    path = Redactor().path(f"/a?x=1&{name}=s3cr%20et&y=2")
    assert path == f"/a?x=1&{name}=REDACTED&y=2"


@pytest.mark.parametrize("name", HARMLESS)
def test_other_values_pass(name: str) -> None:
    path = f"/a/token/secret=1?{name}=value&b"
    assert Redactor().path(path) == path


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/a?token=1;sig=2&token=3", "/a?token=REDACTED;sig=REDACTED&token=REDACTED"),
        ("/a?token=a=b==", "/a?token=REDACTED"),
        ("/a?token", "/a?token"),
        ("/a?token=", "/a?token=REDACTED"),
        ("/a?next=%2Fb%3Ftoken%3Dabc", "/a?next=REDACTED"),
        ("/a?next=%252Fb%253Faccess_token%253Dabc", "/a?next=REDACTED"),
        ("/a?next=/b?token=abc", "/a?next=REDACTED"),
        ("/a?next=%2Fb%3Fq%3Dabc", "/a?next=%2Fb%3Fq%3Dabc"),
        ("/a?" + "x" * 5000 + "=1&pwd=2", "/a?" + "x" * 5000 + "=1&pwd=REDACTED"),
    ],
)
def test_odd_queries(path: str, shown: str) -> None:
    assert Redactor().path(path) == shown


def test_names_of_the_configuration_are_added_and_it_can_be_switched_off() -> None:
    path = "/a?Customer-No=5&token=1"
    assert Redactor(["customer_no"]).path(path) == "/a?Customer-No=REDACTED&token=REDACTED"
    assert Redactor(query="none").path(path) == path


@given(st.text(max_size=100), st.sampled_from(sorted(EXACT)), st.text("&;=%?#abc", max_size=20))
def test_whatever_surrounds_it_a_secret_does_not_leave_and_twice_is_as_once(
    before: str, name: str, after: str
) -> None:
    redactor = Redactor()
    path = redactor.path(f"/a?{before}&{name}=s3cr3t{after}")
    assert "s3cr3t" not in path
    assert redactor.path(path) == path


@pytest.mark.parametrize("count", [3, 300])
def test_rows_and_columns_and_samples_are_redacted(count: int) -> None:
    path = "/login?user=a&password=hunter"
    good = b"".join(
        line(i, RequestPath=f"{path}{i}", ServiceURL="http://me:hunter@10.0.0.1")
        for i in range(count)
    )
    bad = b'{"request_Authorization":"Bearer hunter","RequestPath":"/x?token=hunter" \n'
    (batch,) = Encoder().encode(1, parse(Block(0, good + bad)))
    found = observations(batch)
    assert {row["path"] for row in found} == {"/login?user=a&password=REDACTED"}
    assert {row["upstream"] for row in found} == {"http://REDACTED@10.0.0.1"}
    (sample,) = batch.malformed_samples
    assert sample.text == '{"request_Authorization":"REDACTED","RequestPath":"/x?REDACTED" \n'[:-1]
    assert "hunter" not in str(batch) and "hunter" not in str(found)
