/**
 * The first message of a TLS client, as far as a listener needs it to choose: server name and ALPN
 * (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 §3.1). Nothing else is interpreted; the TLS library judges the rest.
 *
 * @module
 */

export interface ClientHello {
  readonly sni: string | undefined;
  readonly alpn: readonly string[];
}

export type ClientHelloResult =
  | { readonly t: "hello"; readonly hello: ClientHello }
  | { readonly t: "incomplete" }
  | { readonly t: "notTls" };

/** A hello that needs more is no hello of a client we want: they are a few hundred bytes, with post-quantum keys below 2 kB. */
export const MAX_CLIENT_HELLO_BYTES = 16 * 1024;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ALPN = 16;
const INCOMPLETE: ClientHelloResult = { t: "incomplete" };
const NOT_TLS: ClientHelloResult = { t: "notTls" };

/** Whether bytes that begin so can be TLS at all: a handshake record of major version 3. */
export function looksLikeTls(bytes: Uint8Array): boolean {
  return bytes[0] === HANDSHAKE_RECORD && (bytes.length < 2 || bytes[1] === 3);
}

/** Reads a hello from the first bytes of a connection. */
export function readClientHello(bytes: Uint8Array): ClientHelloResult {
  if (!looksLikeTls(bytes)) return NOT_TLS;
  const message = handshakeMessage(bytes);
  if (message === undefined) return bytes.length >= MAX_CLIENT_HELLO_BYTES ? NOT_TLS : INCOMPLETE;
  if (message[0] !== CLIENT_HELLO) return NOT_TLS;
  const hello = parseHello(new Cursor(message, 4));
  return hello === undefined ? NOT_TLS : { t: "hello", hello };
}

/** The first handshake message, put together from its records; undefined while bytes are missing. */
function handshakeMessage(bytes: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let gathered = 0;
  for (let pos = 0; pos + 5 <= bytes.length; ) {
    if (bytes[pos] !== HANDSHAKE_RECORD) return undefined;
    const length = ((bytes[pos + 3] as number) << 8) | (bytes[pos + 4] as number);
    const body = bytes.subarray(pos + 5, Math.min(pos + 5 + length, bytes.length));
    parts.push(body);
    gathered += body.length;
    const all = parts.length === 1 ? body : Buffer.concat(parts);
    if (gathered >= 4) {
      const wanted = 4 + (((all[1] as number) << 16) | ((all[2] as number) << 8) | (all[3] as number));
      if (gathered >= wanted) return all.subarray(0, wanted);
    }
    pos += 5 + length;
  }
  return undefined;
}

/** Undefined when the lengths do not fit together. */
function parseHello(cursor: Cursor): ClientHello | undefined {
  cursor.skip(2 + 32);
  cursor.skip(cursor.uint8());
  cursor.skip(cursor.uint16());
  cursor.skip(cursor.uint8());
  let sni: string | undefined;
  let alpn: readonly string[] = [];
  if (!cursor.isAtEnd) {
    const extensions = cursor.part(cursor.uint16());
    while (!extensions.isAtEnd && !extensions.failed) {
      const type = extensions.uint16();
      const body = extensions.part(extensions.uint16());
      if (type === SERVER_NAME) sni = serverName(body);
      else if (type === ALPN) alpn = protocols(body);
    }
    if (extensions.failed) return undefined;
  }
  return cursor.failed ? undefined : { sni, alpn };
}

function serverName(body: Cursor): string | undefined {
  const list = body.part(body.uint16());
  if (list.uint8() !== 0) return undefined;
  const name = list.text(list.uint16());
  return list.failed || name === "" ? undefined : name.toLowerCase();
}

function protocols(body: Cursor): string[] {
  const list = body.part(body.uint16());
  const names: string[] = [];
  while (!list.isAtEnd && !list.failed) names.push(list.text(list.uint8()));
  return list.failed ? [] : names;
}

/** Reads forward; past the end it fails once and for all and reads zeros. */
class Cursor {
  failed = false;
  readonly #bytes: Uint8Array;
  #pos: number;

  constructor(bytes: Uint8Array, pos: number) {
    this.#bytes = bytes;
    this.#pos = pos;
  }

  get isAtEnd(): boolean {
    return this.#pos >= this.#bytes.length;
  }

  skip(count: number): void {
    if (this.#pos + count > this.#bytes.length) this.failed = true;
    this.#pos += count;
  }

  uint8(): number {
    this.skip(1);
    return this.failed ? 0 : (this.#bytes[this.#pos - 1] as number);
  }

  uint16(): number {
    return (this.uint8() << 8) | this.uint8();
  }

  part(length: number): Cursor {
    const start = this.#pos;
    this.skip(length);
    const part = new Cursor(this.#bytes.subarray(start, this.failed ? start : start + length), 0);
    part.failed = this.failed;
    return part;
  }

  text(length: number): string {
    const start = this.#pos;
    this.skip(length);
    return this.failed ? "" : Buffer.from(this.#bytes.subarray(start, start + length)).toString("latin1");
  }
}
