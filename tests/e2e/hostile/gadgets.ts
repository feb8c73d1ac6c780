/**
 * Header lines that some reader might take for Transfer-Encoding, or for another Content-Length, and others do not: a byte
 * at each place of the line, alone and at two places, and spellings. Beside a Content-Length none of them may be read in
 * two ways behind the proxy.
 *
 * @module
 */
import type { HostileCase } from "./cases.ts";
import type { Rule } from "./verdict.ts";

/** `@` is where the byte goes. */
const PLACES = [
  "@Transfer-Encoding: chunked",
  "Transfer@Encoding: chunked",
  "Transfer-Encoding@: chunked",
  "Transfer-Encoding:@chunked",
  "Transfer-Encoding: ch@nked",
  "Transfer-Encoding: chunked@",
  "Transfer-Encoding: chunked,@",
  "X: y@Transfer-Encoding: chunked",
  "X: y\r@Transfer-Encoding: chunked",
  "X: y@\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r@X: y",
  "@Transfer-Encoding@: chunked",
  "Transfer-Encoding@:@chunked",
  "Transfer-Encoding:@chunked@",
  "@Content-Length: 5",
  "Content-Length@: 5",
  "Content-Length: @5",
  "Content-Length: 5@",
  "Content-Length: 1@1",
];

const SPELLINGS = [
  "transfer-encoding: chunked",
  "TRANSFER-ENCODING: CHUNKED",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: identity, chunked",
  "Transfer-Encoding: chunked, identity",
  "Transfer-Encoding: chunked;q=1",
  'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: x chunked y",
  "Transfer-Encoding:\r\n chunked",
  "Transfer-Encoding:\n chunked",
  "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
  "Transfer_Encoding: chunked",
  "Transfer Encoding: chunked",
  "Content-Encoding: chunked",
  "Content-Length: 5",
  "Content-Length: 0x5",
  "Content-Length: 5, 11",
  "Content_Length: 5",
];

/** Refused, or one request for whoever comes next. */
const RULES: readonly Rule[] = [
  { if: { any: [{ status: [[400, 599]] }, { noResponse: true }] }, verdict: "pass" },
  { if: { upstreamSawExactlyOneRequest: true }, verdict: "pass" },
  { verdict: "fail" },
];

/** @param bytes Which bytes are put into the lines. */
export function gadgetCases(bytes: readonly number[]): HostileCase[] {
  const placed = PLACES.flatMap((place) =>
    bytes.map(
      (byte) => [`${place} with ${byte.toString(16)}`, place.replaceAll("@", String.fromCharCode(byte))] as const,
    ),
  );
  return [...placed, ...SPELLINGS.map((line) => [line, line] as const)].map(([id, line]) => caseOf(id, line));
}

/** A body that is whole both by its length and by its chunks, so that whichever is meant there is an answer. */
function caseOf(id: string, line: string): HostileCase {
  const head = `POST / HTTP/1.1\r\nHost: {host}\r\n${line}\r\nContent-Length: 11\r\n\r\n`;
  const rawRequest = Buffer.from(`${head}1\r\nZ\r\n0\r\n\r\n`, "latin1").toString("base64");
  return { id: JSON.stringify(id), note: line, rfcLevel: "MUST", scored: true, rawRequest, expected: { rules: RULES } };
}

export const ALL_BYTES: readonly number[] = Array.from({ length: 256 }, (_, i) => i);
/** Those that some reader takes for a space, an end, or nothing. */
export const ODD_BYTES: readonly number[] = [0, 1, 8, 9, 10, 11, 12, 13, 28, 31, 32, 44, 58, 59, 127, 133, 160, 255];
