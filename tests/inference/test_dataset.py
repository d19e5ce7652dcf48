"""Which pictures a folder is read as, by the folders that they lie in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagger.core.config import IntakeSettings
from tagger.core.errors import UsageError
from tagger.inference.training.dataset import Item, read_dataset


def make(folder: Path, *places: str, count: int = 20) -> None:
    for place in places:
        (folder / place).mkdir(parents=True)
        for number in range(count):
            (folder / place / f"{number:02}.jpg").touch()


def names(folder: Path, items: list[Item]) -> set[str]:
    return {Path(path).relative_to(folder).parts[0] for path, _, _ in items}


def test_a_folder_a_class_and_a_tenth_held_back_the_same_each_time(tmp_path: Path) -> None:
    make(tmp_path, "cat/2019/summer", "dog", "emu")
    found = read_dataset(str(tmp_path), IntakeSettings())
    assert found.classes == ("cat", "dog", "emu")
    assert (len(found.train), len(found.validation), len(found.test)) == (54, 6, 0)
    assert sorted(kind for _, _, kind in found.validation) == [0, 0, 1, 1, 2, 2]
    assert not set(found.train) & set(found.validation)
    assert read_dataset(str(tmp_path), IntakeSettings()).hash == found.hash
    assert read_dataset(str(tmp_path), IntakeSettings(), seed=2).hash != found.hash


def test_what_a_walk_through_a_library_leaves_out_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "cat", "dog", ".hidden", "dog/@eaDir", "no", "quiet")
    (tmp_path / ".taggerignore").write_text("no/\ncat/00.jpg\n")
    (tmp_path / "quiet" / ".nomedia").touch()
    (tmp_path / "cat" / "notes.txt").write_text("not a picture")
    found = read_dataset(str(tmp_path), IntakeSettings())
    assert found.classes == ("cat", "dog")
    assert len(found.train) + len(found.validation) == 39


def test_train_and_test_and_validation_are_taken_as_they_are_called(tmp_path: Path) -> None:
    make(tmp_path, "train/cat", "train/dog", "test/cat", "test/dog", "valid/cat", "valid/dog", "other/cow")
    found = read_dataset(str(tmp_path), IntakeSettings())
    assert found.classes == ("cat", "dog")
    assert names(tmp_path, found.train) == {"train"}
    assert names(tmp_path, found.validation) == {"valid"}
    assert names(tmp_path, found.test) == {"test"}


def test_a_folder_that_cannot_be_read_whole_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "cat", "dog")
    (tmp_path / ".taggerignore").mkdir()
    with pytest.raises(UsageError, match="cannot be read whole"):
        read_dataset(str(tmp_path), IntakeSettings())
