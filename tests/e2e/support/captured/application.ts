/**
 * A plain application that knows nothing of any proxy: `bun application.ts <name> <http ports> <tcp ports>`. Serves, says who it is and who called, and
 * makes the calls that it is told on standard input, one line of JSON each; the answer is a line too.
 *
 * @module
 */
import { connect } from "node:net";
import { createInterface } from "node:readline";

import { GREETING_PORT } from "./documents.ts";

export type Call =
  | { readonly get: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly tcp: string; readonly port: number; readonly isSilent?: boolean };

/** No HTTP from its first byte on, so nobody waits for more. */
const TEXT = "\u0001hello";
/** Detection may take 5 s twice before a server that speaks first is heard. */
const LIMIT_MS = 20_000;

const [name = "", httpPorts = "", tcpPorts = ""] = process.argv.slice(2);
const listed = (text: string): readonly number[] => text.split(",").filter(Boolean).map(Number);

/** Of an IPv4 address that is told as one of IPv6. */
const plain = (address: string): string => address.replace(/^::ffff:/, "");

for (const port of listed(httpPorts))
  Bun.serve({
    hostname: "0.0.0.0",
    port,
    fetch: (request, server) =>
      Response.json({
        app: name,
        host: request.headers.get("host"),
        from: server.requestIP(request)?.address,
        xfcc: request.headers.get("x-forwarded-client-cert"),
      }),
  });
for (const port of listed(tcpPorts))
  Bun.listen({
    hostname: "::",
    port,
    socket: {
      data: (socket, bytes) =>
        void socket.write(`${name}:${port} from ${plain(socket.remoteAddress)} ${bytes.toString()}`),
    },
  });

Bun.listen({
  hostname: "::",
  port: GREETING_PORT,
  socket: { open: (socket) => void socket.write(`welcome to ${name}`), data() {} },
});

async function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(LIMIT_MS) });
  return `${answer.status} ${await answer.text()}`;
}

const tcp = (host: string, port: number, isSilent = false): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({ host, port }, () => void (isSilent || socket.write(TEXT)));
    socket.setTimeout(LIMIT_MS, () => resolve("timeout"));
    socket.on("data", (bytes) => {
      resolve(bytes.toString());
      socket.destroy();
    });
    socket.on("close", () => resolve("closed"));
    socket.on("error", () => resolve("closed"));
  });

for await (const line of createInterface(process.stdin)) {
  const call = JSON.parse(line) as Call;
  const answer = await ("get" in call ? get(call.get, call.headers) : tcp(call.tcp, call.port, call.isSilent)).catch(
    (error: unknown) => `failed: ${String(error)}`,
  );
  console.log(JSON.stringify(answer));
}
process.exit(0);
