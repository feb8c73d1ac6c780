/**
 * The port of a proxy's admin, as its bootstrap has it.
 *
 * @module
 */
import type { Bootstrap } from "../../xds/proto/bootstrap.ts";

export const adminPort = ({ admin }: Bootstrap): number | undefined => admin?.address?.socketAddress?.portValue;
