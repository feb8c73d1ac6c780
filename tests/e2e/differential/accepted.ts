/**
 * Where the two proxies differ and are meant to, each with its reason.
 *
 * @module
 */
import { type Difference, NOTHING } from "./outcome.ts";
import type { WireCase } from "./wire-client.ts";

export interface Accepted {
  readonly why: string;
  /** @param all The differences of the case, this one among them. */
  readonly covers: (difference: Difference, wire: WireCase, all: readonly Difference[]) => boolean;
}

const ERROR = /^HTTP\/1.1 (400|403|404|417|426|431|501|505)$/;
/** This one answered with an error where the other did not: what else differs follows from it. */
const refuses = (which: "envoy" | "tulle", all: readonly Difference[]): boolean =>
  all.some((it) => it.at.endsWith(" line") && ERROR.test(it[which]));

const isAnyOf = (wire: WireCase, names: readonly string[]): boolean =>
  names.some((name) => wire.what === `${name} (${wire.listener})`);

const says = (wire: WireCase, pattern: RegExp): boolean => pattern.test(wire.parts.join(""));
const UPGRADE = /\r\nconnection: [^\r]*upgrade/i;
const hasBody = (wire: WireCase): boolean => says(wire, /\r\n(content-length|transfer-encoding):/i);

const HEADS: readonly Accepted[] = [
  {
    why: "we are stricter: what could be read in two ways is refused",
    covers: (_, wire, all) =>
      refuses("tulle", all) &&
      isAnyOf(wire, [
        "bare line feeds",
        "empty host",
        "two hosts",
        "two equal hosts",
        "host with user",
        "absolute form, with user",
        "two spaces",
        "trailing space",
        "tab in the request line",
        "folded header",
        "lone CR in a value",
        "equal lengths twice",
        "equal lengths in a list",
        "chunk longer than its size",
      ]),
  },
  {
    why: "both refuse, with another status: 505 is the one for a version, 400 for a coding that HTTP/1.0 has not",
    covers: (_, wire) => isAnyOf(wire, ["HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/1.0 chunked", "chunked twice"]),
  },
  {
    why: "both refuse with 400, Envoy with an empty body and no flag",
    covers: ({ at }, wire) =>
      /^answer 0 (body|header content-(type|length))$|^log 0/.test(at) &&
      isAnyOf(wire, ["no host", "fragment", "fragment and query", "connection names host", "HTTP/1.0 without host"]),
  },
  {
    why: "methods are an open list (RFC 9110 §16.1); Envoy's parser knows those of its time",
    covers: (_, wire, all) => refuses("envoy", all) && isAnyOf(wire, ["odd method", "method of tokens"]),
  },
  {
    why: "an absolute target without a path has the path / (RFC 9110 §4.2.3), also before a query",
    covers: (_, wire, all) => refuses("envoy", all) && isAnyOf(wire, ["absolute form with query alone"]),
  },
  {
    why: "an expectation that nobody knows is answered with 417 (RFC 9110 §10.1.1); Envoy passes it on",
    covers: (_, wire, all) =>
      says(wire, /expect: something/i) && all.some(({ tulle }) => tulle === "expectation_failed"),
  },
  {
    why: "`100 Continue` is ours to send: once, before anything is decided, and not when the body is here or none comes",
    covers: ({ at }, wire, all) =>
      says(wire, /expect: 100-continue/i) &&
      ((at.startsWith("interim ") && all.some(({ envoy, tulle }) => [envoy, tulle].includes("HTTP/1.1 100"))) ||
        (at === "closed" && all.length > 1)),
  },
  {
    why: "where we answer Expect ourselves the endpoint does not hear of it",
    covers: ({ at, tulle }, wire) =>
      (wire.listener === "old" || says(wire, /expect:.*expect:/is)) &&
      /^backend \d header expect$/.test(at) &&
      tulle === NOTHING,
  },
  {
    why: "OPTIONS of the server as a whole (RFC 9110 §9.3.7) is decided as its root is and passed on; Envoy answers 404",
    covers: (_, wire, all) => refuses("envoy", all) && says(wire, /^OPTIONS \* /m),
  },
  { why: "HTTP/2 of clients is not served yet", covers: (_, wire) => isAnyOf(wire, ["an HTTP/2 preface"]) },
];

const BODIES: readonly Accepted[] = [
  {
    why: "a body that was here when the request was answered is done with, and the connection goes on; Envoy closes it",
    covers: ({ at, envoy, tulle }, wire, all) =>
      hasBody(wire) &&
      all.some(
        (it) =>
          (it.at === "closed" && it.envoy === "true" && it.tulle === "false") ||
          (it.at.endsWith(" header connection") && it.envoy === "close" && it.tulle === NOTHING),
      ) &&
      (at === "closed" || (at.endsWith(" header connection") && envoy === "close") || envoy === NOTHING) &&
      (tulle !== NOTHING) === (envoy === NOTHING || at === "closed"),
  },
  {
    why: "a framing that is wrong from the start is refused before anything is decided",
    covers: ({ at }, wire) =>
      /^answer 0 header x-level$|^log 0 route$/.test(at) &&
      isAnyOf(wire, ["chunk size in the wrong digits", "huge chunk size", "line feeds in chunks"]),
  },
  {
    why: "bytes of a body that nobody was given count as received all the same",
    covers: ({ at, envoy, tulle }) =>
      at.endsWith(" bytes") && envoy.replace(/in=\d+/, "") === tulle.replace(/in=\d+/, ""),
  },
  {
    why: "the status of our own answer, not that of an interim one",
    covers: ({ at, envoy }) => at.endsWith(" header x-answer") && envoy.startsWith("100"),
  },
  {
    why: "our own answer to HEAD has the length that GET would have; Envoy's says it is chunked",
    covers: ({ at, envoy, tulle }, wire) =>
      wire.methods.includes("HEAD") &&
      ((/^answer \d header transfer-encoding$/.test(at) && envoy === "chunked") ||
        (/^answer \d header content-length$/.test(at) && tulle !== NOTHING)),
  },
  {
    why: "an answer to HEAD has no body, also when the request is refused; Envoy's parser refuses with one",
    covers: ({ at, tulle }, wire) =>
      wire.methods.includes("HEAD") && ((at === "rest" && tulle === NOTHING) || at.endsWith(" bytes")),
  },
];

const HEADERS: readonly Accepted[] = [
  {
    why: "we begin a trace where there is none; Envoy does so only with a tracer configured",
    covers: ({ at, envoy }) => /^backend \d header trace(parent|state)$/.test(at) && envoy === NOTHING,
  },
  {
    why: "what is left of the time is less by what an attempt took",
    covers: ({ at, envoy, tulle }) =>
      at.endsWith("x-envoy-expected-rq-timeout-ms") && Math.abs(Number(envoy) - Number(tulle)) < 1000,
  },
  {
    why: "headers that an endpoint's Connection names are for that connection alone (RFC 9110 §7.6.1)",
    covers: ({ at, tulle }) => /^answer \d header x-drop$/.test(at) && tulle === NOTHING,
  },
  {
    why: "a header that a route removes from an answer can still be put into another one; Envoy removes first",
    covers: ({ at, tulle }) => /^answer \d header x-answer$/.test(at) && /(yes|second)$/.test(tulle),
  },
  {
    why: "a value that is taken from a header has all of its lines; Envoy has the first",
    covers: ({ at, envoy, tulle }) =>
      / header x-(from|answer)$/.test(at) && tulle.replace(/(one|two|three|member|50)(,\w*)+/, "$1") === envoy,
  },
  {
    why: "the status of our own answer is known when its headers are made; in Envoy it is 0 for some",
    covers: ({ at, envoy, tulle }) =>
      at.endsWith(" header x-answer") && envoy === tulle.replace(/^\d+/, "0").replace(/(one|two|three)(,\w*)+/, "$1"),
  },
  {
    why: "an answer to HTTP/1.0 says the version that we speak (RFC 9110 §6.2)",
    covers: ({ at, envoy, tulle }) => at.endsWith(" line") && envoy.replace("/1.0", "/1.1") === tulle,
  },
];

const PROXIES: readonly Accepted[] = [
  {
    why: "details: we say what was wrong behind the word for it, or with another word where both refuse",
    covers: ({ at, envoy, tulle }) =>
      at.endsWith(" details") &&
      ((/^https?1?\./.test(envoy) && tulle.startsWith("http1.codec_error{")) ||
        tulle.startsWith(`${envoy}{`) ||
        tulle.startsWith(`${envoy.slice(0, -1)}|`) ||
        (envoy === "path_normalization_failed" && tulle === "path_normalization_redirect") ||
        (/connection_failure\|/.test(envoy) && /connection_failure\|.*_ECONNREFUSED}$/.test(tulle))),
  },
  {
    why: "the log has what could be read of a refused request, the path as it came, and no characters that break its quotes",
    covers: ({ at, envoy, tulle }) =>
      /^log \d head$/.test(at) &&
      (envoy === "- - - - HTTP/1.1" ||
        tulle.replace(/\\x22/g, '"').replace(/\\x5c/g, "\\") === envoy ||
        envoy.includes("%00") ||
        envoy.replace(/%2f/gi, "/").replace(/%5c/gi, "\\") === tulle.replace(/%2f/gi, "/").replace(/%5c/gi, "\\")),
  },
  {
    why: "an original path in the log is one that we have rewritten, not one that a client claims or a redirect leads to",
    covers: ({ at, envoy }) => /^log \d head$/.test(at) && / \/\S* \/(lie|redirect\/)\S* /.test(` ${envoy} `),
  },
  {
    why: "the log names the cluster that is missing",
    covers: ({ at, envoy, tulle }) => at.endsWith(" route") && envoy === tulle.replace("cluster=nowhere", "cluster=-"),
  },
  {
    why: "an upgrade is refused before its route is looked for",
    covers: ({ at }, wire) => /x-level$|^log \d route$/.test(at) && says(wire, UPGRADE),
  },
  {
    why: "an answer to an upgrade that is no switch passes as it is, a body too, which Envoy drops",
    covers: ({ at, tulle }, wire, all) =>
      says(wire, UPGRADE) &&
      all.some(({ envoy }) => envoy === "websocket_handshake_unsuccessful") &&
      (/^answer \d (body|header content-length)$|^log \d (details|bytes)$/.test(at) || tulle === NOTHING),
  },
  {
    why: "an answer to an upgrade that is no switch is framed as any other",
    covers: ({ at, envoy }, wire) =>
      says(wire, UPGRADE) && at.endsWith(" header transfer-encoding") && envoy === NOTHING,
  },
  {
    why: "how long an endpoint took, and how many attempts, is told of an answer to an upgrade as well",
    covers: ({ at, envoy }, wire) =>
      says(wire, UPGRADE) && / header x-envoy-(upstream-service-time|attempt-count)$/.test(at) && envoy === NOTHING,
  },
  {
    why: "of Connection the endpoint hears what concerns it: the upgrade",
    covers: ({ at, tulle }, wire) => says(wire, UPGRADE) && at.endsWith(" header connection") && tulle === "Upgrade",
  },
  {
    why: "an endpoint that closes what it has switched ends it; nothing was cut",
    covers: ({ at, envoy, tulle }, wire) =>
      says(wire, UPGRADE) &&
      ((at.endsWith(" result") && envoy === "101 UC" && tulle === "101 -") ||
        (at.endsWith(" details") && envoy.endsWith("{connection_termination}") && tulle === "via_upstream")),
  },
  {
    why: "a body that ends before its time: we say that the connection ended, Envoy's parser that the protocol was broken",
    covers: ({ at, envoy, tulle }) =>
      (at.endsWith(" result") && envoy.endsWith("UPE") && tulle === envoy.replace("UPE", "UC")) ||
      (at.endsWith(" details") && envoy.endsWith("{protocol_error}") && tulle.endsWith("{connection_termination}")),
  },
  {
    why: "flags stand in one order whatever came first, so that a metric has one label for the two of them",
    covers: ({ at, envoy, tulle }) =>
      at.endsWith(" result") && envoy.split(/[ ,]/).sort().join() === tulle.split(/[ ,]/).sort().join(),
  },
  {
    why: "a request has an id on its answer once it was read, if only to be refused",
    covers: ({ at, envoy, tulle }, wire) =>
      wire.listener === "edge" &&
      /^answer \d header x-request-id$/.test(at) &&
      (envoy === NOTHING || tulle === NOTHING),
  },
  {
    why: "a host has its normal form before the path is looked at, and a request that is refused for its path has an id",
    covers: ({ at }, wire) =>
      says(wire, / \S*%(00|2f|5c)/i) &&
      wire.listener !== "plain" &&
      /^log \d (head|route)$| header x-(request-id|level|host)$/.test(at),
  },
  {
    why: "what is refused of a gRPC client is told in gRPC, also where Envoy's parser refuses, and to HEAD",
    covers: ({ at }, wire, all) =>
      says(wire, /content-type: application\/grpc/i) &&
      (refuses("envoy", all) || (wire.methods.includes("HEAD") && at.endsWith(" grpc-message"))),
  },
  {
    why: "gRPC has no word for a redirect",
    covers: ({ at, envoy, tulle }, wire) =>
      says(wire, /content-type: application\/grpc/i) &&
      ((at.endsWith(" grpc-status") && tulle === "2") ||
        (at.endsWith(" header location") && envoy === NOTHING) ||
        ((at === "closed" || at.endsWith(" header connection")) && says(wire, / \S*%(2f|5c)/i))),
  },
  {
    why: "both refuse HTTP/1.0; a name with an underscore is another reason for it",
    covers: (_, wire, all) => says(wire, / HTTP\/1\.0\r/) && refuses("envoy", all) && refuses("tulle", all),
  },
  {
    why: "a client of HTTP/1.0 that asks to be kept is kept, also behind an answer of our own, unless it says close as well",
    covers: ({ at, envoy, tulle }, wire) =>
      says(wire, / HTTP\/1\.0\r/) &&
      says(wire, /connection: .*keep-alive/i) &&
      (at === "closed" || at.endsWith(" header connection") || envoy === NOTHING || tulle === NOTHING),
  },
  {
    why: "Envoy gives up a client that has two answers waiting; we read no further until they are taken",
    covers: (_, wire, all) =>
      wire.methods.length > 2 && all.some(({ envoy }) => envoy.startsWith("codec_error:Too_many_responses_queued")),
  },
  {
    why: "a kept connection that ends as a request goes out is replaced once, unseen, if doing it twice is doing it once",
    covers: (_, wire) => says(wire, /x-do: reset/) && says(wire, /^(GET|HEAD|OPTIONS|TRACE|PUT|DELETE) /m),
  },
];

export const ACCEPTED: readonly Accepted[] = [...HEADS, ...BODIES, ...HEADERS, ...PROXIES];
