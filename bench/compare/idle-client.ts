/**
 * `bun idle-client.ts PORT COUNT [CERT KEY CA]`: opens connections, with mutual TLS where files are given, asks one thing on
 * each, prints `ready` and holds them until it is ended.
 */
import { readFileSync } from "node:fs";

const [port, count, certFile, keyFile, caFile] = process.argv.slice(2);
const REQUEST = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
const AT_ONCE = 50;

const tls =
  certFile === undefined || keyFile === undefined || caFile === undefined
    ? undefined
    : {
        cert: readFileSync(certFile),
        key: readFileSync(keyFile),
        ca: readFileSync(caFile),
        serverName: "localhost",
        rejectUnauthorized: false,
      };

/** Resolves when the connection has been answered. */
function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(new Error("a connection was closed before it was answered"));
    void Bun.connect({
      hostname: "127.0.0.1",
      port: Number(port),
      ...(tls === undefined ? {} : { tls }),
      socket: {
        open: (socket) => void (tls === undefined && socket.write(REQUEST)),
        handshake: (socket) => void socket.write(REQUEST),
        data: () => resolve(),
        close: lost,
        connectError: (_, error) => reject(error),
      },
    });
  });
}

let left = Number(count);
async function lane(): Promise<void> {
  while (left-- > 0) await open();
}

await Promise.all(Array.from({ length: AT_ONCE }, lane));
console.log("ready");
setInterval(() => {}, 1 << 30);
