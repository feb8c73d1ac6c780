/**
 * What came of a case, as lines that can be compared: ports and other bytes that are different each time have names.
 *
 * @module
 */
import type { TcpCase } from "./cases.ts";
import type { Observed, TcpProxyUnderTest } from "./proxies.ts";

export interface Difference {
  readonly at: string;
  readonly envoy: string;
  readonly tulle: string;
}

/** What is looked at, and what was there. */
export type Outcome = ReadonlyMap<string, string>;

const LOG_PARTS = ["client", "local", "result", "bytes", "cluster", "rest"] as const;

/** @param log The lines of the case. */
export function outcomeOf(
  { listener }: TcpCase,
  { heard, seen }: Observed,
  log: readonly string[],
  proxy: TcpProxyUnderTest,
): Outcome {
  const ports = new RegExp(`\\b${proxy.portOf(listener)}\\b`, "g");
  const plain = (text: string): string =>
    shortened(headersOut(httpOut(text.replace(ports, "PORT")), proxy.portOf(listener)));
  const found = new Map<string, string>();
  found.set("client heard", plain(heard.text));
  found.set("client was left", heard.left);
  found.set("client's TLS", heard.tls);
  for (const [i, { closed, ended, text }] of seen.entries()) {
    found.set(`backend ${i} got`, plain(text));
    found.set(`backend ${i} was left`, ended ? "ended" : closed ? "reset" : "open");
  }
  for (const [i, line] of log.entries())
    for (const [j, part] of line.split(" | ").entries())
      found.set(
        `log ${i} ${LOG_PARTS[j] ?? j}`,
        part.replace(ports, "PORT").replace(/host=127.7.7.7:\d+/, "host=HOST"),
      );
  return found;
}

/** Of HTTP what tells who the client is; the rest is compared elsewhere. */
function httpOut(text: string): string {
  const lines = text.split("\r\n");
  const start = lines.findIndex((line) => / HTTP\/1.1$|^HTTP\/1.1 /.test(line));
  const end = lines.indexOf("", start);
  if (start < 0 || end < 0) return text;
  const kept = lines.slice(start + 1, end).filter((line) => /^x-(forwarded-for|envoy-external)/i.test(line));
  return [...lines.slice(0, start + 1), ...kept.sort(), ...lines.slice(end)].join("\r\n");
}

/** The client's port in a PROXY header is another each time. */
function headersOut(text: string, port: number): string {
  const line = text.replace(/PROXY TCP4 (127[.\d]+) 127.7.7.7 \d+ PORT/, "PROXY TCP4 $1 127.7.7.7 CLIENT PORT");
  if (!line.startsWith(`${SIGNATURE}!`) || line[16] !== "\x7f") return line;
  const local = String.fromCharCode(port >> 8, port & 255);
  return `${line.slice(0, 24)}CLIENT${line.slice(26, 28) === local ? "PORT" : line.slice(26, 28)}${line.slice(28)}`;
}

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

const shortened = (text: string): string =>
  text.length > 300 ? `${text.length} bytes, ${Bun.hash(text)}` : JSON.stringify(text);

export function differences(envoy: Outcome, tulle: Outcome): Difference[] {
  const places = new Set([...envoy.keys(), ...tulle.keys()]);
  return [...places].flatMap((at) => {
    const [theirs, ours] = [envoy.get(at) ?? "(nothing)", tulle.get(at) ?? "(nothing)"];
    return theirs === ours ? [] : [{ at, envoy: theirs, tulle: ours }];
  });
}
