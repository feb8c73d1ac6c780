import { expect, test } from "bun:test";
import { TestCa } from "../../tests/support/certificates.ts";
import { settle } from "../../tests/support/settle.ts";
import { systemClock } from "../base/clock.ts";
import { bunNetwork } from "./bun-network.ts";
import { type ClientTls, deafHandler, type ServerTls } from "./socket.ts";

const ca = new TestCa();
const { certChainPem, privateKeyPem } = ca.svid("spiffe://cluster.local/ns/default/sa/a");
const serverTls: ServerTls = {
  certChainPem,
  privateKeyPem,
  trustedCaPem: undefined,
  requireClientCertificate: false,
  alpn: [],
  refusePeer: undefined,
};
const clientTls: ClientTls = {
  certChainPem: undefined,
  privateKeyPem: undefined,
  trustedCaPem: ca.bundlePem,
  sni: undefined,
  alpn: [],
  refusePeer: () => undefined,
};

test.each(["plaintext", "TLS"])("a handler that throws loses its connection, and nothing else: %s", async (kind) => {
  const network = bunNetwork(systemClock);
  const ends: string[] = [];
  const onData = (chunk: Uint8Array): void => {
    if (chunk.length === 5) throw new Error("a fault of ours");
    ends.push("served");
  };
  const onClose = (error: Error | undefined): void => void ends.push(error?.message ?? "closed");
  const isTls = kind === "TLS";
  const listener = await network.listen(
    { address: "127.0.0.1", port: 0, ...(isTls ? { tls: () => serverTls } : {}) },
    (socket) => void (socket.handler = { ...deafHandler, onData, onClose }),
  );
  const send = (text: string): void =>
    network.dial(
      { address: "127.0.0.1", port: listener.port, connectTimeoutMs: 5000, ...(isTls ? { tls: clientTls } : {}) },
      (socket) => {
        socket.handler = { ...deafHandler, onClose: () => void ends.push("client closed") };
        socket.write(Buffer.from(text));
      },
      (error) => void ends.push(error.message),
    );
  send("throw");
  await settle(() => ends.length === 2);
  send("go on");
  send("good");
  await settle(() => ends.length >= 5);
  expect(ends.toSorted()).toEqual(["a fault of ours", "a fault of ours", "client closed", "client closed", "served"]);
  listener.close();
});
