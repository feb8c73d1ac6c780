/** Listener filters on bytes, fed whole and cut. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import type { CompiledListenerFilter, ListenerFilterKind } from "../engine/listener/listener-filters.ts";
import { listenerFilterStats } from "../telemetry/envoy-stats.ts";
import { Registry } from "../telemetry/registry.ts";
import { writeProxyHeader } from "../wire/proxy-protocol.ts";
import { FirstBytes } from "./first-bytes.ts";

const always = (kind: ListenerFilterKind): CompiledListenerFilter => ({ kind, isDisabled: () => false });
const tls = always({ t: "tlsInspector" });
const http = always({ t: "httpInspector" });
const proxy = (allowsNone = false, disallowedVersions: readonly (1 | 2)[] = []): CompiledListenerFilter =>
  always({ t: "proxyProtocol", allowsNone, disallowedVersions });

const HEADER = Buffer.from(
  writeProxyHeader(2, { address: "192.0.2.7", port: 4711 }, { address: "192.0.2.8", port: 443 }),
);
const GET = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

interface Seen {
  readonly verdict: string;
  readonly transport: string;
  readonly alpn: readonly string[];
  readonly source: string | undefined;
  readonly rest: string;
}

/** What is seen of `chunks`, with all that comes behind the verdict. */
function look(filters: readonly CompiledListenerFilter[], ...chunks: readonly Uint8Array[]): Seen {
  const first = new FirstBytes(filters, 443, undefined);
  let verdict = first.step();
  let at = 0;
  while (verdict.t === "more" && at < chunks.length) verdict = first.push(chunks[at++] as Uint8Array);
  return {
    verdict: verdict.t,
    transport: first.detected.transport,
    alpn: first.detected.alpn,
    source: first.addresses?.source.address,
    rest: Buffer.concat([first.rest, ...chunks.slice(at)]).toString("latin1"),
  };
}

test("no filter needs no byte", () => {
  expect(look([]).verdict).toBe("done");
  expect(look([{ ...tls, isDisabled: (port) => port === 443 }]).verdict).toBe("done");
  expect(look([tls]).verdict).toBe("more");
});

test("each takes its turn: a header is taken off, and what is behind it is looked at", () => {
  expect(look([proxy(), tls, http], Buffer.concat([HEADER, GET]))).toEqual({
    verdict: "done",
    transport: "raw_buffer",
    alpn: ["http/1.1"],
    source: "192.0.2.7",
    rest: GET.toString(),
  });
  // In another order the header is what is looked at.
  expect(look([http, proxy()], Buffer.concat([HEADER, GET]))).toMatchObject({ alpn: [], source: "192.0.2.7" });
});

test("a header that must be there, and is not", () => {
  expect(look([proxy()], GET)).toMatchObject({ verdict: "refused", rest: GET.toString() });
  expect(look([proxy(true), http], GET)).toMatchObject({ verdict: "done", alpn: ["http/1.1"], source: undefined });
  expect(look([proxy(false, [2])], HEADER).verdict).toBe("refused");
});

describe("the same, whole and cut", () => {
  test("at chance, with the rest complete", () => {
    const seed = Number(process.env["TULLE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`first-bytes: TULLE_SEED=${seed}`);
    const random = seededRandom(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const bodies = [
      GET,
      Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore"),
      Buffer.from("\0\x01other"),
      Buffer.alloc(70_000, 65),
    ];
    for (let run = 0; run < 2000; run++) {
      const bytes = Buffer.concat([below(2) === 0 ? HEADER : Buffer.alloc(0), bodies[below(4)] as Buffer]);
      const filters = [
        [proxy(true), tls, http],
        [tls, http],
        [proxy(), http],
      ][below(3)] as CompiledListenerFilter[];
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + below(Math.max(1, Math.min(bytes.length / 4, 20_000)));
        chunks.push(bytes.subarray(at, at + size));
        at += size;
      }
      expect(look(filters, ...chunks)).toEqual(look(filters, bytes));
    }
  });

  test("byte by byte costs no more than it must", () => {
    const line = Buffer.from(`GET /${"x".repeat(60_000)} HTTP/1.1\r\n`);
    const chunks = Array.from(line, (byte) => Buffer.of(byte));
    expect(look([tls, http], ...chunks)).toMatchObject({ alpn: ["http/1.1"], rest: line.toString() });
  });
});

test("what was found is counted under Envoy's names", () => {
  const registry = new Registry();
  const stats = listenerFilterStats(registry);
  const count = (filters: readonly CompiledListenerFilter[], bytes: Uint8Array): void =>
    void new FirstBytes(filters, 1, stats).push(bytes);
  count([proxy(), tls, http], Buffer.concat([HEADER, GET]));
  count([proxy()], GET);
  count([proxy(true)], GET);
  count([proxy(false, [1])], Buffer.from("PROXY UNKNOWN\r\n"));
  count([proxy()], Buffer.from("PROXY TCP9 \r\n"));
  const found = ({ value }: { readonly value: number }): number => value;
  expect({
    v2: found(stats.proxyV2Found),
    v1: [found(stats.proxyV1Found), found(stats.proxyV1Disallowed), found(stats.proxyV1Error)],
    none: [found(stats.proxyNotFoundAllowed), found(stats.proxyNotFoundDisallowed)],
    http: found(stats.http11Found),
    tls: found(stats.tlsNotFound),
  }).toEqual({ v2: 1, v1: [1, 1, 1], none: [1, 1], http: 1, tls: 1 });
});
