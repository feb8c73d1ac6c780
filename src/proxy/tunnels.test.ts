import { memoryNetwork } from "../../tests/support/proxy-rig.ts";
import { settle } from "../../tests/support/settle.ts";
import { tunnelSuite } from "../../tests/suites/tunnels.ts";
import { bunNetwork } from "../net/bun-network.ts";

tunnelSuite("in memory", memoryNetwork);
tunnelSuite("on sockets", (clock) => ({ network: bunNetwork(clock), until: (done) => settle(done) }));
