"""The model folder of an adapter: every marker is one id, and the model is still the model."""

import json
import subprocess
import sys

import pytest
import tokenizers

import chatadapters
from tests.serve.wire import NAMES, ROOT
from tools import real_model

ROWS = 49152  # of the embedding: there are no ids beyond it
TEXT = 'Mama said: "exfoliate" the lovely volleyball, Zürich 北京 🙂\n\t{} sop'
TOOL = str(ROOT / "tools" / "real_model.py")


def loaded(folder):
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return loaded(real_model.build(tmp_path_factory.mktemp("model") / "plain"))


@pytest.mark.parametrize("special", real_model.SPECIAL)
@pytest.mark.parametrize("name", NAMES)
def test_every_marker_is_one_id_of_its_own(tmp_path, plain, name, special):
    folder = real_model.build(tmp_path / name, adapter=name, special=special)
    tokenizer = loaded(folder)
    declaration = chatadapters.load(name).declaration
    markers = dict.fromkeys((*declaration.special, *declaration.stop))
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in markers]
    assert [len(found) for found in ids] == [1] * len(markers)
    assert len({number for (number,) in ids}) == len(markers)
    assert max(number for (number,) in ids) < ROWS
    assert tokenizer.get_vocab_size() == plain.get_vocab_size() == ROWS
    flags = {
        token.content: token.special for token in tokenizer.get_added_tokens_decoder().values()
    }
    assert all(flags[text] == (special == "all" or text in declaration.stop) for text in markers)
    generation = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    ends = [tokenizer.token_to_id(text) for text in declaration.stop]
    assert generation["eos_token_id"] == ends
    assert real_model.END in ends, "the model's own end of turn ends no answer"


@pytest.mark.parametrize("name", NAMES)
def test_ordinary_text_is_still_spelled_by_the_models_words(tmp_path, plain, name):
    folder = real_model.build(tmp_path / name, adapter=name, weights=False)
    assert not (folder / "model.safetensors").exists()
    tokenizer = loaded(folder)
    markers = chatadapters.load(name).declaration.special
    text = TEXT if not any(marker in TEXT for marker in markers) else TEXT.removesuffix("sop")
    ours = tokenizer.encode(text, add_special_tokens=False).ids
    theirs = plain.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ours) == text
    assert len(ours) - len(theirs) <= 6  # a word that gave its id to a marker is cut in pieces
    known = tokenizer.get_vocab()
    moved = [
        word for word, number in plain.get_vocab().items() if known.get(word, number) != number
    ]
    assert not moved


def test_made_twice_a_folder_is_the_same(tmp_path):
    folder = real_model.build(tmp_path / "model", adapter="glm45")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    real_model.build(folder, adapter="glm45")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert (folder / "model.safetensors").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--adapter", "qwen33"], "did you mean 'qwen3'"),
        (["--special", "some"], "invalid choice: 'some'"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path, arguments, said):
    command = [sys.executable, TOOL, str(tmp_path / "model"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    done = subprocess.run([sys.executable, TOOL, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "no model folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
