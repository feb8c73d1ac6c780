/**
 * IP addresses as bytes and as text.
 *
 * Source: RFC 4291 section 2.2 for the text of IPv6 addresses, RFC 5952 for the one that is written. An IPv4 address in
 * IPv6 clothes (`::ffff:10.0.0.1`) is the IPv4 address: a dual-stack socket reports it so.
 *
 * @module
 */

/** 4 or 16 bytes. */
export type IpBytes = Uint8Array;

/** The bytes of an address, or undefined when `text` is none. Zone identifiers are not addresses. */
export function parseIp(text: string): IpBytes | undefined {
  return text.includes(":") ? unmapped(parseIpv6(text)) : parseIpv4(text);
}

/** The text of an address. */
export function formatIp(bytes: IpBytes): string {
  const ip = unmapped(bytes);
  return ip?.length === 16 ? formatIpv6(ip) : (ip ?? bytes).join(".");
}

/** Address and port as one name: `10.0.0.1:80`, `[::1]:80`. */
export function formatAddress({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function unmapped(bytes: IpBytes | undefined): IpBytes | undefined {
  return bytes !== undefined && isMapped(bytes) ? bytes.subarray(12) : bytes;
}

function parseIpv4(text: string): IpBytes | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const numbers = parts.map(Number);
  return numbers.every((n) => n < 256) ? Uint8Array.from(numbers) : undefined;
}

function parseIpv6(text: string): IpBytes | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = groups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const gap = 16 - head.length - tail.length;
  if (halves.length === 1 ? gap !== 0 : gap < 2) return undefined;
  return Uint8Array.from([...head, ...Array.from({ length: gap }, () => 0), ...tail]);
}

/** The bytes of groups between colons; the last may be an IPv4 address when `last` is the end of the text. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) bytes.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 0xff);
    else {
      const v4 = last && i === parts.length - 1 ? parseIpv4(part) : undefined;
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    }
  }
  return bytes;
}

function isMapped(bytes: IpBytes): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  return bytes.subarray(0, 10).every((byte) => byte === 0);
}

/** The first of the longest runs of zero groups is left out. */
function formatIpv6(bytes: IpBytes): string {
  const values = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2] as number) << 8) | (bytes[i * 2 + 1] as number));
  let start = -1;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && values[i + run] === 0) run++;
    if (run > longest) [start, longest] = [i, run];
    i += run;
  }
  const hex = values.map((value) => value.toString(16));
  return start < 0 ? hex.join(":") : `${hex.slice(0, start).join(":")}::${hex.slice(start + longest).join(":")}`;
}
