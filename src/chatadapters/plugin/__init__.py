"""Parsers for vLLM: a format's table and shape in, vLLM's tool and reasoning parser classes out.

The plugin file of one adapter embeds these modules, with the runtime's and the grammars'. They
import vLLM only once a parser is registered or asked for.
"""

# In the order in which the plugin file needs them.
MODULES = ("host", "special", "reasoning", "tools", "registering")
PREFIX = "adapters_"


def register() -> None:
    """Make every adapter known to vLLM as ``adapters_NAME``: its ``vllm.general_plugins`` hook.

    vLLM builds a parser only when a server asks for it; before 0.11 it takes built ones only.
    """
    from .. import names
    from . import lazy
    from .host import managers

    for manager, kind in zip(managers(), ("tool", "reasoning"), strict=True):
        for name in names():
            if hasattr(manager, "register_lazy_module"):
                manager.register_lazy_module(PREFIX + name, f"{__name__}.lazy", f"{kind}_{name}")
            else:  # before 0.11
                parser = getattr(lazy, f"{kind}_{name}")
                manager.register_module(PREFIX + name, force=True, module=parser)
