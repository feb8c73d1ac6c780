import { TestCa } from "../../tests/support/certificates.ts";
import { settle } from "../../tests/support/settle.ts";
import { networkSuite, type TlsMaterial } from "../../tests/suites/network.ts";
import { systemClock } from "../base/clock.ts";
import { bunNetwork } from "./bun-network.ts";
import { MemoryNetwork } from "./memory-network.ts";

function makeMaterial(): TlsMaterial {
  const ca = new TestCa();
  const other = new TestCa();
  const serverId = "spiffe://cluster.local/ns/default/sa/server";
  const clientId = "spiffe://cluster.local/ns/default/sa/client";
  return {
    server: ca.svid(serverId),
    client: ca.svid(clientId),
    trustedCaPem: ca.bundlePem,
    stranger: other.svid(clientId),
    expired: ca.expiredSvid(clientId),
    serverId,
    clientId,
  };
}

function memory() {
  const network = new MemoryNetwork(systemClock);
  const flush = (done: () => boolean): Promise<void> =>
    settle(() => {
      network.flush();
      return done();
    });
  return { network, settle: flush };
}

const material = makeMaterial();
networkSuite("bun", () => ({ network: bunNetwork(systemClock), settle }), material);
networkSuite("memory", memory, material);
