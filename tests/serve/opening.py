"""A logits processor for vLLM: the tokens with which an answer begins, as if the model liked them.

A request names them: ``{"vllm_xargs": {"opening": [id, ...]}}``. After them the model is free. It
stands in for a model that was trained on a format, where a grammar cannot: vLLM lets no grammar
act before the end of the reasoning.
"""

from __future__ import annotations

from typing import Any

from vllm.v1.sample.logits_processor import AdapterLogitsProcessor


class Opening(AdapterLogitsProcessor):
    def is_argmax_invariant(self) -> bool:
        return False

    def new_req_logits_processor(self, params: Any) -> Any:
        opening = [int(number) for number in (params.extra_args or {}).get("opening", ())]
        if not opening:
            return None

        def force(output: list[int], logits: Any) -> Any:
            if len(output) < len(opening):
                logits.fill_(float("-inf"))
                logits[opening[len(output)]] = 0.0
            return logits

        return force
