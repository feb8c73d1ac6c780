import { memoryNetwork } from "../../tests/support/proxy-rig.ts";
import { settle } from "../../tests/support/settle.ts";
import { tcpSuite } from "../../tests/suites/tcp.ts";
import { bunNetwork } from "../net/bun-network.ts";

tcpSuite("in memory", memoryNetwork, Date.UTC(2026, 0, 1));
tcpSuite("on sockets", (clock) => ({ network: bunNetwork(clock), until: (done) => settle(done) }), Date.now());
