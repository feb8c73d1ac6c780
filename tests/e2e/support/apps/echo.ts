/**
 * Answers with what reached it, as JSON. `x-wait: 500` makes it wait that many milliseconds before, `$WAIT_MS` before every answer.
 */
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"]),
  async fetch(request) {
    const waitMs = Number(request.headers.get("x-wait") ?? process.env["WAIT_MS"] ?? 0);
    if (waitMs > 0) await Bun.sleep(waitMs);
    const { pathname, search } = new URL(request.url);
    const seen = {
      version: process.env["VERSION"],
      method: request.method,
      path: pathname + search,
      headers: Object.fromEntries([...request.headers].sort()),
      body: await request.text(),
    };
    return Response.json(seen, { headers: { "x-version": process.env["VERSION"] ?? "", "x-internal": "yes" } });
  },
});
