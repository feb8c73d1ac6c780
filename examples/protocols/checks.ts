/**
 * One call of each kind, by the addresses that the environment names, as in Kubernetes.
 *
 * @module
 */
import { callGrpc } from "./grpc.ts";
import { converse, type LineAddress } from "./lines.ts";

export interface Check {
  readonly name: string;
  readonly what: string;
  readonly run: () => Promise<string>;
}

/** What `<SERVICE>_SERVICE_HOST` and `<SERVICE>_SERVICE_PORT[_<NAME>]` say. @throws {Error} When they say nothing. */
function addressOf(service: string, port?: string): LineAddress {
  const name = `${service}_SERVICE_PORT${port === undefined ? "" : `_${port}`}`;
  const host = process.env[`${service}_SERVICE_HOST`];
  const number = Number(process.env[name]);
  if (host === undefined || !Number.isInteger(number)) throw new Error(`${name} is not set`);
  return { host, port: number };
}

const urlOf = (scheme: string, { host, port }: LineAddress, path = ""): string => `${scheme}://${host}:${port}${path}`;

async function grpc(method: string, text: string): Promise<string> {
  const { status, message, texts } = await callGrpc(
    urlOf("http", addressOf("GREETER")),
    `/greeter.Greeter/${method}`,
    text,
  );
  return `grpc-status ${status}${message === "" ? "" : ` (${message})`}${texts.length === 0 ? "" : `: ${texts.join(" ")}`}`;
}

async function talk(address: LineAddress, ...said: string[]): Promise<string> {
  const heard = await converse(address, said);
  return heard.length === 0 ? "closed without a word" : heard.join(" | ");
}

function room(said: string, timeoutMs = 5000): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(urlOf("ws", addressOf("CHAT"), "/room"));
    const finish = (heard: string): void => {
      clearTimeout(limit);
      socket.close();
      resolve(heard);
    };
    const limit = setTimeout(() => finish(`no answer within ${timeoutMs} ms`), timeoutMs);
    socket.addEventListener("open", () => socket.send(said));
    socket.addEventListener("message", ({ data }) => finish(String(data)));
    socket.addEventListener("error", () => finish("refused"));
  });
}

async function web(): Promise<string> {
  const answer = await fetch(urlOf("http", addressOf("LEGACY", "WEB"), "/plain"), {
    signal: AbortSignal.timeout(5000),
  });
  return `${answer.status} ${(await answer.text()).trim()}`;
}

export const CHECKS: readonly Check[] = [
  { name: "grpc-unary", what: "gRPC: one question, one answer", run: () => grpc("Hello", "mesh") },
  { name: "grpc-stream", what: "gRPC: a stream of answers", run: () => grpc("Count", "5") },
  { name: "grpc-status", what: "gRPC: a status that is no success", run: () => grpc("Fail", "") },
  {
    name: "tcp-server-first",
    what: "TCP, the server speaks first",
    run: () => talk(addressOf("TICKER"), "NEXT", "QUIT"),
  },
  {
    name: "tcp-client-first",
    what: "TCP, the client speaks first and ends its side",
    run: () => talk(addressOf("STORE"), "SET colour blue", "GET colour"),
  },
  { name: "websocket", what: "WebSocket", run: () => room("hello") },
  { name: "detected-http", what: "a port without a protocol: HTTP is detected", run: web },
  {
    name: "detected-server-first",
    what: "a port without a protocol: the server speaks first",
    run: () => talk(addressOf("LEGACY", "NEWS")),
  },
];

/** What came of a check. Never rejects: a refusal is a result, too. */
export async function outcomeOf({ run }: Check): Promise<string> {
  try {
    return await run();
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
