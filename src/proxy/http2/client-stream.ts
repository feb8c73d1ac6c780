/**
 * One request to an HTTP/2 endpoint: a stream of a connection to it. The object carries one request after another.
 *
 * @module
 */
import type { Socket } from "../../net/socket.ts";
import { CONNECT } from "../../engine/http/upgrades.ts";
import { UNTIL_CLOSE } from "../../wire/http1/head.ts";
import { ID } from "../../wire/http1/known.ts";
import { ResponseHead } from "../../wire/http1/response-head.ts";
import { Trailers } from "../../wire/http1/trailers.ts";
import { ErrorCode, errorName } from "../../wire/http2/constants.ts";
import { Stream, type StreamHandler, type StreamReset } from "../../wire/http2/stream.ts";
import type { Failure } from "../failure.ts";
import type { RequestBuffer } from "../request-buffer.ts";
import type { Caller, UpstreamRequest } from "../upstream.ts";
import { BodySender, endsWithHead } from "./body-sender.ts";

/** What a stream asks of its connection. */
export interface CarriedBy {
  readonly socket: Socket;
  /** Requests begun on it. */
  readonly requests: number;
  /** Another stream may be opened. */
  readonly hasRoom: boolean;
  /** Opens a stream, whose head follows at once. */
  openStream(carried: ClientStream, isToHead: boolean): void;
  touch(): void;
  /** Calls back once the endpoint has said what it can: now, or when its SETTINGS come. */
  whenSettled(then: (knowsConnect: boolean) => void): void;
  /** A head came: {@link ClientStream.passHead} tells it when the bytes that are here have been read. */
  headIsDue(carried: ClientStream): void;
  /** The stream has ended. @param isFree The object may carry another request. */
  onCarried(carried: ClientStream, isFree: boolean): void;
}

export class ClientStream implements UpstreamRequest, StreamHandler {
  readonly stream = new Stream(this);
  readonly head = new ResponseHead();
  readonly #owner: CarriedBy;
  readonly #body = new BodySender(this.stream);
  #trailers: Trailers | undefined;
  #caller: Caller | undefined;
  #headIsDue = false;
  /** Its caller may still send when the endpoint has ended the stream: the object must not be another's then. */
  #isTunnel = false;
  #answered = false;
  #paused = false;
  #heldBytes = 0;
  isReused = false;
  readonly mayRefuse = true;
  bodyBytes = 0;

  constructor(owner: CarriedBy) {
    this.#owner = owner;
  }

  /** Few answers have some. */
  get trailers(): Trailers {
    return (this.#trailers ??= new Trailers());
  }

  get socket(): Socket {
    return this.#owner.socket;
  }

  send(caller: Caller, body: RequestBuffer, done: boolean): boolean {
    const { head } = caller;
    this.#caller = caller;
    this.#headIsDue = this.#answered = this.#paused = false;
    this.#heldBytes = this.bodyBytes = 0;
    this.isReused = this.#owner.requests > 0;
    if (head.upgrade !== "") return this.#ask(caller);
    this.#owner.openStream(this, caller.method === "HEAD");
    this.#owner.touch();
    if (!this.#sendHead(caller, endsWithHead(head))) return true;
    this.#body.begin(head);
    let taken = true;
    for (const chunk of body.chunks) taken = this.#body.write(chunk, 0, chunk.length);
    if (done) this.#body.end(body.trailers);
    return taken;
  }

  #sendHead(caller: Caller, endStream: boolean): boolean {
    if (caller.context.http2Writers.request(this.stream, caller, this, endStream)) return true;
    this.#giveUp(caller, "the head is larger than the endpoint takes (SETTINGS_MAX_HEADER_LIST_SIZE)");
    return false;
  }

  /** Asks for a tunnel. Extended CONNECT must wait for the endpoint to say that it knows it (RFC 8441 §3). */
  #ask(caller: Caller): boolean {
    if (caller.head.upgrade === CONNECT) this.#openTunnel(caller);
    else
      this.#owner.whenSettled((knowsConnect) => {
        if (this.#caller !== caller) return;
        if (knowsConnect && this.#owner.hasRoom) this.#openTunnel(caller);
        else this.#giveUp(caller, "the endpoint does not take extended CONNECT (SETTINGS_ENABLE_CONNECT_PROTOCOL)");
      });
    return true;
  }

  #openTunnel(caller: Caller): void {
    this.#isTunnel = true;
    this.#owner.openStream(this, false);
    if (this.#sendHead(caller, false)) this.#body.beginTunnel();
    this.#owner.touch();
  }

  /** Nothing was sent. The caller is told when it has returned from its call. */
  #giveUp(caller: Caller, details: string): void {
    queueMicrotask(() => {
      if (this.#caller !== caller) return;
      this.#fail({ kind: "upstreamProtocolError", details, requestSent: false, answered: false });
      this.stream.reset(ErrorCode.cancel);
    });
  }

  write(buf: Uint8Array, start: number, end: number): boolean {
    this.#owner.touch();
    return this.#body.write(buf, start, end);
  }

  endRequest(trailers: Trailers | undefined): void {
    this.#body.end(trailers);
    this.#owner.touch();
  }

  abandon(): void {
    this.#caller?.cluster?.stats.stats.rqTxReset.add(1);
    this.#caller = undefined;
    this.stream.reset(ErrorCode.cancel);
    this.#owner.touch();
  }

  resume(): void {
    this.#paused = false;
    this.#giveBack();
  }

  #giveBack(): void {
    const bytes = this.#heldBytes;
    if (bytes === 0) return;
    this.#heldBytes = 0;
    this.stream.consume(bytes);
    this.#owner.touch();
  }

  onHead(endStream: boolean): void {
    this.#answered = true;
    const { head } = this;
    if (head.status < 200) {
      if (head.status !== 100 || this.#caller?.awaitsContinue) this.#caller?.onInterimHead(head);
      return;
    }
    // An upgrade that the endpoint of HTTP/2 agreed to reads as in HTTP/1.1 from here on.
    if (this.#isUpgraded) becomeSwitch(head);
    if (!endStream) {
      this.#headIsDue = true;
      return this.#owner.headIsDue(this);
    }
    this.#caller?.onResponseHead(head, false);
    this.#finish();
  }

  get #isUpgraded(): boolean {
    const upgrade = this.#caller?.head.upgrade ?? "";
    return upgrade !== "" && upgrade !== CONNECT && this.head.status < 300;
  }

  /** @param more The first bytes of the body follow at once. */
  passHead(more: boolean): void {
    if (!this.#headIsDue) return;
    this.#headIsDue = false;
    this.#caller?.onResponseHead(this.head, more);
  }

  /** Of an answer a session sets no limit: what is too large is malformed. */
  onHeadTooLarge(): void {
    this.#fail({ kind: "upstreamProtocolError", details: "the head is too large", requestSent: true, answered: true });
    this.stream.reset(ErrorCode.cancel);
  }

  onData(buf: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.passHead(end > start);
    const caller = this.#caller;
    if (caller === undefined) return;
    this.bodyBytes += end - start;
    this.#heldBytes += end - start;
    if (end > start && !caller.onResponseBody(buf, start, end)) this.#paused = true;
    if (endStream) this.#finish();
    else if (!this.#paused) this.#giveBack();
  }

  onTrailers(): void {
    this.passHead(false);
    this.#caller?.onResponseTrailers(this.trailers);
    this.#finish();
  }

  /** The answer is complete. An endpoint may answer before it has the whole request: the rest of that is not sent. */
  #finish(): void {
    const caller = this.#caller;
    if (caller === undefined) return;
    this.#caller = undefined;
    this.#giveBack();
    caller.onResponseEnd();
    this.stream.reset(ErrorCode.cancel);
  }

  onWritable(): void {
    this.#body.onWritable();
    this.#caller?.onUpstreamDrain();
    this.#owner.touch();
  }

  onReset(reset: StreamReset): void {
    this.passHead(false);
    this.#fail(failureOf(reset, this.#answered));
  }

  #fail(failure: Failure): void {
    const caller = this.#caller;
    this.#caller = undefined;
    caller?.onUpstreamFailure(failure);
  }

  onClosed(): void {
    this.#headIsDue = false;
    this.#owner.onCarried(this, !this.#isTunnel);
  }
}

/** `INTERNAL_ERROR`, as RFC 9113 §7 spells it. */
const nameOf = (code: number): string =>
  errorName(code)
    .replace(/[A-Z]/g, (c) => `_${c}`)
    .toUpperCase();

/** Bytes of a tunnel have no length, whatever the answer says (RFC 9110 §9.3.6). */
function becomeSwitch(head: ResponseHead): void {
  head.status = 101;
  head.framing = UNTIL_CLOSE;
  head.remove((line) => head.ids[line] === ID["content-length"]);
}

function failureOf({ by, code, message }: StreamReset, answered: boolean): Failure {
  switch (by) {
    case "refused":
      return { kind: "upstreamRemoteReset", details: message, requestSent: false, answered, refused: true };
    case "remote":
      return { kind: "upstreamRemoteReset", details: nameOf(code), requestSent: true, answered };
    case "local":
      return { kind: "upstreamProtocolError", details: message, requestSent: true, answered };
    case "connection":
      // The endpoint broke the rules, or it is gone: of those, the first is an answer, if not a good one.
      if (code !== ErrorCode.cancel)
        return { kind: "upstreamProtocolError", details: message, requestSent: true, answered: true };
      return { kind: "upstreamReset", details: message, requestSent: true, answered };
  }
}
