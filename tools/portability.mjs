// Render chat templates in JavaScript, for tools/portability.py.
//
// node portability.mjs MODULE YEAR MONTH DAY: reads lines of JSON {"source", "contexts"} and answers
// each with a line, a list of {"text"} or {"error"}, one per context. MODULE is the file of the
// engine; every rendering happens at midnight of the day.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [module, year, month, day] = process.argv.slice(2);
const { Template } = await import(pathToFileURL(module).href);

globalThis.Date = class extends Date {
  constructor(...given) {
    super(...(given.length ? given : [Number(year), Number(month) - 1, Number(day)]));
  }
};

function rendered({ source, contexts }) {
  let template;
  try {
    template = new Template(source);
  } catch (error) {
    return contexts.map(() => ({ error: `compile: ${error.message}` }));
  }
  return contexts.map((context) => {
    try {
      return { text: template.render(context) };
    } catch (error) {
      return { error: String(error.message) };
    }
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(rendered(JSON.parse(line)))}\n`);
}
