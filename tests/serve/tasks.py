"""What a small model is asked to do: prompts and tools whose arguments it can finish."""

from typing import Any

Json = dict[str, Any]


def tool(name: str, description: str, **properties: Json) -> Json:
    """Return an OpenAI tool whose parameters are all required."""
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    function = {"name": name, "description": description, "parameters": parameters, "strict": True}
    return {"type": "function", "function": function}


def whole(low: int, high: int) -> Json:
    return {"type": "integer", "minimum": low, "maximum": high}


def one_of(*options: str) -> Json:
    return {"type": "string", "enum": list(options)}


FLAG: Json = {"type": "boolean"}

WEATHER = tool(
    "get_weather",
    "The weather of a city",
    city=one_of("Paris", "Rome", "San José", "東京"),
    days=whole(1, 14),
    metric=FLAG,
)
ALARM = tool(
    "set_alarm",
    "Set an alarm",
    hour=whole(0, 23),
    minute=whole(0, 59),
    label=one_of("work", "gym", 'call "Zoë"', "other"),
)
LIGHT = tool("switch_light", "Switch a light", room=one_of("kitchen", "hall", "bath"), on=FLAG)
ORDER = tool(
    "order_pizza",
    "Order pizzas",
    size=one_of("small", "large"),
    toppings={"type": "array", "items": one_of("cheese", "ham", "corn"), "maxItems": 3},
    express=FLAG,
)
BOOK = tool(
    "book_room",
    "Book a hotel room",
    guest={
        "type": "object",
        "properties": {"name": one_of("Ana", "Bob", "Li"), "age": whole(18, 99)},
        "required": ["name", "age"],
        "additionalProperties": False,
    },
    nights=whole(1, 9),
)
RATE = tool(
    "rate", "Rate a film", stars=whole(1, 5), comment=one_of("great", "so so", "never\nagain")
)
PING = tool("ping", "Say that you are there")
PICK = tool("pick_number", "Pick a number", number={"type": "number"}, sure=FLAG)

# A prompt, the tools that come with it, and the one that "named" names.
TASKS: tuple[tuple[str, list[Json], Json], ...] = (
    ("What is the weather in Paris for the next three days?", [WEATHER, ALARM], WEATHER),
    ("Wake me up at half past six.", [LIGHT, ALARM, PING], ALARM),
    ("Two large pizzas with ham and cheese, and be quick!", [ORDER, RATE], ORDER),
    ("Switch on the light in the kitchen.", [LIGHT, WEATHER], LIGHT),
    ("Book a room for Ana, 42, for two nights.", [BOOK, ORDER], BOOK),
    ("That film was great, five stars!", [RATE, PING], RATE),
    ("Are you there?", [PING, LIGHT], PING),
    ("Pick a number between one and ten.", [PICK, ALARM], PICK),
    ("Is it going to rain in Rome tomorrow?", [WEATHER], WEATHER),
    ("I want to be woken at seven in the morning.", [ALARM, BOOK], ALARM),
    ("A small pizza with corn, please. No hurry.", [ORDER], ORDER),
    ("It is too dark in the bathroom.", [LIGHT, RATE, PICK], LIGHT),
    ("My name is Li. I stay a week.", [BOOK, WEATHER], BOOK),
    ("I did not like the film at all.", [RATE, ORDER], RATE),
    ("Hello? Hello?", [PING, RATE], PING),
    ("What is pi, roughly?", [PICK, PING], PICK),
    ("Tell me the weather in San José and in 東京.", [WEATHER, PING], WEATHER),
    ("Turn off the light in the hall.", [LIGHT, ALARM, BOOK], LIGHT),
    ('Remind me at noon to call "Zoë".', [ALARM, WEATHER, ORDER], ALARM),
    ("Nine nights for Bob, who is thirty.", [BOOK, PICK], BOOK),
)
