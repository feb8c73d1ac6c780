/**
 * `envoy.extensions.filters.network.sni_cluster.v3`.
 *
 * @module
 */
import { type Infer, message } from "../types/message.ts";

export const SniCluster = message("envoy.extensions.filters.network.sni_cluster.v3.SniCluster", {});
export type SniCluster = Infer<typeof SniCluster>;
