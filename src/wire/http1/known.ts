/**
 * Headers that the proxy itself looks at. Their names are recognised while a head is parsed, so that nothing has
 * to search for them afterwards.
 *
 * @module
 */
import { LOWER } from "./chars.ts";

/** In the order of their ids, which start at 1; 0 is any other header. */
const NAMES = [
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "proxy-authenticate",
  "proxy-authorization",
  "x-request-id",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-client-cert",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-attempt-count",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-max-retries",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-upstream-service-time",
  "x-envoy-original-path",
  "traceparent",
  "tracestate",
  "user-agent",
  "server",
  "date",
  "content-type",
  "x-tulle-peer",
  "x-envoy-internal",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-original-host",
  "x-envoy-external-address",
  "x-forwarded-port",
  "via",
  "grpc-timeout",
] as const;

export type KnownName = (typeof NAMES)[number];

/** Id of each known header. */
export const ID: Readonly<Record<KnownName, number>> = Object.fromEntries(
  NAMES.map((name, i) => [name, i + 1]),
) as Record<KnownName, number>;

export const KNOWN_COUNT = NAMES.length + 1;

/** Headers of one connection only (RFC 9110 §7.6.1); `te` and `upgrade` are among them, `transfer-encoding` is framing and looked after apart. */
export const HOP_BY_HOP = new Uint8Array(KNOWN_COUNT);
for (const name of ["connection", "keep-alive", "proxy-connection", "te", "upgrade"] as const) HOP_BY_HOP[ID[name]] = 1;

const TABLE_SIZE = 256;
const slot = (length: number, first: number, last: number): number =>
  (length * 7 + first * 31 + last * 17) & (TABLE_SIZE - 1);
const bytesOf = NAMES.map((name) => Uint8Array.from(Buffer.from(name)));
/** Id of the known name that may stand at a slot. Names that share one form a chain through `next`. */
const table = new Uint8Array(TABLE_SIZE);
const next = new Uint8Array(KNOWN_COUNT);
for (const [i, bytes] of bytesOf.entries()) {
  const at = slot(bytes.length, bytes[0] ?? 0, bytes[bytes.length - 1] ?? 0);
  next[i + 1] = table[at] ?? 0;
  table[at] = i + 1;
}

/** The id of the header whose name is `buf[start, end)`, in whatever case; 0 when it is none of the known ones. */
export function knownId(buf: Uint8Array, start: number, end: number): number {
  const length = end - start;
  let id = table[
    slot(length, LOWER[buf[start] as number] as number, LOWER[buf[end - 1] as number] as number)
  ] as number;
  for (; id !== 0; id = next[id] as number) {
    const name = bytesOf[id - 1] as Uint8Array;
    if (name.length === length && sameLower(name, buf, start)) return id;
  }
  return 0;
}

/** Whether `buf` from `start` on spells `name`, which is in lower case. */
export function sameLower(name: Uint8Array, buf: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) if (name[i] !== LOWER[buf[start + i] as number]) return false;
  return true;
}
