/**
 * HTTP/1.1 messages as text, for both ends of a comparison: nothing is put right, and nothing is left out.
 *
 * @module
 */

export type Headers = readonly (readonly [name: string, value: string])[];

export interface Message {
  /** Its first line. */
  readonly line: string;
  /** Names in lower case, in order. */
  readonly headers: Headers;
  readonly body: string;
  /** Of all its bytes. */
  readonly size: number;
}

export const valueOf = (headers: Headers, name: string): string | undefined =>
  headers.find(([key]) => key === name)?.[1];

/**
 * The first message of `text` (Latin-1); undefined while it is not whole.
 *
 * @param isEmpty What it belongs to has no body, whatever its headers say.
 */
export function readMessage(text: string, isEmpty: (line: string) => boolean): Message | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = lines.map((it): readonly [string, string] => {
    const colon = it.indexOf(":");
    return [it.slice(0, colon).toLowerCase(), it.slice(colon + 1).trim()];
  });
  const start = end + 4;
  if (isEmpty(line)) return { line, headers, body: "", size: start };
  if (valueOf(headers, "transfer-encoding") === "chunked") return chunked(text, line, headers, start);
  const size = start + Number(valueOf(headers, "content-length") ?? 0);
  return text.length < size ? undefined : { line, headers, body: text.slice(start, size), size };
}

function chunked(text: string, line: string, headers: Headers, start: number): Message | undefined {
  let at = start;
  let body = "";
  for (;;) {
    const end = text.indexOf("\r\n", at);
    if (end < 0) return undefined;
    const length = Number.parseInt(text.slice(at, end), 16);
    const next = end + 2 + length + 2;
    if (text.length < next) return undefined;
    if (length === 0) return { line, headers, body, size: next };
    body += text.slice(end + 2, end + 2 + length);
    at = next;
  }
}

export const writeHead = (line: string, headers: Headers): string =>
  `${[line, ...headers.map(([name, value]) => `${name}: ${value}`)].join("\r\n")}\r\n\r\n`;
