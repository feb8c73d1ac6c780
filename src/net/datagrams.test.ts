import { expect, test } from "bun:test";
import { join } from "node:path";
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

test.skipIf(process.platform !== "linux")(
  "sockets leave half of the descriptors to others, however many are wanted",
  async () => {
    const script = `
    import { bunDatagrams } from ${JSON.stringify(join(import.meta.dir, "bun-datagrams.ts"))};
    const connect = () => bunDatagrams.connect({ address: "127.0.0.1", port: 9 }, { onDatagram() {}, onError() {} });
    const open = [];
    let why = "";
    while (why === "") try { open.push(connect()); } catch (error) { why = error.message; }
    open.pop().close();
    connect();
    console.log(open.length + 1, why);
    process.exit(0);`;
    const run = Bun.spawn(["bash", "-c", 'ulimit -n 300; exec "$0" -e "$1"', process.execPath, script], {
      stdout: "pipe",
    });
    expect(await new Response(run.stdout).text()).toBe(
      "150 no socket for datagrams to 127.0.0.1:9: 150 are open, half of the descriptors that this process may have\n",
    );
  },
);
