/**
 * Calls each service and shows what came of it.
 *
 *     GET /                a page
 *     GET /results         the same as JSON
 *     GET /results/<name>  one of them
 *
 * @module
 */
import { CHECKS, type Check, outcomeOf } from "./checks.ts";

const who = process.env["WHO"] ?? "page";

const resultOf = async (check: Check) => ({ name: check.name, what: check.what, result: await outcomeOf(check) });
const results = () => Promise.all(CHECKS.map(resultOf));

async function page(): Promise<Response> {
  const rows = (await results()).map(
    ({ what, result }) => `<tr><td>${Bun.escapeHTML(what)}</td><td>${Bun.escapeHTML(result)}</td></tr>`,
  );
  const html = `<!doctype html><meta charset="utf-8"><title>protocols</title>
<style>body{font:16px system-ui;margin:3rem auto;max-width:50rem}td{padding:.4rem 1rem;border-bottom:1px solid #ddd}td+td{font-family:monospace}</style>
<h1>What ${Bun.escapeHTML(who)} got through the mesh</h1><table>${rows.join("")}</table>`;
  return new Response(html, { headers: { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" } });
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 8080),
  routes: {
    "/": page,
    "/results": async () => Response.json(await results()),
    "/results/:name": async ({ params: { name } }) => {
      const check = CHECKS.find((c) => c.name === name);
      return check === undefined
        ? new Response("no such check\n", { status: 404 })
        : Response.json(await resultOf(check));
    },
  },
  fetch: () => new Response("not found\n", { status: 404 }),
});

console.log(`${who} listens on ${server.url}`);
