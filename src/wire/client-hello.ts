/**
 * The first message of a TLS client, as far as a listener needs it to choose: server name and ALPN
 * (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301 §3.1). Nothing else is interpreted; the TLS library judges the rest. What the
 * library would refuse or could read differently is no hello here: empty records, an extension twice, several names.
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

const MAX_RECORD_BYTES = 16 * 1024;
const HANDSHAKE_RECORD = 22;
const RECORD_HEADER_BYTES = 5;
const CLIENT_HELLO = 1;
const HANDSHAKE_HEADER_BYTES = 4;
const HOST_NAME = 0;
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
  if (bytes.length === 0) return INCOMPLETE;
  if (!looksLikeTls(bytes)) return NOT_TLS;
  const message = handshakeMessage(bytes);
  if (message === "bad") return NOT_TLS;
  if (message === undefined) return bytes.length >= MAX_CLIENT_HELLO_BYTES ? NOT_TLS : INCOMPLETE;
  const hello = parseHello(new Cursor(message, HANDSHAKE_HEADER_BYTES));
  return hello === undefined ? NOT_TLS : { t: "hello", hello };
}

/** The parts of a hello that name what a client can do, each without its length. */
export interface HelloFields {
  readonly version: number;
  readonly cipherSuites: Uint8Array;
  /** By their type. */
  readonly extensions: ReadonlyMap<number, Uint8Array>;
}

/** Of the hello that {@link readClientHello} took; undefined where it would not. */
export function helloFields(bytes: Uint8Array): HelloFields | undefined {
  const message = handshakeMessage(bytes);
  if (message === undefined || message === "bad") return undefined;
  const cursor = new Cursor(message, HANDSHAKE_HEADER_BYTES);
  const version = cursor.uint16();
  cursor.skip(32);
  cursor.skip(cursor.uint8());
  const cipherSuites = cursor.bytes(cursor.uint16());
  cursor.skip(cursor.uint8());
  const list = cursor.part(cursor.isAtEnd ? 0 : cursor.uint16());
  const extensions = new Map<number, Uint8Array>();
  while (!list.isAtEnd && !list.failed) {
    const type = list.uint16();
    extensions.set(type, list.bytes(list.uint16()));
  }
  return cursor.failed || list.failed ? undefined : { version, cipherSuites, extensions };
}

/**
 * The first handshake message, put together from its records; undefined while bytes are missing. Nothing is copied
 * before all of it is there: a client may send a record for each byte.
 */
function handshakeMessage(bytes: Uint8Array): Uint8Array | "bad" | undefined {
  const header: number[] = [];
  let gathered = 0;
  for (let pos = 0; pos + RECORD_HEADER_BYTES <= bytes.length; ) {
    const length = recordLength(bytes, pos);
    if (length === 0) return "bad";
    pos += RECORD_HEADER_BYTES;
    for (let i = pos; i < bytes.length && i < pos + length && header.length < HANDSHAKE_HEADER_BYTES; i++)
      header.push(bytes[i] as number);
    if (header.length > 0 && header[0] !== CLIENT_HELLO) return "bad";
    gathered += Math.min(length, bytes.length - pos);
    pos += length;
    if (header.length < HANDSHAKE_HEADER_BYTES) continue;
    const wanted = HANDSHAKE_HEADER_BYTES + uint24(header);
    if (wanted > MAX_CLIENT_HELLO_BYTES) return "bad";
    if (gathered >= wanted) return joinRecords(bytes, wanted);
  }
  return undefined;
}

/** Length of the record at `pos`; 0 when it is no handshake record or has a length that none may have (RFC 8446 §5.1). */
function recordLength(bytes: Uint8Array, pos: number): number {
  const length = ((bytes[pos + 3] as number) << 8) | (bytes[pos + 4] as number);
  return bytes[pos] === HANDSHAKE_RECORD && bytes[pos + 1] === 3 && length <= MAX_RECORD_BYTES ? length : 0;
}

function joinRecords(bytes: Uint8Array, wanted: number): Uint8Array {
  const message = new Uint8Array(wanted);
  for (let pos = 0, at = 0; at < wanted; ) {
    const length = recordLength(bytes, pos);
    pos += RECORD_HEADER_BYTES;
    const part = bytes.subarray(pos, pos + Math.min(length, wanted - at));
    message.set(part, at);
    at += part.length;
    pos += length;
  }
  return message;
}

const uint24 = (header: readonly number[]): number =>
  ((header[1] as number) << 16) | ((header[2] as number) << 8) | (header[3] as number);

/** Undefined when the lengths do not fit together. */
function parseHello(cursor: Cursor): ClientHello | undefined {
  cursor.skip(2 + 32);
  cursor.skip(cursor.uint8());
  cursor.skip(cursor.uint16());
  cursor.skip(cursor.uint8());
  if (cursor.failed) return undefined;
  if (cursor.isAtEnd) return { sni: undefined, alpn: [] };
  const extensions = cursor.part(cursor.uint16());
  return extensions.failed || !cursor.isAtEnd ? undefined : readExtensions(extensions);
}

function readExtensions(extensions: Cursor): ClientHello | undefined {
  const seen = new Set<number>();
  let sni: string | undefined;
  let alpn: readonly string[] | undefined;
  while (!extensions.isAtEnd) {
    const type = extensions.uint16();
    const body = extensions.part(extensions.uint16());
    if (extensions.failed || seen.has(type)) return undefined;
    seen.add(type);
    if (type === SERVER_NAME) sni = serverName(body);
    else if (type === ALPN) alpn = protocols(body);
  }
  if ((seen.has(SERVER_NAME) && sni === undefined) || (seen.has(ALPN) && alpn === undefined)) return undefined;
  return { sni, alpn: alpn ?? [] };
}

/** The one host name of the list, in lower case. Istio's own names have underscores. */
function serverName(body: Cursor): string | undefined {
  const list = body.part(body.uint16());
  const type = list.uint8();
  const name = list.text(list.uint16());
  const isWhole = !list.failed && list.isAtEnd && body.isAtEnd;
  return isWhole && type === HOST_NAME && /^[\w.-]{1,255}$/.test(name) ? name.toLowerCase() : undefined;
}

function protocols(body: Cursor): string[] | undefined {
  const list = body.part(body.uint16());
  const names: string[] = [];
  while (!list.isAtEnd && !list.failed) names.push(list.text(list.uint8()));
  return list.failed || !body.isAtEnd || names.length === 0 || names.includes("") ? undefined : names;
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
    const part = new Cursor(this.bytes(length), 0);
    part.failed = this.failed;
    return part;
  }

  bytes(length: number): Uint8Array {
    const start = this.#pos;
    this.skip(length);
    return this.#bytes.subarray(start, this.failed ? start : start + length);
  }

  text(length: number): string {
    const start = this.#pos;
    this.skip(length);
    return this.failed ? "" : Buffer.from(this.#bytes.subarray(start, start + length)).toString("latin1");
  }
}
