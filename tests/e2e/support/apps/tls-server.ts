/**
 * Ends TLS itself, with the certificate and key of its environment, and answers every request with "passed through".
 */
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"]),
  tls: { cert: process.env["CERTIFICATE"] ?? "", key: process.env["PRIVATE_KEY"] ?? "" },
  fetch: () => new Response("passed through\n"),
});
