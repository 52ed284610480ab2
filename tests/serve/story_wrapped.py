"""The program of the story, run as it stands with a client that `chatadapters.client.wrap` made."""

import os
import runpy
from pathlib import Path

import openai

from chatadapters import client

plain = openai.OpenAI
openai.OpenAI = lambda **given: client.wrap(plain(**given), os.environ["ADAPTER"])
runpy.run_path(str(Path(__file__).with_name("story.py")))
