/**
 * Where the two proxies differ in odd requests and answers, by what is odd.
 *
 * @module
 */
import type { Accepted } from "./accepted.ts";
import { type Difference, NOTHING } from "./outcome.ts";
import type { WireCase } from "./wire-client.ts";

/** What we refuse and Envoy lets through, having written it anew; our lines travel as they came. */
const STRICTER: readonly string[] = [
  "bare line feed",
  "bare CR",
  "folded",
  "bad header",
  "two hosts",
  "bad host",
  "empty host",
  "host with user",
  "host with comma",
  "host with an escape",
  "host with high bytes",
  "absolute, with user",
  "absolute, bad port",
  "tab in the request line",
  "bad version",
  "lengths",
  "length in zeros",
  "bad extension",
  "bad chunks",
  "bad trailer",
  "line feeds in chunks",
  "other coding",
  "chunked twice",
  "other expectation",
  "no host",
  "connection names",
];
/** The same of an endpoint's answers: they become a 502. */
const STRICTER_ANSWERS: readonly string[] = [
  "answer folded",
  "answer bare-lf",
  "answer bare-lf-line",
  "answer space-colon",
  "answer equal-lengths",
  "answer length-list",
  "answer length-zeros",
  "answer http10-chunked",
  "answer http12",
  "answer http2",
  "answer too-long-header",
  "answer 101-unasked",
];
/** What we let through and Envoy's parser does not know. */
const LOOSER: readonly string[] = ["odd method", "absolute with query alone", "asterisk"];

const says = (wire: WireCase, pattern: RegExp): boolean => pattern.test(wire.parts.join(""));
const has = ({ traits = [] }: WireCase, names: readonly string[]): boolean => traits.some((it) => names.includes(it));
const answers = (which: "envoy" | "tulle", all: readonly Difference[], statuses: RegExp): boolean =>
  all.some((it) => it.at.endsWith(" line") && it.at.startsWith("answer ") && statuses.test(it[which]));

const refusesWith = (all: readonly Difference[], which: "envoy" | "tulle", details: RegExp): boolean =>
  all.some((it) => /^log \d details$/.test(it.at) && details.test(it[which]));

export const ACCEPTED_ODD: readonly Accepted[] = [
  {
    why: "we are stricter: what could be read in two ways is refused",
    covers: (_, wire, all) => has(wire, STRICTER) && answers("tulle", all, / (400|417|501|505)$/),
  },
  {
    why: "we are stricter with answers, too",
    covers: (_, wire, all) => has(wire, STRICTER_ANSWERS) && answers("tulle", all, / (502|503)$/),
  },
  {
    why: "what HTTP allows and Envoy's parser or router does not know",
    covers: (_, wire, all) =>
      has(wire, LOOSER) && refusesWith(all, "envoy", /^(http1\.codec_error|absolute_path_rejected)$/),
  },
  {
    why: "versions that are not spoken get the 505 that is for them (RFC 9110 §15.6.6)",
    covers: (_, wire, all) => has(wire, ["other version"]) && answers("tulle", all, / 505$/),
  },
  {
    why: "a client that half-closes gets its answers; Envoy takes it for gone",
    covers: (_, { leaves }) => leaves === "half",
  },
  {
    why: "who is first when a client resets, its request or the reset, is chance; and a head without an end is no request to us",
    covers: (_, { leaves }) => leaves === "reset",
  },
  {
    why: "an empty Host of HTTP/1.0 is as good as none: the default host stands in",
    covers: (_, wire, all) => has(wire, ["HTTP/1.0"]) && has(wire, ["empty host"]) && answers("envoy", all, / 404$/),
  },
  {
    why: "HTTP/1.0 has no chunks",
    covers: (_, wire, all) =>
      has(wire, ["HTTP/1.0"]) && says(wire, /\r\ntransfer-encoding:/i) && answers("tulle", all, / (400|501)$/),
  },
  {
    why: "both refuse; we do so before anything is decided, and say why",
    covers: ({ at, tulle }, wire, all) =>
      has(wire, REFUSED_EARLIER) &&
      refusesWith(all, "tulle", /^http1\.codec_error\{/) &&
      (/^(answer \d (body|header .*)|rest|log \d .*)$/.test(at) || (at.startsWith("backend ") && tulle === NOTHING)),
  },
  {
    why: "interim answers are passed on (RFC 9110 §15.2), but for 100, which is ours to send; Envoy drops them",
    covers: ({ at, envoy }, _, all) =>
      at.startsWith("interim ") && (envoy === NOTHING || all.some((it) => it.envoy.endsWith(" 100"))),
  },
  {
    why: "whether a request was whole when its early answer came is chance, and with it whether its connection is kept",
    covers: ({ at }, wire) => has(wire, ["early"]) && (at === "closed" || at.endsWith(" header connection")),
  },
  {
    why: "what is wrong with CONNECT is a wrong target, whatever its framing",
    covers: (_, wire, all) =>
      has(wire, ["connect", "authority"]) && answers("envoy", all, / [45]/) && answers("tulle", all, / [45]/),
  },
  {
    why: "both refuse, each for the first of several reasons that it meets",
    covers: (_, { traits = [] }, all) =>
      traits.length > 1 &&
      answers("tulle", all, / (400|417|431|501|505)$/) &&
      answers("envoy", all, / (400|426|431|501)$/),
  },
  {
    why: "both refuse, each with its details, each for the first of several reasons that it meets",
    covers: (_, { traits = [] }, all) =>
      traits.length > 1 &&
      refusesWith(all, "tulle", /^http1\./) &&
      refusesWith(all, "envoy", /^(http1\.|low_version|path_normalization_failed|missing_host_header)/),
  },
  {
    why: "a chunk that is longer than its size breaks the answer off; Envoy ends the answer there",
    covers: ({ at }, wire) => has(wire, ["answer chunk-too-long"]) && /^(closed|log|answer|backend [1-9])/.test(at),
  },
  {
    why: "which kept connection has just been closed by the endpoint, and so takes another attempt or none, is chance",
    covers: ({ at, envoy, tulle }, { traits = [] }, all) =>
      (at.endsWith("attempt-count") && /^[12]$/.test(envoy) && /^[12]$/.test(tulle)) ||
      (at.endsWith(" route") &&
        envoy.replace("attempts=2", "attempts=1") === tulle.replace("attempts=2", "attempts=1")) ||
      (traits.some((it) => it.startsWith("answer ")) &&
        (/^backend [12] /.test(at) ||
          all.some(
            (it) => it.envoy.endsWith("{connection_termination}") || it.tulle.endsWith("{connection_termination}"),
          ))),
  },
  {
    why: "what came of an answer before its framing broke is passed on",
    covers: ({ at, envoy, tulle }, wire) =>
      has(wire, ["answer chunk-bad-size"]) &&
      ((/^answer \d body$/.test(at) && envoy === '""' && tulle === '"ok"') || at.endsWith(" bytes")),
  },
  {
    why: "a second attempt of a chunked request that Envoy makes has lost its framing; its body is a stray of the backend's",
    covers: ({ at, envoy, tulle }) =>
      (/^backend \d body$/.test(at) && envoy === 'none ""' && tulle.startsWith("chunked ")) ||
      (/^backend \d header transfer-encoding$/.test(at) && envoy === NOTHING),
  },
  {
    why: "how long an endpoint took is told of every answer, also of one that came before its request was whole",
    covers: ({ at, envoy }, wire) =>
      has(wire, ["early"]) && at.endsWith(" header x-envoy-upstream-service-time") && envoy === NOTHING,
  },
  {
    why: "an answer of our own to a request that was on its way tells of the attempt",
    covers: ({ at, envoy }, wire) =>
      has(wire, REFUSED_EARLIER) && at.endsWith(" header x-envoy-attempt-count") && envoy === NOTHING,
  },
  {
    why: "the status of our own answer, not that of an interim one",
    covers: ({ at, envoy }) => at.endsWith(" header x-answer") && envoy.startsWith("100"),
  },
  {
    why: "an end-to-end header stays, whatever Connection says of it",
    covers: ({ at, envoy }, wire) =>
      has(wire, ["connection names"]) && at.endsWith(" header authorization") && envoy === NOTHING,
  },
  {
    why: "an empty line of a list adds nothing to it (RFC 9110 §5.6.1)",
    covers: ({ at, envoy, tulle }) => at.startsWith("backend ") && at.includes(" header ") && tulle === `,${envoy}`,
  },
  {
    why: "the name of a coding has no case (RFC 9112 §7)",
    covers: ({ at, envoy, tulle }) => at.endsWith(" header transfer-encoding") && tulle.toLowerCase() === envoy,
  },
  {
    why: "an upgrade that has a body is refused: where it ends is another matter to each reader (RFC 9110 §7.8 has none with a switch)",
    covers: (_, wire, all) => has(wire, ["upgrade"]) && refusesWith(all, "tulle", /^http1\.upgrade_with_body$/),
  },
  {
    why: "an Upgrade of HTTP/1.0 is ignored (RFC 9110 §7.8)",
    covers: (_, wire, all) =>
      has(wire, ["upgrade"]) && has(wire, ["HTTP/1.0"]) && refusesWith(all, "envoy", /^upgrade_failed$/),
  },
  {
    why: "of an answer to an upgrade that is no switch Envoy drops the body, and so does not see that it is wrong",
    covers: ({ at }, wire) =>
      has(wire, ["upgrade"]) && has(wire, ["answer chunk-bad-size"]) && / (result|cut)$/.test(at),
  },
  {
    why: "the options of Connection have no case",
    covers: ({ at, envoy, tulle }) => at.endsWith(" header connection") && envoy.toLowerCase() === tulle.toLowerCase(),
  },
  {
    why: "an upgrade is refused before its route is looked for",
    covers: ({ at }, wire, all) =>
      has(wire, ["upgrade"]) &&
      (/^answer \d header (x-level|x-host|x-answer|set-cookie)$|^log \d (route|head)$/.test(at) ||
        answers("tulle", all, / 403$/)),
  },
  {
    why: "a kept connection that ends as a request goes out is replaced once, unseen, if doing it twice is doing it once",
    covers: ({ at }, wire) =>
      has(wire, ["answer nothing", "early reset", "reset"]) && /^(backend|log) \d|^answer \d header x-envoy/.test(at),
  },
];

/** What both refuse, and Envoy after it has looked for a route. */
const REFUSED_EARLIER: readonly string[] = [
  "bad chunks",
  "bad trailer",
  "line feeds in chunks",
  "bad extension",
  "fragment",
  "no host",
  "connection names",
];
