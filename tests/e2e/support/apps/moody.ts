/**
 * Answers with its name. `/healthz` says 503 while the file `$SICK` is there.
 */
import { existsSync } from "node:fs";

const name = process.env["VERSION"] ?? "";
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"]),
  fetch(request) {
    const isCheck = new URL(request.url).pathname === "/healthz";
    const status = isCheck && existsSync(process.env["SICK"] ?? "") ? 503 : 200;
    return new Response(name, { status });
  },
});
