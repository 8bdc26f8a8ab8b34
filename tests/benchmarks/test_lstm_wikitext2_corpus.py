"""The text that lstm_wikitext2 trains on: the embedded corpus and the files of WikiText-2."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = "pytest_synebench.benchmarks.lstm_wikitext2"
corpus = import_module(f"{PACKAGE}.corpus")


def test_the_corpus_is_the_same_in_every_process() -> None:
    code = (
        f"import hashlib, {PACKAGE}.corpus as c;"
        "r = [c.read_corpus(vocab_size=size) for size in (300, 0)];"
        "print(hashlib.sha256(repr(r).encode()).hexdigest())"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(prints) == 1
    assert len(prints.pop()) == 65


def test_the_embedded_corpus_is_english_of_useful_size() -> None:
    read = corpus.read_corpus(vocab_size=1000, train_tokens=40_000, valid_tokens=5_000)

    assert (len(read.words), len(read.train), len(read.valid)) == (1000, 40_000, 5_000)
    assert {"the", "of", "is", "statement", corpus.END} <= set(read.words[:100])
    assert read.valid.count(0) / len(read.valid) < 0.1  # 5 % on Python 3.11


def test_no_paragraph_is_in_both_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    paragraphs = [f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(400)]
    text = paragraphs + paragraphs[::-1]  # a second time, and in another block than the first
    monkeypatch.setattr(corpus, "_embedded_text", lambda: "\n\n".join(text))

    train, valid = corpus._embedded()

    assert set(train) & set(valid) == {corpus.END}
    assert len(set(train)) > 5 * len(set(valid)) > 5


@pytest.mark.parametrize("names", corpus.FILES)
def test_real_files_are_read_as_the_original_does(wikitext: Path, names: tuple[str, str]) -> None:
    for old, new in zip(corpus.FILES[0], names, strict=True):
        (wikitext / old).rename(wikitext / new)

    read = corpus.read_corpus(str(wikitext))

    eos = corpus.END
    start = [eos, "=", "Homarus", "gammarus", "=", eos, eos, "the", "European", "<unk>", "is"]
    assert [read.words[i] for i in read.train[:11]] == start
    assert [read.words[i] for i in read.valid[:6]] == [eos, "=", "Café", "=", eos, "the"]
    assert len(read.words) == len(set(read.words))


def test_a_limited_vocabulary_comes_from_train_alone(wikitext: Path) -> None:
    read = corpus.read_corpus(str(wikitext), vocab_size=8)

    assert read.words[:2] == ["<unk>", corpus.END]
    assert len(read.words) == len(set(read.words)) == 8
    # "@-@" is the most frequent word of valid.
    expected = [corpus.END, "=", "<unk>", "=", corpus.END, "the", "lobster", "<unk>", "<unk>"]
    assert [read.words[i] for i in read.valid[:9]] == expected


def test_a_missing_file_is_named_with_the_way_out(wikitext: Path) -> None:
    (wikitext / "wiki.train.tokens").unlink()

    with pytest.raises(FileNotFoundError, match=r"only wiki\.valid\.tokens; unpack WikiText-2 th"):
        corpus.read_corpus(str(wikitext))
    (wikitext / "wiki.valid.tokens").unlink()
    with pytest.raises(FileNotFoundError, match=r"train\.txt and valid\.txt; .*leave dataset_path"):
        corpus.describe(str(wikitext))


def test_the_data_set_is_named_by_its_content(wikitext: Path) -> None:
    before = corpus.describe(str(wikitext))
    with (wikitext / "wiki.valid.tokens").open("a", encoding="utf-8") as file:
        file.write("more")

    assert before.startswith("wiki.train.tokens + wiki.valid.tokens, sha256 ")
    assert corpus.describe(str(wikitext)) != before
