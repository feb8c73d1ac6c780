/**
 * Does not end when it is asked to, and has a child that does not either.
 */
process.on("SIGTERM", () => {});
if (process.env["CHILD"] !== "1")
  Bun.spawn([process.execPath, import.meta.path], { env: { ...process.env, CHILD: "1", PORT: "0" } });
Bun.serve({ hostname: "127.0.0.1", port: Number(process.env["PORT"]), fetch: () => new Response("still here\n") });
