/** Our gRPC against grpc-js, over real sockets. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  Client,
  Server,
  ServerCredentials,
  credentials,
  Metadata,
  status as Code,
  type ServerDuplexStream,
} from "@grpc/grpc-js";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { bunNetwork } from "../net/bun-network.ts";
import { GrpcCode, GrpcError } from "../wire/grpc.ts";
import { fieldValue } from "../wire/http2/fields.ts";
import { GrpcClient } from "./grpc-client.ts";
import { GrpcServer } from "./grpc-server.ts";
import { callUnary, unaryMethod } from "./grpc-unary.ts";

const raw = (bytes: Buffer): Buffer => bytes;
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

const sizes = [0, 1, 5, 16_379, 16_384, 100_000, 2_000_000];

describe("grpc-js client, our server", () => {
  async function serve(): Promise<Client> {
    const server = new GrpcServer({
      clock: systemClock,
      log: silentLog,
      methods: {
        "/t.T/Echo": (call) => ({
          onMessage: (message) => call.send(message),
          onHalfClose: () => call.end({ code: GrpcCode.ok, message: "" }),
          onClosed() {},
        }),
        "/t.T/Deny": unaryMethod(silentLog, (_, call) => {
          throw new GrpcError(GrpcCode.permissionDenied, `not ${fieldValue(call.fields, "x-who")} – 100 %`);
        }),
      },
    });
    const listener = await bunNetwork(systemClock).listen({ address: "127.0.0.1", port: 0 }, (it) => server.accept(it));
    const client = new Client(`127.0.0.1:${listener.port}`, credentials.createInsecure());
    cleanups.push(
      () => client.close(),
      () => server.close(),
      () => listener.close(),
    );
    return client;
  }

  test("messages of many sizes come back", async () => {
    const client = await serve();
    const stream = client.makeBidiStreamRequest("/t.T/Echo", raw, raw);
    const got: number[] = [];
    const done = new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
    stream.on("data", (message: Buffer) => got.push(message.length));
    for (const size of sizes) stream.write(Buffer.alloc(size));
    stream.end();
    await done;
    expect(got).toEqual(sizes);
  });

  test("a refusal arrives with status and text", async () => {
    const client = await serve();
    const metadata = new Metadata();
    metadata.set("x-who", "bob");
    const error = await new Promise<unknown>((resolve) =>
      client.makeUnaryRequest("/t.T/Deny", raw, raw, Buffer.alloc(3), metadata, (it) => resolve(it)),
    );
    expect(error).toMatchObject({ code: Code.PERMISSION_DENIED, details: "not bob – 100 %" });
  });

  test("an unknown method, and a deadline", async () => {
    const client = await serve();
    const codes = await Promise.all(
      ["/t.T/Nope", "/t.T/Echo"].map(
        (path) =>
          new Promise<unknown>((resolve) => {
            const stream = client.makeBidiStreamRequest(path, raw, raw, { deadline: Date.now() + 100 });
            stream.on("error", (it) => resolve((it as Error & { code: number }).code));
          }),
      ),
    );
    expect(codes).toEqual([Code.UNIMPLEMENTED, Code.DEADLINE_EXCEEDED]);
  });
});

describe("our client, grpc-js server", () => {
  async function serve(): Promise<GrpcClient> {
    const server = new Server({ "grpc.max_receive_message_length": -1 });
    const definition = {
      requestStream: false,
      responseStream: false,
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    };
    server.addService(
      {
        Echo: { path: "/t.T/Echo", ...definition, requestStream: true, responseStream: true },
        Deny: { path: "/t.T/Deny", ...definition },
      },
      {
        Echo: (call: ServerDuplexStream<Buffer, Buffer>) => {
          call.on("data", (message: Buffer) => call.write(message));
          call.on("end", () => call.end());
        },
        Deny: (_call: unknown, done: (error: object) => void) => done({ code: Code.NOT_FOUND, details: "nö %" }),
      },
    );
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, it) =>
        error ? reject(error) : resolve(it),
      ),
    );
    const client = new GrpcClient({
      network: bunNetwork(systemClock),
      clock: systemClock,
      target: () => ({ address: "127.0.0.1", port, connectTimeoutMs: 5000 }),
      authority: "t",
    });
    cleanups.push(
      () => client.close(),
      () => server.forceShutdown(),
    );
    return client;
  }

  test("messages of many sizes come back", async () => {
    const client = await serve();
    const got: number[] = [];
    await new Promise<void>((resolve, reject) => {
      const call = client.call("/t.T/Echo", {
        onMessage: (message) => void got.push(message.length),
        onEnd: ({ code, message }) => (code === GrpcCode.ok ? resolve() : reject(new GrpcError(code, message))),
      });
      for (const size of sizes) call.send(new Uint8Array(size));
      call.halfClose();
    });
    expect(got).toEqual(sizes);
  });

  test("a refusal arrives with status and text", async () => {
    const client = await serve();
    const error: unknown = await callUnary(client, "/t.T/Deny", new Uint8Array(3)).catch((it: unknown) => it);
    expect(error).toMatchObject({ status: { code: GrpcCode.notFound, message: "nö %" } });
  });

  test("an unknown method", async () => {
    const client = await serve();
    const error: unknown = await callUnary(client, "/t.T/Nope", new Uint8Array(3)).catch((it: unknown) => it);
    expect(error).toMatchObject({ status: { code: GrpcCode.unimplemented } });
  });
});
