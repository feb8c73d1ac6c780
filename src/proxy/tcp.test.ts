import type { ManualClock } from "../base/manual-clock.ts";
import { memoryNetwork, type RigNetwork } from "../../tests/support/proxy-rig.ts";
import { settle } from "../../tests/support/settle.ts";
import { tcpSuite } from "../../tests/suites/tcp.ts";
import { tcpTlsSuite } from "../../tests/suites/tcp-tls.ts";
import { bunNetwork } from "../net/bun-network.ts";

const sockets = (clock: ManualClock): RigNetwork => ({ network: bunNetwork(clock), until: (done) => settle(done) });

tcpSuite("TCP in memory", memoryNetwork);
tcpSuite("TCP on sockets", sockets);
tcpTlsSuite("TLS in memory", memoryNetwork, Date.UTC(2026, 0, 1));
tcpTlsSuite("TLS on sockets", sockets, Date.now());
