// How long a tea takes: http://localhost:8000/green, and a page with a timer at /.
"use strict";

const { createServer } = require("node:http");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const ms = require("ms");

const TEAS = { green: "2m", black: "4m", herbal: "8m" };
const script = readFileSync(join(__dirname, "dist", "page.js"));

function page() {
  const buttons = Object.keys(TEAS).map((tea) => `<button data-tea="${ms(TEAS[tea])}">${tea}</button>`);
  return `<!doctype html><title>Tea</title><h1>Tea</h1>${buttons.join("")}<output></output><script src="page.js"></script>`;
}

function answer(path) {
  const tea = path.slice(1);
  if (path === "/") return [200, "text/html", page()];
  if (path === "/page.js") return [200, "text/javascript", script];
  if (Object.hasOwn(TEAS, tea)) return [200, "text/plain", `${tea} tea: ${ms(ms(TEAS[tea]), { long: true })}\n`];
  return [404, "text/plain", "no such tea\n"];
}

const server = createServer((request, response) => {
  const [status, type, body] = answer(request.url);
  response.writeHead(status, { "Content-Type": type });
  response.end(body);
});

process.on("SIGTERM", () => process.exit(0));
server.listen(8000);
