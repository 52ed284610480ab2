"""The program that this project starts from, as its users write it: OpenAI's SDK, nothing else.

Only the address is not the original's: BASE_URL has it. What follows the first answer is the second
turn: the results go back, and the model answers. Prints both answers as JSON lines.
"""

# ruff: noqa: E501
import json
import os

from openai import OpenAI

# fmt: off
client = OpenAI(base_url=os.environ["BASE_URL"], api_key="-")
messages = [{"role": "user", "content": "What's the weather like in San Francisco, Tokyo, and Paris?"}]
tools = [{"type": "function", "function": {
    "name": "get_current_weather", "description": "Get the current weather in a given location",
    "parameters": {"type": "object", "properties": {
        "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}}, "required": ["location"]}}}]
response = client.chat.completions.create(model="ChatGLM3-6B", messages=messages, tools=tools, tool_choice="auto")
tool_calls = response.choices[0].message.tool_calls

print(response.choices[0].model_dump_json())
messages.append(response.choices[0].message)
for tool_call in tool_calls:
    location = json.loads(tool_call.function.arguments)["location"]
    messages.append({"role": "tool", "tool_call_id": tool_call.id, "content": f"22 degrees in {location}"})
response = client.chat.completions.create(model="ChatGLM3-6B", messages=messages, tools=tools, tool_choice="auto")
print(response.choices[0].model_dump_json())
