/**
 * Listens, and ends badly: at once, or when it is asked for `/crash` where CRASH is `later`. CRASH `port` listens where it was not told to.
 */
const mode = process.env["CRASH"];
if (mode === "now") {
  console.log("reading the settings");
  console.error("the settings are missing");
  process.exit(3);
}
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["FIXED_PORT"] ?? process.env["PORT"]),
  fetch(request) {
    if (new URL(request.url).pathname === "/crash") {
      console.error("out of memory, or so");
      process.exit(4);
    }
    return new Response("fine\n");
  },
});
