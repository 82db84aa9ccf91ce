// How much of a bed so many plants take: http://localhost:8000/radish/50
import { createServer } from "node:http";
import { row } from "./row.js";

const server = createServer((request, response) => {
  const asked = /^\/([a-z]+)\/(\d{1,5})$/.exec(request.url ?? "");
  const answer = asked && row(asked[1], Number(asked[2]));
  response.writeHead(answer ? 200 : 404, { "Content-Type": "text/plain" });
  response.end(`${answer ?? "Ask for a plant and a number, as in /radish/50"}\n`);
});

process.on("SIGTERM", () => process.exit(0));
server.listen(8000);
