/**
 * Puts requests of HTTP/2 to a proxy and says what came of them, as lines that can be compared.
 *
 * @module
 */
import { connect } from "node:net";
import type { Fields } from "../../../src/wire/http2/fields.ts";
import { fieldValue } from "../../../src/wire/http2/fields.ts";
import type { SeenRequest } from "../differential/scripted-backend.ts";
import type { Difference } from "../differential/outcome.ts";
import type { SeenHttp2Request } from "./frames-backend.ts";
import type { StreamsCase } from "./odd-streams.ts";
import { RawHttp2, type SeenStream } from "./raw-http2.ts";

/** What is looked at and what was there. */
export type StreamsOutcome = ReadonlyMap<string, string>;

const LIMIT_MS = 4000;
const QUIET_MS = 60;
const PART_MS = 40;

interface Talked {
  readonly streams: ReadonlyMap<number, SeenStream>;
  readonly goaway: string | undefined;
  readonly closed: boolean;
}

export function talkStreams(port: number, { streams, writes }: StreamsCase): Promise<Talked> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let timer = setTimeout(finish, LIMIT_MS);
    let isQuiet = false;
    const http2 = new RawHttp2(socket, "client", () => {
      const over = streams.every((id) => {
        const stream = http2.streams.get(id);
        return stream !== undefined && (stream.ended || stream.reset !== undefined);
      });
      if (http2.closed) return finish();
      if ((!over && http2.goaway === undefined) || isQuiet) return;
      // What comes behind the end, such as a reset, comes at once.
      isQuiet = true;
      clearTimeout(timer);
      timer = setTimeout(finish, QUIET_MS);
    });
    function finish(): void {
      clearTimeout(timer);
      resolve({ streams: http2.streams, goaway: http2.goaway, closed: http2.closed });
      http2.destroy();
    }
    socket.on("connect", () => {
      const [first, second] = writes;
      if (first !== undefined) http2.send(first, second !== undefined);
      if (second !== undefined) setTimeout(() => http2.send(second), PART_MS);
      if (streams.length > 0) return;
      clearTimeout(timer);
      timer = setTimeout(finish, PART_MS + QUIET_MS);
    });
  });
}

const VOLATILE = new Set([
  "date",
  "x-request-id",
  "x-envoy-upstream-service-time",
  "x-forwarded-for",
  "x-envoy-external-address",
]);

export function outcomeOfStreams(
  { id, streams }: StreamsCase,
  talked: Talked,
  http1: readonly SeenRequest[],
  http2: readonly SeenHttp2Request[],
): StreamsOutcome {
  const found = new Map<string, string>();
  for (const streamId of streams) {
    const stream = talked.streams.get(streamId);
    const at = `stream ${streamId}`;
    const heads = stream?.heads ?? [];
    const finals = heads.filter((it) => fieldValue(it, ":status")?.startsWith("1") !== true);
    const head = finals[0];
    for (const [i, interim] of heads.filter((it) => !finals.includes(it)).entries())
      found.set(`${at} interim ${i}`, lines(interim));
    if (head === undefined || stream === undefined) {
      found.set(
        `${at} result`,
        stream?.reset !== undefined || talked.goaway !== undefined || talked.closed ? "refused" : "nothing",
      );
      continue;
    }
    const status = fieldValue(head, ":status") ?? "";
    const isOwn = fieldValue(head, "x-backend") === undefined && /^[45]/.test(status);
    found.set(`${at} result`, isOwn && status.startsWith("4") ? "refused" : status);
    if (isOwn) continue;
    found.set(`${at} head`, lines(head));
    found.set(`${at} body`, shortened(stream.body));
    found.set(`${at} end`, stream.ended ? "whole" : "cut");
    if (finals[1] !== undefined) found.set(`${at} trailers`, lines(finals[1]));
  }
  // Streams go on their way at the same time.
  const spelled = ({ headers, line }: SeenRequest): string => `${line} ${lines(headers.flat())}`;
  const byLine = http1.toSorted((a, b) => (spelled(a) < spelled(b) ? -1 : 1));
  const key = ({ fields }: SeenHttp2Request): string => lines(fields).replace(":scheme: https", ":scheme: http");
  const byFields = http2.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  for (const [i, { body, framing, headers, line, trailers }] of byLine.entries()) {
    found.set(`backend ${i} line`, line);
    found.set(`backend ${i} head`, lines(headers.flat()));
    found.set(`backend ${i} body`, `${framing} ${shortened(body)}`);
    if (trailers !== "") found.set(`backend ${i} trailers`, trailers);
  }
  for (const [i, { body, fields, trailers }] of byFields.entries()) {
    found.set(`backend ${i} head`, lines(fields));
    found.set(`backend ${i} body`, shortened(body));
    if (trailers !== undefined) found.set(`backend ${i} trailers`, lines(trailers));
  }
  found.set("case", id);
  return found;
}

/** Fields by their names, those of one name in order; values that are other each time are left out. */
function lines(fields: Fields): string {
  const found: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] ?? "").toLowerCase();
    // Ours to begin where there is none; Envoy does so with a tracer.
    if (name === "traceparent") continue;
    const value = fields[i + 1] ?? "";
    found.push(`${name}: ${VOLATILE.has(name) ? "…" : value.length > 60 ? `${value.length} bytes` : value}`);
  }
  return found.toSorted((a, b) => (a.split(":", 2).join() < b.split(":", 2).join() ? -1 : 1)).join(" | ");
}

const shortened = (text: string): string => (text.length > 100 ? `${text.length} bytes` : JSON.stringify(text));

export function differencesOf(envoy: StreamsOutcome, tulle: StreamsOutcome): Difference[] {
  return [...new Set([...envoy.keys(), ...tulle.keys()])].flatMap((at) => {
    const [theirs, ours] = [envoy.get(at) ?? "(nothing)", tulle.get(at) ?? "(nothing)"];
    return theirs === ours ? [] : [{ at, envoy: theirs, tulle: ours }];
  });
}
