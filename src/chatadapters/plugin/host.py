"""Where vLLM keeps what a plugin needs; it has moved between releases."""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs more to import than a whole compiled parser
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# What is needed, and the modules that have held it, the newest first.
_HELD = {
    "ToolParser": (
        "vllm.tool_parsers.abstract_tool_parser",
        "vllm.entrypoints.openai.tool_parsers.abstract_tool_parser",
    ),
    "ToolParserManager": (
        "vllm.tool_parsers.abstract_tool_parser",
        "vllm.entrypoints.openai.tool_parsers.abstract_tool_parser",
    ),
    "ReasoningParser": ("vllm.reasoning.abs_reasoning_parsers",),
    "ReasoningParserManager": ("vllm.reasoning.abs_reasoning_parsers",),
    **dict.fromkeys(
        (
            "DeltaMessage",
            "DeltaToolCall",
            "DeltaFunctionCall",
            "ExtractedToolCallInformation",
            "ToolCall",
            "FunctionCall",
        ),
        (
            "vllm.entrypoints.generate.base.protocol",
            "vllm.entrypoints.openai.engine.protocol",
            "vllm.entrypoints.openai.protocol",
        ),
    ),
}


def held(name: str) -> Any:
    """Return one of vLLM's classes. Raises ``ImportError`` that names the cause."""
    from importlib import import_module

    causes = []
    for module in _HELD[name]:
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            causes.append(f"{module}: {error}")
    try:
        version = getattr(import_module("vllm"), "__version__", "unknown")
    except ImportError as error:
        reason = f"this is a plugin of vLLM, which cannot be imported: {error}"
        raise ImportError(reason) from error
    reasons = "; ".join(causes)
    raise ImportError(f"vLLM {version} has no {name} where this plugin looks for it ({reasons})")


def managers() -> tuple[Any, Any]:
    """Return the managers of tool parsers and of reasoning parsers."""
    return held("ToolParserManager"), held("ReasoningParserManager")


def decode(tokenizer: Any, ids: Any) -> str:
    """Return the text of token ids, special tokens included, with no space added."""
    try:
        text = tokenizer.decode(ids, skip_special_tokens=False, spaces_between_special_tokens=False)
    except TypeError:
        text = tokenizer.decode(ids, skip_special_tokens=False)
    return str(text)


def refuse(message: str) -> Exception:
    """Return the error that the server answers with 400."""
    try:
        from vllm.exceptions import VLLMValidationError
    except ImportError:
        return ValueError(message)
    error: Exception = VLLMValidationError(message)
    return error


def plain_tools(request: Any) -> list[dict[str, Any]]:
    """Return a request's tools as plain data; none where it allows no calls."""
    if getattr(request, "tool_choice", None) == "none":
        return []
    found = []
    for tool in getattr(request, "tools", None) or ():
        function = getattr(tool, "function", tool)
        if isinstance(function, dict):
            function = dict(function.get("function") or function)
        else:
            function = {
                key: getattr(function, key, None) for key in ("name", "parameters", "strict")
            }
        if function.get("name"):
            found.append({"type": "function", "function": function})
    return found


def plain_choice(choice: Any) -> Any:
    """Return a tool choice as "auto", "required", "none" or the OpenAI shape that names a tool."""
    if choice is None or isinstance(choice, str):
        return choice or "auto"
    name = getattr(getattr(choice, "function", choice), "name", None)
    if name is None and isinstance(choice, dict):
        named: Mapping[str, Any] = choice.get("function") or choice
        name = named.get("name")
    if name is None:
        return getattr(choice, "mode", None) or "auto"
    return {"type": "function", "function": {"name": name}}
