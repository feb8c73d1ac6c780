/**
 * Health checks over HTTP/2: of HTTP, and of gRPC's health service.
 *
 * @module
 */
import type { CheckResult } from "../../engine/health/check-state.ts";
import { holdsInOrder } from "../../engine/health/payload.ts";
import type { GrpcProbeSettings, HttpProbeSettings } from "../../engine/health/probe.ts";
import { codeName, GrpcCode } from "../../wire/grpc.ts";
import { fieldValue, type Fields } from "../../wire/http2/fields.ts";
import { ORPHAN } from "../../wire/http2/fields-session.ts";
import { ClientCall } from "../../xds/grpc-client-call.ts";
import { DEFAULT_KEEPALIVE, GrpcConnection } from "../../xds/grpc-connection.ts";
import { HealthCheckRequest, HealthCheckResponse } from "../../xds/proto/grpc-health.ts";
import { decode, encode } from "../../xds/types/codec.ts";
import { dialHost } from "../host-dialer.ts";
import { BodyStart } from "./body-start.ts";
import { headersOf, network, type Probe, type ProbeWay, verdictOf } from "./probe.ts";

const MAX_MESSAGE_BYTES = 64 * 1024;
const CHECK = "/grpc.health.v1.Health/Check";

/** How one check uses the connection. It ends with one call of `end`, or never: then the session's time runs out. */
type Ask = (connection: GrpcConnection, end: (result: CheckResult) => void) => void;

/** Keeps the connection that checks are made on. */
class Http2Probe implements Probe {
  readonly #way: ProbeWay;
  readonly #ask: Ask;
  #connection: GrpcConnection | undefined;
  /** The endpoint takes no more checks on it. */
  #isLeft = false;
  #giveUp: (() => boolean) | undefined;
  #done: ((result: CheckResult) => void) | undefined;

  constructor(way: ProbeWay, ask: Ask) {
    this.#way = way;
    this.#ask = ask;
  }

  ask(done: (result: CheckResult) => void): void {
    this.#done = done;
    if (this.#isLeft) this.#drop();
    if (this.#connection !== undefined) return this.#askOn(this.#connection, done);
    const { network: net, address } = this.#way;
    this.#giveUp = dialHost(
      net,
      address,
      (socket) => {
        const connection: GrpcConnection = new GrpcConnection(
          socket,
          "client",
          this.#owner(() => this.#connection === connection),
          { clock: this.#way.clock, keepalive: DEFAULT_KEEPALIVE, session: {} },
        );
        this.#connection = connection;
        this.#askOn(connection, done);
      },
      (error) => this.#end(done, network(error.message)),
    );
  }

  #askOn(connection: GrpcConnection, done: (result: CheckResult) => void): void {
    this.#ask(connection, (result) => {
      if (!this.#way.reusesConnection) this.#drop();
      this.#end(done, result);
    });
  }

  /** @param done Of the check that it is about: a late word of an earlier one changes nothing. */
  #end(done: (result: CheckResult) => void, result: CheckResult): void {
    if (this.#done !== done) return;
    this.#done = undefined;
    done(result);
  }

  close(): void {
    this.#done = undefined;
    this.#giveUp?.();
    this.#drop();
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#isLeft = false;
    connection?.destroy("the check is over");
  }

  /** @param isCurrent An earlier connection, which closes late, says nothing of the one that checks are made on. */
  #owner(isCurrent: () => boolean) {
    const left = (): void => void (this.#isLeft ||= isCurrent());
    return {
      onStream: () => ORPHAN,
      onSettings() {},
      onGoaway: left,
      onFailed: left,
      onClosed: (why: string) => {
        if (!isCurrent()) return;
        this.#connection = undefined;
        this.#isLeft = false;
        if (this.#done !== undefined) this.#end(this.#done, network(why));
      },
    };
  }
}

export function http2Probe(settings: HttpProbeSettings, way: ProbeWay): Probe {
  const headers = headersOf(settings).flat();
  return new Http2Probe(way, (connection, end) => {
    const scheme = connection.socket.secure ? "https" : "http";
    const pseudo = [":method", settings.method, ":scheme", scheme, ":path", settings.path, ":authority", way.host];
    const answer = new Answer(settings, end);
    const stream = connection.session.request([...pseudo, ...headers], true, {
      onHeaders: (fields, isAll) => answer.onHeaders(fields, isAll),
      onData: (bytes, isAll) => {
        stream?.consume(bytes.length);
        answer.onData(bytes, isAll);
      },
      onTrailers: () => answer.finish(),
      onWritable() {},
      onReset: ({ message }) => end(network(message)),
    });
    if (stream === undefined) end(network("it takes no more requests on this connection"));
    connection.flush();
  });
}

class Answer {
  readonly #settings: HttpProbeSettings;
  readonly #end: (result: CheckResult) => void;
  readonly #body: BodyStart;
  #fields: Fields = [];

  constructor(settings: HttpProbeSettings, end: (result: CheckResult) => void) {
    this.#settings = settings;
    this.#end = end;
    this.#body = new BodyStart(settings.receive.length === 0 ? 0 : settings.maxBodyBytes, false);
  }

  onHeaders(fields: Fields, isAll: boolean): void {
    if (Number(fieldValue(fields, ":status")) < 200) return;
    this.#fields = fields;
    if (isAll) this.finish();
  }

  onData(bytes: Uint8Array, isAll: boolean): void {
    this.#body.add(bytes, 0, bytes.length);
    if (isAll) this.finish();
  }

  finish(): void {
    const fields = this.#fields;
    const status = Number(fieldValue(fields, ":status"));
    const holds = holdsInOrder(this.#body.bytes, this.#settings.receive);
    this.#end(verdictOf(this.#settings, status, (name) => fieldValue(fields, name), holds));
  }
}

export function grpcProbe(settings: GrpcProbeSettings, way: ProbeWay): Probe {
  const request = encode(HealthCheckRequest, settings.service === "" ? {} : { service: settings.service });
  const limits = {
    clock: way.clock,
    authority: way.host,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxQueuedBytes: MAX_MESSAGE_BYTES,
  };
  return new Http2Probe(way, (connection, end) => {
    let answer: Uint8Array | undefined;
    const handler = {
      onMessage: (message: Uint8Array) => void (answer = message),
      onEnd: ({ code, message }: { code: number; message: string }) => end(servingOf(code, message, answer)),
    };
    const call = new ClientCall(CHECK, handler, { metadata: settings.headers.flat() }, limits);
    call.start(connection);
    call.send(request);
    call.halfClose();
  });
}

function servingOf(code: number, message: string, answer: Uint8Array | undefined): CheckResult {
  const failed = (why: string): CheckResult => ({ t: "failed", failure: "active", retriable: false, why });
  if (code === GrpcCode.unavailable && answer === undefined) return network(message);
  if (code !== GrpcCode.ok) return failed(`it answered ${codeName(code)}: ${message}`);
  if (answer === undefined) return failed("it answered nothing");
  const status = statusIn(answer);
  if (status === undefined) return failed("its answer cannot be read");
  return status === "SERVING" ? { t: "passed", degraded: false } : failed(`it is ${status}`);
}

/** Undefined for whatever is no answer: what an endpoint sends must not throw. */
function statusIn(answer: Uint8Array): HealthCheckResponse["status"] {
  try {
    return decode(HealthCheckResponse, answer).status ?? "UNKNOWN";
  } catch {
    return undefined;
  }
}
