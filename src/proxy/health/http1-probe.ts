/**
 * Health checks of HTTP/1.1.
 *
 * @module
 */
import type { HttpProbeSettings } from "../../engine/health/probe.ts";
import type { CheckResult } from "../../engine/health/check-state.ts";
import type { SocketHandler } from "../../net/socket.ts";
import { holdsInOrder } from "../../engine/health/payload.ts";
import { BAD_BODY, BodyScanner } from "../../wire/http1/body.ts";
import { CHUNKED, UNTIL_CLOSE } from "../../wire/http1/head.ts";
import { ResponseHead } from "../../wire/http1/response-head.ts";
import { MessageWriter } from "../../wire/http1/writer.ts";
import { BodyStart } from "./body-start.ts";
import { headersOf, type Probe, type ProbeWay, verdictOf } from "./probe.ts";
import { ProbeConnection } from "./probe-connection.ts";

const MAX_HEAD_BYTES = 64 * 1024;

export class Http1Probe implements Probe, SocketHandler {
  readonly #settings: HttpProbeSettings;
  readonly #way: ProbeWay;
  readonly #request: Uint8Array;
  readonly #connection: ProbeConnection;
  readonly #head = new ResponseHead();
  readonly #body = new BodyScanner();
  #start = new BodyStart(0, false);
  /** A head that has begun. */
  #partial: Buffer | undefined;
  #hasHead = false;

  constructor(settings: HttpProbeSettings, way: ProbeWay) {
    this.#settings = settings;
    this.#way = way;
    this.#connection = new ProbeConnection(way, this, (socket) => socket.destroy());
    this.#request = requestOf(settings, way.host);
  }

  ask(done: (result: CheckResult) => void): void {
    this.#hasHead = false;
    this.#partial = undefined;
    this.#connection.begin(done, (socket) => void socket.write(this.#request));
  }

  close(): void {
    this.#connection.close();
  }

  onData(chunk: Uint8Array): void {
    // Nobody asked: whatever it is, the connection is of no more use.
    if (!this.#connection.isAsked) return this.#connection.drop();
    const buf = this.#partial === undefined ? Buffer.from(chunk) : Buffer.concat([this.#partial, chunk]);
    this.#partial = undefined;
    const pos = this.#hasHead ? 0 : this.#readHeads(buf);
    if (pos >= 0) this.#readBody(buf, pos);
  }

  #readHeads(buf: Buffer): number {
    for (let pos = 0; ; ) {
      const behind = this.#head.parse(buf, pos, buf.length, this.#settings.method === "HEAD");
      if (behind < 0) return this.#broken(this.#head.error.reason);
      if (behind === 0) {
        if (buf.length - pos > MAX_HEAD_BYTES) return this.#broken("its head is too long");
        this.#partial = buf.subarray(pos);
        return -1;
      }
      pos = behind;
      if (this.#head.status < 200) continue;
      this.#hasHead = true;
      this.#body.begin(this.#head.framing, this.#head.contentLength);
      this.#start = new BodyStart(
        this.#settings.receive.length === 0 ? 0 : this.#settings.maxBodyBytes,
        this.#head.framing === CHUNKED,
      );
      return pos;
    }
  }

  #broken(why: string): -1 {
    this.#connection.fail(why);
    return -1;
  }

  #readBody(buf: Buffer, pos: number): void {
    const end = this.#body.scan(buf, pos, buf.length);
    if (end === BAD_BODY) return void this.#broken(this.#body.reason);
    this.#start.add(buf, pos, end);
    if (this.#body.done) this.#answered(end < buf.length);
  }

  #answered(extra: boolean): void {
    const head = this.#head;
    const holds = holdsInOrder(this.#start.bytes, this.#settings.receive);
    const verdict = verdictOf(this.#settings, head.status, (name) => head.header(name), holds);
    if (extra || !head.keepAlive || !this.#way.reusesConnection) this.#connection.drop();
    this.#connection.end(verdict);
  }

  onDrain(): void {}

  onEnd(): void {
    if (this.#hasHead && this.#connection.isAsked && this.#head.framing === UNTIL_CLOSE) return this.#answered(true);
    this.onClose(undefined);
  }

  onClose(error: Error | undefined): void {
    this.#connection.fail(error?.message ?? "it closed the connection without an answer");
  }
}

function requestOf(settings: HttpProbeSettings, host: string): Uint8Array {
  const writer = new MessageWriter();
  writer.text(`${settings.method} ${settings.path} HTTP/1.1\r\n`);
  writer.header("host", host);
  for (const [name, value] of headersOf(settings)) writer.header(name, value);
  if (settings.method === "POST" || settings.method === "PUT") writer.header("content-length", "0");
  writer.text("\r\n");
  return Uint8Array.from(writer.buf.subarray(0, writer.length));
}
