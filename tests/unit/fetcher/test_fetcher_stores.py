"""Google's and Azure's stores: what is signed by the mounted Secret leads to their endpoints, and nowhere else."""

import base64
import json
import subprocess

import pytest

from fetcher.__main__ import main
from tests.unit.fetcher.origin import Answer, member, serving, tar_gz
from tests.unit.fetcher.running import Place

ARCHIVE = tar_gz(member("weights", b"1" * 1000))


@pytest.fixture(scope="session")
def google_key() -> str:
    """A service account's key file, but for its endpoint."""
    done = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], check=True, capture_output=True, text=True)
    names = {"type": "service_account", "client_email": "reader@example.com", "private_key_id": "1"}
    return json.dumps(names | {"private_key": done.stdout})


def test_azure_is_asked_by_a_signature_of_the_account_key(place: Place) -> None:
    with serving(Answer(ARCHIVE)) as origin:
        key = base64.b64encode(b"k" * 32).decode()
        secret = {"AZURE_STORAGE_ACCOUNT_NAME": "team", "AZURE_STORAGE_ACCOUNT_KEY": key}
        folder = place.secret({**secret, "AZURE_ENDPOINT": origin.url})
        assert main(place.arguments("az://models/titanic/model.tar.gz", "--credentials", str(folder))) == 0
    assert origin.requests[0]["path"].startswith("/models/titanic/model.tar.gz?")
    assert "sig=" in origin.requests[0]["path"]
    assert place.files() == {"weights": b"1" * 1000}


@pytest.mark.parametrize("key", ["GOOGLE_SERVICE_ACCOUNT_KEY", "gcloud-application-credentials.json"])
def test_google_is_asked_by_a_signature_of_the_service_account(key: str, google_key: str, place: Place) -> None:
    with serving(Answer(ARCHIVE)) as origin:
        folder = place.secret({key: google_key, "GOOGLE_BASE_URL": origin.url})
        assert main(place.arguments("gs://models/titanic/model.tar.gz", "--credentials", str(folder))) == 0
    assert origin.requests[0]["path"].startswith("/models/titanic/model.tar.gz?X-Goog-Algorithm=GOOG4-RSA-SHA256")
    assert place.files() == {"weights": b"1" * 1000}


def test_a_key_file_cannot_lead_google_inside(google_key: str, place: Place) -> None:
    inside = json.dumps(json.loads(google_key) | {"gcs_base_url": "http://169.254.169.254"})
    folder = place.secret({"GOOGLE_SERVICE_ACCOUNT_KEY": inside})
    assert main(place.arguments("gs://models/titanic/", "--credentials", str(folder))) == 10
    assert "a metadata service" in place.said()["message"]


@pytest.mark.parametrize("url", ["s3://", "s3:///key", "gs://bucket/key?version=1", "az://container/key#part"])
def test_urls_that_name_no_object_are_told_as_such(url: str, place: Place) -> None:
    assert main(place.arguments(url)) == 10
    assert "expected" in place.said()["message"]


def test_what_is_signed_is_told_to_nobody(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(Answer(status=403)) as origin:
        key = base64.b64encode(b"k" * 32).decode()
        secret = {"AZURE_STORAGE_ACCOUNT_NAME": "team", "AZURE_STORAGE_ACCOUNT_KEY": key}
        folder = place.secret({**secret, "AZURE_ENDPOINT": origin.url})
        assert main(place.arguments("az://models/m.tar.gz", "--credentials", str(folder))) == 10
    output = capsys.readouterr()
    said = output.out + output.err + place.termination_log.read_text()
    assert "status 403" in said
    assert "sig=" not in said
    assert key not in said
