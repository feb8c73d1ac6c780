/**
 * Reads one answer after the other from the bytes of a connection. Pure: bytes in, answers out.
 *
 * @module
 */
import { BAD_BODY, BodyScanner } from "../../wire/http1/body.ts";
import { Dechunker } from "../../wire/http1/dechunk.ts";
import { CHUNKED, UNTIL_CLOSE } from "../../wire/http1/head.ts";
import { ResponseHead } from "../../wire/http1/response-head.ts";
import { jsonField, NONE, type SplitBy } from "./split.ts";

/** Answers of which a field is looked at are kept up to here. */
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_HEAD_BYTES = 64 * 1024;

export type Reading =
  | { readonly t: "more" }
  | { readonly t: "answer"; readonly keepAlive: boolean }
  | { readonly t: "bad"; readonly reason: string };

const MORE: Reading = { t: "more" };
const REUSABLE: Reading = { t: "answer", keepAlive: true };
const LAST: Reading = { t: "answer", keepAlive: false };
const EMPTY = Buffer.alloc(0);

/** One a connection. After an answer, `status`, `split` and `bytes` are its own until the next `begin`. */
export class AnswerReader {
  status = 0;
  /** What the answer is counted by; empty where nothing was asked for. */
  split = "";
  /** Head and body. */
  bytes = 0;
  readonly #splitBy: SplitBy | undefined;
  readonly #isHead: boolean;
  readonly #head = new ResponseHead();
  readonly #scanner = new BodyScanner();
  #inBody = false;
  #carry: Uint8Array = EMPTY;
  #parts: Uint8Array[] | undefined;
  #partBytes = 0;
  #dechunker: Dechunker | undefined;

  constructor(isHead: boolean, splitBy: SplitBy | undefined) {
    this.#isHead = isHead;
    this.#splitBy = splitBy;
  }

  /** Before each request. */
  begin(): void {
    this.#inBody = false;
    this.#carry = EMPTY;
    this.#parts = undefined;
    this.#partBytes = 0;
    this.bytes = 0;
    this.split = "";
  }

  read(chunk: Uint8Array): Reading {
    this.bytes += chunk.length;
    if (this.#inBody) return this.#readBody(chunk, 0);
    const buf = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    let start = 0;
    for (;;) {
      const behind = this.#head.parse(buf, start, buf.length, this.#isHead);
      if (behind < 0) return { t: "bad", reason: this.#head.error.reason };
      if (behind === 0) {
        this.#carry = buf.subarray(start);
        const tooLong = this.#carry.length > MAX_HEAD_BYTES;
        return tooLong ? { t: "bad", reason: `a head of more than ${MAX_HEAD_BYTES} bytes` } : MORE;
      }
      // 100 Continue and 103 Early Hints go before the answer (RFC 9110 §15.2).
      if (this.#head.status >= 200) return this.#beginBody(buf, behind);
      if (this.#head.status === 101) return { t: "bad", reason: "the protocol was switched, which nobody asked for" };
      start = behind;
    }
  }

  /** The connection was closed. True when the answer is complete by that (RFC 9112 §6.3). */
  end(): boolean {
    if (!this.#inBody || this.#head.framing !== UNTIL_CLOSE) return false;
    this.#finish();
    return true;
  }

  #beginBody(buf: Uint8Array, at: number): Reading {
    this.status = this.#head.status;
    this.#inBody = true;
    this.#scanner.begin(this.#head.framing, this.#head.contentLength);
    const by = this.#splitBy;
    if (by?.t === "header") this.split = this.#head.header(by.name) ?? NONE;
    if (by?.t === "json") {
      this.#parts = [];
      this.#dechunker = this.#head.framing === CHUNKED ? new Dechunker() : undefined;
    }
    return this.#readBody(buf, at);
  }

  #readBody(buf: Uint8Array, at: number): Reading {
    const behind = this.#scanner.scan(buf, at, buf.length);
    if (behind === BAD_BODY) return { t: "bad", reason: this.#scanner.reason };
    if (this.#parts !== undefined) this.#keep(buf, at, behind);
    if (!this.#scanner.done) return MORE;
    if (behind < buf.length) return { t: "bad", reason: "bytes behind the answer" };
    this.#finish();
    return this.#head.keepAlive ? REUSABLE : LAST;
  }

  #keep(buf: Uint8Array, from: number, to: number): void {
    const dechunker = this.#dechunker;
    if (dechunker === undefined) return this.#keepPart(buf.subarray(from, to));
    for (let pos = dechunker.next(buf, from, to); pos >= 0; pos = dechunker.next(buf, pos, to))
      this.#keepPart(buf.subarray(dechunker.start, pos));
  }

  #keepPart(part: Uint8Array): void {
    this.#partBytes += part.length;
    if (this.#partBytes <= MAX_BODY_BYTES) this.#parts?.push(part);
  }

  #finish(): void {
    const parts = this.#parts;
    if (parts === undefined || this.#splitBy?.t !== "json") return;
    const body = parts.length === 1 ? (parts[0] ?? EMPTY) : Buffer.concat(parts);
    this.split = this.#partBytes > MAX_BODY_BYTES ? "(too long)" : jsonField(body, this.#splitBy.path);
  }
}
