import { memoryNetwork } from "../../tests/support/proxy-rig.ts";
import { settle } from "../../tests/support/settle.ts";
import { proxySuite } from "../../tests/suites/proxy.ts";
import { bunNetwork } from "../net/bun-network.ts";

proxySuite("in memory", memoryNetwork, Date.UTC(2026, 0, 1));
proxySuite("on sockets", (clock) => ({ network: bunNetwork(clock), until: (done) => settle(done) }), Date.now());
