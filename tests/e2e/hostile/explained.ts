/**
 * Why a case may end with less than a pass: what does not concern a proxy, and where two ways are allowed and we took one.
 *
 * @module
 */

const REASONS: readonly (readonly [ids: RegExp, why: string])[] = [
  [
    /^(CAP-|COMP-(405-ALLOW|OPTIONS-ALLOW|NO-CL-IN-204|CONTENT-TYPE|DATE-|RANGE-|ACCEPT-|DUPLICATE-CT|TRACE-)|COOK-)/,
    "judges an origin: what it asks for is the endpoint's to give, and passes here as the endpoint gave it",
  ],
  [/^COMP-HTTP10-/, "HTTP/1.0 is answered with 426 unless accept_http_10 is set, as Envoy does"],
  [/^COMP-HTTP12-VERSION$/, "505 for a version that is not spoken, as RFC 9110 §15.6.6 has it"],
  [/^COMP-UNKNOWN-METHOD$/, "methods are an open list (RFC 9110 §16.1); the endpoint decides"],
  [/^COMP-LEADING-CRLF$/, "up to two empty lines in front of a request are forgiven (RFC 9112 §2.2)"],
  [
    /-(GET|HEAD|OPTIONS|DELETE)-(WITH-)?CL-BODY/,
    "a body is allowed with any method; its framing is checked and it is passed on or read away",
  ],
  [
    /^MAL-URL-BACKSLASH$/,
    "normalize_path makes a slash of it where that is configured; else it passes as a plain character",
  ],
  [/UNDERSCORE/, "headers_with_underscores_action decides; its default lets them pass as plain headers"],
  [/^SMUG-CL-(TRAILING-SPACE|EXTRA-LEADING-SP|TAB)/, "white space around a value is legal (RFC 9110 §5.5)"],
];

export const reasonFor = (id: string): string =>
  REASONS.find(([ids]) => ids.test(id))?.[1] ?? "no reason is written down for it yet";
