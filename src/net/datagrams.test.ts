import { expect, test } from "bun:test";
import { settle } from "../../tests/support/settle.ts";
import { datagramsSuite } from "../../tests/suites/datagrams.ts";
import { bunDatagrams } from "./bun-datagrams.ts";
import { MemoryDatagrams } from "./memory-datagrams.ts";

function memory() {
  const network = new MemoryDatagrams();
  const flush = (done: () => boolean): Promise<void> =>
    settle(() => {
      network.flush();
      return done();
    });
  return { network, settle: flush };
}

datagramsSuite("bun", () => ({ network: bunDatagrams, settle }));
datagramsSuite("memory", memory);

test("a name is not looked up", () => {
  const nobody = { onDatagram() {}, onError() {} };
  expect(() => bunDatagrams.connect({ address: "localhost", port: 9 }, nobody)).toThrow(
    "no socket for datagrams to localhost:9: it is no IP address",
  );
});
