"""Captured traffic arrives in Azure's and Google's stores, as servers of the same protocols speak them."""

import base64

import pytest

from tests.fetcher.other_stores import StoreServer
from tests.shipper.running import FOLDER, PLACE, Pod, shipping, whole
from tests.unit.shipper.writing import OLD_SLOT


def test_records_become_objects_once_each_and_the_account_is_exact(pod: Pod, other_store: StoreServer) -> None:
    first, second = pod.nginx(), pod.nginx(slot=OLD_SLOT + 20)
    first.write(3)
    first.tear()
    first.write(200, "ü" * 1000)
    second.write(4)
    with shipping(pod.settings(other_store.url("captured//traffic/"), credentials=pod.secret(other_store.secret))):
        pod.until_shipped()
    found = other_store.objects("captured/traffic")
    assert sorted(pod.written) == sorted(whole(found))
    assert all(key.startswith(f"captured/traffic/{FOLDER}/{PLACE.pod}-") for key in found)
    assert pod.account() == (len(pod.written), 0, {})


def test_a_wrong_key_is_denied_and_not_logged(pod: Pod, azure: StoreServer, capsys: pytest.CaptureFixture[str]) -> None:
    pod.nginx().write(3)
    wrong = base64.b64encode(b"k" * 32).decode()
    secret = pod.secret({**azure.secret, "AZURE_STORAGE_ACCOUNT_KEY": wrong})
    with shipping(pod.settings(azure.url("denied"), credentials=secret)):
        pod.until_failing("denied")
        pod.secret(azure.secret)
        pod.until_shipped()
    found = capsys.readouterr().out
    assert '"status": 403, "code": "Auth' in found
    assert not [each for each in (wrong, azure.secret["AZURE_STORAGE_ACCOUNT_KEY"], "sig=") if each in found]
    assert sorted(pod.written) == sorted(whole(azure.objects("denied")))


def test_a_container_that_does_not_exist_is_reported(pod: Pod, azure: StoreServer) -> None:
    pod.nginx().write(3)
    with shipping(pod.settings("az://absent/traffic", credentials=pod.secret(azure.secret), drain_seconds=0)):
        pod.until_failing("not_found")
    assert pod.account() == (0, 3, {})
