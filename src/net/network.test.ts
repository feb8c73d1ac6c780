import { TestCa } from "../../tests/support/certificates.ts";
import { settle } from "../../tests/support/settle.ts";
import { networkSuite, type TlsMaterial } from "../../tests/suites/network.ts";
import { systemClock } from "../base/clock.ts";
import { listenToGive } from "./bun-handover.ts";
import { bunNetwork } from "./bun-network.ts";
import { descriptorChannel, descriptorPair } from "./descriptor-channel.ts";
import { HandedNetwork } from "./handed-network.ts";
import { MemoryNetwork } from "./memory-network.ts";
import type { Network } from "./socket.ts";

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

/** Accepts, hands over and serves in one process. */
function handed() {
  const { channel, otherFd } = descriptorPair();
  let lastTag = 0;
  const inner = new HandedNetwork(descriptorChannel(otherFd), systemClock, {
    onListening: (_, tag) => void (lastTag = tag),
    onDeaf: () => {},
    onEnded: () => {},
  });
  const listen: Network["listen"] = async (options, onConnection) => {
    const serving = await inner.listen(options, onConnection);
    const tag = lastTag;
    const accepting = listenToGive(options, (fd) => {
      channel.send(fd, tag);
      inner.take();
    });
    const close = (): void => {
      accepting.close();
      serving.close();
    };
    return { port: accepting.port, close };
  };
  return { network: { listen, dial: inner.dial }, settle };
}

const material = makeMaterial();
networkSuite("bun", () => ({ network: bunNetwork(systemClock), settle }), material);
networkSuite("memory", memory, material);
networkSuite("handed over", handed, material);
