"""What a file's name says, and what its object is called."""

import pytest

from shipper.names import Place, spool_file

PLACE = Place("titanic", "main", "titanic-main-7d9")


def key(name: str, sequence: int | None = None, place: Place = PLACE) -> str:
    file = spool_file(name)
    assert file is not None
    return place.key(file, sequence)


def test_an_object_is_below_the_hour_of_its_slot() -> None:
    expected = "titanic/main/2025/11/26/10/titanic-main-7d9-1764152430-00000000c0ffee00.jsonl"
    assert expected == key("1764152430-00000000c0ffee00.jsonl")


def test_further_files_of_a_slot_are_objects_of_their_own() -> None:
    assert key("1764152430-00000000c0ffee00-2.jsonl").endswith("-1764152430-00000000c0ffee00-2.jsonl")


def test_a_late_file_never_has_the_name_of_an_earlier_object() -> None:
    assert key("1764152430-00000000c0ffee00.jsonl", 17).endswith("-00000000c0ffee00.17.jsonl")


def test_without_a_variant_there_is_no_folder_for_it() -> None:
    place = Place("titanic", "", "pod")
    assert key("1764152430-00000000c0ffee00.jsonl", place=place).startswith("titanic/2025/")


@pytest.mark.parametrize(
    "name",
    [
        *(".ledger.json", "notes.txt", "1764152430-00000000c0ffee00.jsonl.tmp", "../1764152430-00000000c0ffee00.jsonl"),
        *(
            "176415243-00000000c0ffee00.jsonl",
            "1764152430-00000000C0FFEE00.jsonl",
            "1764152430-00000000c0ffee00-.jsonl",
        ),
        *("\uff11764152430-00000000c0ffee00.jsonl", "1764152430-00000000c0ffee00.jsonl\n"),
    ],
)
def test_other_names_are_not_looked_at(name: str) -> None:
    assert spool_file(name) is None


def test_a_file_is_final_ten_seconds_after_its_slot() -> None:
    file = spool_file("1764152430-00000000c0ffee00.jsonl")
    assert file is not None
    assert not file.is_final(1_764_152_450)
    assert file.is_final(1_764_152_451)
