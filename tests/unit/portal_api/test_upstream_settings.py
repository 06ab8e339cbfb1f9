"""What a deployment may say of its upstream."""

import pytest
from pydantic import ValidationError

from portal_api.catalog.entrypoints.upstream_schemas import UpstreamBody


@pytest.mark.parametrize(
    "text", ["no certificate", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", "é"]
)
def test_authorities_that_are_no_certificates_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="no certificates in PEM form"):
        UpstreamBody(tls_ca_pem=text)
