/**
 * Where our proxy may differ from Envoy about connections that switch, with the reason. A reason that no script needs any
 * more is a mistake too.
 *
 * @module
 */

export interface Difference {
  /** The script. */
  readonly what: string;
  readonly isLog: boolean;
  readonly envoy: string;
  readonly tulle: string;
}

interface Accepted {
  readonly why: string;
  readonly covers: (difference: Difference) => boolean;
}

const of =
  (...scripts: readonly string[]) =>
  ({ what }: Difference): boolean =>
    scripts.includes(what);

/** A log line without flags, details and bytes. */
const withoutEnd = (log: string): string => log.replace(/(\| \d+) .* \| cluster/, "$1 | cluster");

export const ACCEPTED: readonly Accepted[] = [
  {
    why: "a connection that both sides have ended in order is no failure; Envoy closes at the first end and says DC or UC",
    covers: ({ envoy, isLog, tulle }) =>
      isLog &&
      withoutEnd(envoy) === withoutEnd(tulle) &&
      tulle.includes("- | via_upstream") &&
      /DC \| downstream_remote_disconnect|UC \| upstream_reset_after|- \| via_upstream/.test(envoy),
  },
  {
    why: "a half-close is passed on and the other side may go on",
    covers: of(
      "bytes go both ways, the client ends",
      "bytes go both ways, the backend ends",
      "CONNECT to a port of the endpoint",
      "CONNECT, the endpoint ends",
    ),
  },
  {
    why: "an endpoint's reset reaches the client at once; Envoy lingers for a second",
    covers: ({ envoy, isLog, tulle }) => !isLog && tulle.replaceAll(" GONE", "") === envoy.replaceAll(" GONE", ""),
  },
  {
    why: "an answer that does not switch passes whole, and the endpoint's connection serves another request; Envoy drops body and connection",
    covers: of(
      "the backend does not switch",
      "the backend does not switch, a request was pipelined",
      "CONNECT handed on and refused",
    ),
  },
  {
    why: "Upgrade and Connection of an answer that is not 101 are the endpoint's connection's, and go; ours closes",
    covers: of("the backend answers 426 with another protocol"),
  },
  {
    why: "101 to what nobody asked for is the endpoint's error; Envoy passes it on",
    covers: of(
      "the backend switches to another protocol",
      "the backend switches without saying to what",
      "the backend switches unasked",
    ),
  },
  {
    why: "103 passes; Envoy drops it",
    covers: of("the backend says 100 and 103 before it switches"),
  },
  {
    why: "Connection is written anew, and what it names beside Upgrade goes; Envoy passes all of it on",
    covers: of("a route that allows more", "case, versions and other options", "Connection names other headers"),
  },
  {
    why: "an upgrade with a body can be read in two ways, and is refused",
    covers: of("an upgrade with a body", "an upgrade with a chunked body"),
  },
  {
    why: "what a codec refuses is told in other words, and a head that could be read is logged",
    covers: ({ envoy, isLog, tulle }) =>
      isLog && / (426|400|501) DPE /.test(envoy) && envoy.split(" | ")[1] === tulle.split(" | ")[1],
  },
  {
    why: "a CONNECT that upgrades is refused before there is a route",
    covers: of("CONNECT with an Upgrade"),
  },
  {
    why: "the endpoint's reason phrase stays",
    covers: of("CONNECT handed on"),
  },
  {
    why: "a length in an answer to CONNECT is not true (RFC 9110 §9.3.6), and goes",
    covers: of("CONNECT handed on, answered with a length"),
  },
];
