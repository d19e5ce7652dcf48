"""schemathesis makes up requests from the OpenAPI description: none breaks the server or gets an undescribed answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.site import Site


@pytest.mark.slow
def test_no_request_breaks_the_api(site: Site) -> None:
    command = Path(sys.executable).parent / "schemathesis"
    done = subprocess.run(
        [
            str(command),
            "run",
            f"{site.address}/api/openapi.json",
            "--url",
            site.address,
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
            "response_headers_conformance,negative_data_rejection",
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "15",
            # The stream of events never ends.
            "--exclude-path",
            "/api/v1/events",
            "--request-timeout",
            "30",
            "--seed",
            "1",
            "--generation-database",
            "none",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
        cwd=site.tagger.home,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert site.get("/").status == 200
