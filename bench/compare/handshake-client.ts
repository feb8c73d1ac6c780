/**
 * `bun handshake-client.ts PORT SECONDS CERT KEY CA RESUME`: opens connections with mutual TLS 1.3 one after the other on 8
 * lanes, asks one thing on each, closes, and prints how many did what they should as JSON.
 */
import { readFileSync } from "node:fs";
import { connect, type TLSSocket } from "node:tls";

const [port, seconds, certFile, keyFile, caFile, resume] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const options = {
  host: "127.0.0.1",
  port: Number(port),
  servername: "localhost",
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
  ca: readFileSync(caFile),
  minVersion: "TLSv1.3",
} as const;
const LANES = 8;
const endsAt = performance.now() + Number(seconds) * 1000;
const done = { units: 0, errors: 0 };

/** One connection: true when it was served, and resumed exactly where there was a session to resume. */
function visit(session: Buffer | undefined, keep: (session: Buffer) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({ ...options, ...(session === undefined ? {} : { session }) }, () => {
      socket.write("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    });
    let answer = "";
    let resumed = false;
    socket.on("session", keep);
    socket.on("data", (chunk: Buffer) => {
      resumed = socket.isSessionReused();
      answer += chunk.toString("latin1");
    });
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(answer.startsWith("HTTP/1.1 200") && resumed === (session !== undefined)));
  });
}

async function lane(): Promise<void> {
  let session: Buffer | undefined;
  const keep = (got: Buffer): void => {
    if (resume === "true") session = got;
  };
  // The first has nothing to resume.
  await visit(undefined, keep);
  while (performance.now() < endsAt) {
    if (await visit(session, keep)) done.units++;
    else done.errors++;
  }
}

await Promise.all(Array.from({ length: LANES }, lane));
console.log(JSON.stringify(done));
