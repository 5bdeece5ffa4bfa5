"""Parts of a split as people name them."""

import pytest

from marrowscope.dataset.split_names import require_split_name, split_name
from marrowscope.errors import InputError


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("train, Train ,TRAINING,training_set,train2017,Trainingsdaten,train-images", "train"),
        ("test,TestA,Test-A,test_set,holdout,hold-out,Held out,Testdaten", "test"),
        ("val,valid,Validation,validation set,dev", "val"),
    ],
)
def test_names_of_parts(words: str, part: str) -> None:
    for word in words.split(","):
        assert split_name(word) == part, word


@pytest.mark.parametrize("word", ["", "A", "testis", "trainee", "valencia", "group1", "x" * 999])
def test_other_words_are_no_part_and_a_list_says_so(word: str) -> None:
    assert split_name(word) is None
    with pytest.raises(InputError, match=r"l\.csv: line 3: split .* write train, test or val"):
        require_split_name(word, "l.csv: line 3")
