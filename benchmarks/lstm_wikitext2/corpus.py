"""The text: an embedded corpus that every Python carries, or the files of the real WikiText-2.

The embedded corpus is the prose of ``pydoc_data.topics`` (the language reference behind
``help("for")``): English, PSF licence, no download. It differs between Python versions, so
``describe`` names its hash, and results over different hashes are not comparable.

Invariants (tests/benchmarks/test_lstm_wikitext2_corpus.py holds each one):
- importing it loads no torch; reading draws no random number: equal arguments, equal ids;
- no paragraph of the embedded corpus is in both train and valid;
- real files are read as the original does: words split at spaces, ``<eos>`` after every line;
- a limited vocabulary is taken from train alone; the rest becomes ``<unk>``, which has id 0;
- a file that is missing is named, with the way out.
"""

from __future__ import annotations

import hashlib
import platform
import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

UNKNOWN = "<unk>"
END = "<eos>"
FILES = (("wiki.train.tokens", "wiki.valid.tokens"), ("train.txt", "valid.txt"))

_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[^\sa-z0-9]")
_BLOCK = 20  # paragraphs
_EVERY = 10  # one block in this many is for validation


class Corpus(NamedTuple):
    """A text as numbers."""

    words: list[str]  #: the vocabulary; a word's id is its place
    train: list[int]  #: ids
    valid: list[int]  #: ids


def read_corpus(
    dataset_path: str = "", *, vocab_size: int = 0, train_tokens: int = 0, valid_tokens: int = 0
) -> Corpus:
    """Return the corpus as ids.

    Args:
        dataset_path: folder with the files of WikiText-2; ``""``: the embedded corpus.
        vocab_size: keep so many words, the most frequent ones of train; 0: all of both parts.
        train_tokens: keep the first so many of train; 0: all.
        valid_tokens: keep the first so many of valid; 0: all.

    Raises:
        FileNotFoundError: a file is missing; the text names it and the way out.
    """
    train, valid = _wikitext(Path(dataset_path)) if dataset_path else _embedded()
    train, valid = train[: train_tokens or None], valid[: valid_tokens or None]
    words = _vocabulary(train, valid, vocab_size)
    ids = {word: i for i, word in enumerate(words)}
    return Corpus(words, [ids.get(w, 0) for w in train], [ids.get(w, 0) for w in valid])


def describe(dataset_path: str = "") -> str:
    """Return name and sha256 of the text, for every result that is made from it.

    Raises:
        FileNotFoundError: a file is missing; the text names it and the way out.
    """
    if not dataset_path:
        version = ".".join(platform.python_version_tuple()[:2])
        digest = hashlib.sha256(_embedded_text().encode()).hexdigest()
        return f"pydoc_data.topics of Python {version} (embedded stand-in), sha256 {digest[:12]}"
    files = find_files(Path(dataset_path))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return f"{files[0].name} + {files[1].name}, sha256 {digest[:12]}"


def find_files(folder: Path) -> tuple[Path, Path]:
    """Return the files of train and valid in a folder, under either pair of names.

    Raises:
        FileNotFoundError: no pair is complete; the text names what is missing and the way out.
    """
    for names in FILES:
        train, valid = (folder / name for name in names)
        if train.is_file() and valid.is_file():
            return train, valid
    pairs = " nor ".join(" and ".join(names) for names in FILES)
    if not folder.is_dir():
        problem = "there is no such folder"
    else:
        found = [name for names in FILES for name in names if (folder / name).is_file()]
        problem = f"it holds neither {pairs}" + "".join(f"; there is only {f}" for f in found[:1])
    raise FileNotFoundError(
        f"dataset_path is {str(folder)!r}, but {problem}; unpack WikiText-2 there, or leave "
        "dataset_path empty to train on the embedded corpus"
    )


def _wikitext(folder: Path) -> tuple[list[str], list[str]]:
    train, valid = find_files(folder)
    return _words(train), _words(valid)


def _words(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as lines:
        return [word for line in lines for word in (*line.split(), END)]


def _embedded_text() -> str:
    from pydoc_data.topics import topics  # 0.5 MB that the help of the options does not need

    return "\n".join(text for _, text in sorted(topics.items()))


def _embedded() -> tuple[list[str], list[str]]:
    # Topics quote each other: without dict.fromkeys the same paragraph would be in both parts.
    paragraphs = [p.strip() for p in re.split(r"\n[ \t]*\n", _embedded_text())]
    unique = [p for p in dict.fromkeys(paragraphs) if p]
    blocks = [unique[i : i + _BLOCK] for i in range(0, len(unique), _BLOCK)]
    train = chain.from_iterable(b for i, b in enumerate(blocks) if i % _EVERY != _EVERY - 1)
    valid = chain.from_iterable(blocks[_EVERY - 1 :: _EVERY])
    return _tokens(train), _tokens(valid)


def _tokens(paragraphs: Iterable[str]) -> list[str]:
    lines = (line for text in paragraphs for line in text.lower().splitlines())
    return [token for line in lines for token in (*_TOKEN.findall(line), END)]


def _vocabulary(train: list[str], valid: list[str], size: int) -> list[str]:
    if not size:
        return list(dict.fromkeys(chain(train, valid)))
    counts = Counter(word for word in train if word != UNKNOWN)
    return [UNKNOWN, *(word for word, _ in counts.most_common(size - 1))]
