"""What can be forged: a place counts as printed where its text or its trace comes through."""

from __future__ import annotations

import pytest

import chatadapters
from chatadapters.adapter import Adapter
from tests.test_fragments import declare

UNTRACED = "<t>{{ tools | string }}<u>{{ content }}"
TEXTS = ("tool name", "tool description", "parameter name", "parameter description")


@pytest.mark.parametrize("user", [UNTRACED, UNTRACED.replace("string", "string | upper")])
def test_a_place_is_printed_though_its_trace_is_lost(user: str) -> None:
    prompt = {"user": user, "tool": "<r>{{ content }}", "system": "<s>{{ content }}"}
    found = Adapter(declare(prompt, special=["<T>"])).forgeable()
    assert found["user text"] == ("<T>", "<a>", "<r>", "<s>", "<t>", "<u>")
    through = ("<T>",) if "upper" in user else found["user text"]
    assert {place: found[place] for place in TEXTS} == dict.fromkeys(TEXTS, through)


def test_a_place_is_tried_in_the_conversation_that_can_be_rendered() -> None:
    lost = "{% if tools %}{{ raise_exception('no') }}{% endif %}<u>{{ [content] | string }}"
    found = Adapter(declare({"user": lost, "system": "<s>{{ content }}"})).forgeable()
    assert found["user text"] and found["system text"]
    assert not any(place in found for place in TEXTS)


def test_a_name_that_is_printed_inside_of_an_id_is_found() -> None:
    adapter = chatadapters.load("kimi_k2")
    everything = tuple(marker.text for marker in adapter.markers())
    assert adapter.forgeable()["name of a called tool"] == everything
