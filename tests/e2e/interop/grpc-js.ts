/**
 * A second implementation's client, grpc-js, against gRPC's interop server (`grpc.testing.TestService`).
 *
 * @module
 */
import { expect } from "bun:test";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";

const SERVICE = "/grpc.testing.TestService";
const raw = (bytes: Buffer): Buffer => bytes;
const NOTHING = Buffer.alloc(0);

/** A field of protobuf: a varint, or bytes with their length. */
function field(number: number, value: number | Buffer): Buffer {
  if (typeof value === "number") return Buffer.from([number << 3, ...varint(value)]);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(value.length)]), value]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

/** SimpleRequest: response_size = 2, payload = 3 { body = 2 }. */
const simpleRequest = (responseBytes: number, payloadBytes: number): Buffer =>
  Buffer.concat([field(2, responseBytes), field(3, field(2, Buffer.alloc(payloadBytes)))]);
/** StreamingOutputCallRequest: response_parameters = 2 { size = 1 }, payload = 3 { body = 2 }. */
const streamingRequest = (responseBytes: number, payloadBytes: number): Buffer =>
  Buffer.concat([field(2, field(1, responseBytes)), field(3, field(2, Buffer.alloc(payloadBytes)))]);

async function withClient(port: number, run: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    await run(client);
  } finally {
    client.close();
  }
}

const unary = (client: Client, method: string, message: Buffer, metadata = new Metadata()): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    client.makeUnaryRequest(`${SERVICE}/${method}`, raw, raw, message, metadata, (error, answer) =>
      error === null ? resolve(answer ?? NOTHING) : reject(error),
    ),
  );

/** The code of a call that must fail. */
async function codeOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
  } catch (error) {
    return (error as ServiceError).code;
  }
  return status.OK;
}

export const grpcJsCases: readonly (readonly [what: string, run: (port: number) => Promise<void>])[] = [
  [
    "unary, empty and large",
    (port) =>
      withClient(port, async (client) => {
        expect(await unary(client, "EmptyCall", NOTHING)).toEqual(NOTHING);
        // SimpleResponse: payload = 1 { body = 2 }.
        expect((await unary(client, "UnaryCall", simpleRequest(314_159, 271_828))).length).toBe(314_159 + 8);
      }),
  ],
  [
    "a hundred calls at once on one connection",
    (port) =>
      withClient(port, async (client) => {
        const sizes = Array.from({ length: 100 }, (_, i) => 1000 + i);
        const answers = await Promise.all(sizes.map((size) => unary(client, "UnaryCall", simpleRequest(size, 5000))));
        expect(answers.map(({ length }) => length)).toEqual(sizes.map((size) => size + 6));
      }),
  ],
  [
    "a conversation, and the metadata of its begin and end",
    (port) =>
      withClient(port, async (client) => {
        const metadata = new Metadata();
        metadata.set("x-grpc-test-echo-initial", "test_initial_metadata_value");
        metadata.set("x-grpc-test-echo-trailing-bin", Buffer.from("ababab", "hex"));
        const call = client.makeBidiStreamRequest(`${SERVICE}/FullDuplexCall`, raw, raw, metadata);
        const sizes = [31_415, 9, 2653, 58_979];
        const lengths: number[] = [];
        let initial: Metadata | undefined;
        let next = 0;
        const ask = (): void => {
          const size = sizes[next++];
          if (size === undefined) call.end();
          else call.write(streamingRequest(size, 27_182));
        };
        call.on("metadata", (it: Metadata) => (initial = it));
        call.on("data", (message: Buffer) => {
          lengths.push(message.length);
          ask();
        });
        ask();
        const trailing = await new Promise<Metadata>((resolve, reject) => {
          call.on("status", ({ metadata: it }) => resolve(it));
          call.on("error", reject);
        });
        expect(lengths.map((length, i) => length - (sizes[i] ?? 0) < 10)).toEqual([true, true, true, true]);
        expect(initial?.get("x-grpc-test-echo-initial")).toEqual(["test_initial_metadata_value"]);
        expect(trailing.get("x-grpc-test-echo-trailing-bin")).toEqual([Buffer.from("ababab", "hex")]);
      }),
  ],
  [
    "a deadline, a cancellation, a method that is not there",
    (port) =>
      withClient(port, async (client) => {
        const late = client.makeBidiStreamRequest(`${SERVICE}/FullDuplexCall`, raw, raw, new Metadata(), {
          deadline: Date.now() + 100,
        });
        const lateCode = new Promise<number>((resolve) =>
          late.on("error", (error: ServiceError) => resolve(error.code)),
        );
        // The server's own deadline ends the call at the same time, with a reset that reads as a cancellation.
        expect([status.DEADLINE_EXCEEDED, status.CANCELLED]).toContain(await lateCode);
        const left = client.makeBidiStreamRequest(`${SERVICE}/FullDuplexCall`, raw, raw, new Metadata());
        const leftCode = new Promise((resolve) => left.on("error", (error: ServiceError) => resolve(error.code)));
        left.on("data", () => left.cancel());
        left.write(streamingRequest(10, 10));
        expect(await leftCode).toBe(status.CANCELLED);
        expect(await codeOf(unary(client, "UnimplementedCall", NOTHING))).toBe(status.UNIMPLEMENTED);
      }),
  ],
];
