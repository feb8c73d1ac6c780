/**
 * The sockets that a load is sent through.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { bunNetwork } from "../../net/bun-network.ts";
import type { Network } from "../../net/socket.ts";

export const loadNetwork = (clock: Clock): Network => bunNetwork(clock);
