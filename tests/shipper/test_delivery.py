"""Captured traffic arrives at each kind of sink, byte for byte, and the account is exact."""

import signal

import pytest

from tests.fetcher.s3_server import S3Server
from tests.fetcher.web_server import WebServer
from tests.shipper.running import FOLDER, PLACE, Pod, process, shipping, whole
from tests.unit.shipper.writing import OLD_SLOT

MIB = 1024 * 1024


def written_by_two(pod: Pod) -> None:
    """By two starts of nginx, in several files."""
    first, second = pod.nginx(), pod.nginx(slot=OLD_SLOT + 20)
    first.write(3)
    first.tear()
    first.write(2)
    first.next_slot()
    first.write(1)
    second.write(4)


def test_records_become_files_on_a_claim(pod: Pod) -> None:
    written_by_two(pod)
    with shipping(pod.settings("pvc://captured/traffic")):
        pod.until_shipped()
    assert sorted(pod.written) == sorted(whole(pod.on_claim(f"traffic/{FOLDER}")))
    assert sorted(pod.on_claim(f"traffic/{FOLDER}")) == sorted(
        f"{PLACE.pod}-{name}"
        for name in (
            f"{OLD_SLOT}-{pod.writers[0].boot}.jsonl",
            f"{OLD_SLOT}-{pod.writers[0].boot}-0.jsonl",
            f"{OLD_SLOT + 10}-{pod.writers[0].boot}.jsonl",
            f"{OLD_SLOT + 20}-{pod.writers[1].boot}.jsonl",
        )
    )
    assert pod.account() == (len(pod.written), 0, {})
    assert pod.ledger()["shipped"] == {"records": 10, "bytes": sum(map(len, pod.written)), "files": 4}
    assert pod.files() == []


def test_records_become_objects_of_a_bucket(pod: Pod, s3: S3Server) -> None:
    written_by_two(pod)
    with shipping(pod.settings("s3://models/captured//traffic/", credentials=pod.secret(s3.secret))):
        pod.until_shipped()
    found = s3.objects("captured/traffic")
    assert sorted(pod.written) == sorted(whole(found))
    assert all(key.startswith(f"captured/traffic/{FOLDER}/{PLACE.pod}-") for key in found)


def test_records_are_put_to_a_server_with_its_credentials(pod: Pod, web: WebServer) -> None:
    written_by_two(pod)
    secret = pod.secret({"username": "robot", "password": "secret1"})
    with shipping(pod.settings(f"{web.url}/put-secret/traffic", credentials=secret)):
        pod.until_shipped()
    assert sorted(pod.written) == sorted(whole(web.stored()))
    assert all(path.startswith(f"traffic/{FOLDER}/") for path in web.stored())


def test_records_are_put_over_tls_to_an_authority_of_the_secret(pod: Pod, web: WebServer) -> None:
    pod.nginx().write(3)
    secret = pod.secret({"ca.crt": (web.folder / "tls.crt").read_text()})
    with shipping(pod.settings(f"https://localhost:{web.tls_port}/put", credentials=secret)):
        pod.until_shipped()
    assert pod.written == whole(web.stored())


def test_a_redirect_within_the_server_is_followed_with_the_credentials(pod: Pod, web: WebServer) -> None:
    pod.nginx().write(3)
    secret = pod.secret({"username": "robot", "password": "secret1"})
    with shipping(pod.settings(f"{web.url}/put-moved", credentials=secret)):
        pod.until_shipped()
    assert pod.written == whole(web.stored())
    assert [request["status"] for request in web.asked()] == [307, 201]


def test_a_file_that_nginx_may_append_to_waits(pod: Pod) -> None:
    pod.nginx(slot=9_999_999_999).write(3)
    with shipping(pod.settings("pvc://captured")):
        pod.until(lambda ledger: ledger["spooled"]["records"] == 3, "three records are spooled")
        assert pod.account() == (0, 3, {})
        pod.nginx().write(1)
        pod.until(lambda ledger: ledger["shipped"]["records"] == 1, "the final file is shipped")
        pod.until(lambda _: len(pod.files()) == 1, "the final file is deleted")


def test_numbers_that_never_reached_the_spool_are_lost(pod: Pod) -> None:
    nginx = pod.nginx()
    nginx.lose()
    nginx.write(2)
    nginx.lose()
    nginx.lose()
    nginx.next_slot()
    nginx.write(1)
    with shipping(pod.settings("pvc://captured")):
        pod.until_shipped()
    assert pod.account() == (3, 0, {"missing": 3})


def test_links_devices_and_other_names_are_left_alone(pod: Pod) -> None:
    secret = pod.scratch / "secret.txt"
    secret.write_text("{secret}\n")
    nginx = pod.nginx()
    (pod.spool / nginx.name).symlink_to(secret)
    (pod.spool / "1764152430-00000000c0ffee00-1.jsonl").mkdir()
    (pod.spool / "notes.jsonl").write_text("notes")
    nginx.next_slot()
    nginx.write(2)
    with shipping(pod.settings("pvc://captured")):
        pod.until_shipped()
    assert pod.written == whole(pod.on_claim())
    assert len(pod.files()) == 3


def test_memory_does_not_grow_with_records_and_files(pod: Pod, s3: S3Server) -> None:
    """Sixteen MiB in one file of small records, and in one of a single record."""
    nginx = pod.nginx()
    nginx.write(1024, "x" * 15 * 1024)
    nginx.next_slot()
    nginx.write(1, "x" * 15 * MIB)
    secret = {"CREDENTIALS": str(pod.secret(s3.secret))}
    with process(pod.environment("s3://models/large", **secret)) as running:
        pod.until_shipped()
        peak = _peak(running.pid)
    assert pod.written == whole(s3.objects("large"))
    assert peak <= 96 * 1024


def _peak(process_id: int) -> int:
    """The most memory it ever had, in KiB."""
    with open(f"/proc/{process_id}/status") as status:  # noqa: PTH123 - not a file
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


@pytest.mark.parametrize("name", ["SINK", "SPOOL", "ENDPOINT", "POD"])
def test_a_variable_that_is_missing_is_named(name: str, pod: Pod) -> None:
    with process({**pod.environment("pvc://captured"), name: ""}) as running:
        assert running.wait() == 2
        assert running.stdout is not None
        assert name in running.stdout.read()


def test_what_is_spooled_when_the_pod_ends_is_delivered_though_it_is_not_final(pod: Pod) -> None:
    nginx = pod.nginx(slot=9_999_999_900)
    nginx.write(3)
    nginx.tear()
    nginx.write(2)
    with process(pod.environment("pvc://captured", QUIET_SECONDS="3")) as running:
        pod.until(lambda ledger: ledger["spooled"]["records"] == 5, "five records are spooled")
        running.send_signal(signal.SIGTERM)
        pod.until(lambda ledger: ledger["shipped"]["records"] == 5, "they are shipped")
        nginx.write(1)
        pod.until_shipped()
        nginx.next_slot()
        nginx.write(1)
        assert running.wait() == 0
        assert running.stdout is not None
        last = running.stdout.read().splitlines()[-1]
    assert sorted(pod.written) == sorted(whole(pod.on_claim()))
    assert pod.account() == (7, 0, {})
    assert '"shipped": 7, "lost": {}' in last


def test_what_cannot_be_delivered_within_the_time_is_counted_in_the_last_line(pod: Pod) -> None:
    pod.claim.rmdir()
    pod.nginx().write(3)
    with process(pod.environment("pvc://captured", DRAIN_SECONDS="1")) as running:
        pod.until_failing("not_found")
        running.send_signal(signal.SIGTERM)
        assert running.wait() == 0
        assert running.stdout is not None
        last = running.stdout.read().splitlines()[-1]
    assert '"shipped": 0, "lost": {"terminated": 3}' in last
    assert pod.account() == (0, 3, {})
