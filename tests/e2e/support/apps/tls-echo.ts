/**
 * HTTPS of the application's own, with the certificate in CERT and KEY: says what was asked for.
 */
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"]),
  tls: { cert: process.env["CERT"] ?? "", key: process.env["KEY"] ?? "" },
  fetch: (request) => new Response(`inside: ${new URL(request.url).pathname}`),
});
