/**
 * `envoy.extensions.network.dns_resolver.cares.v3`: whom to ask for names.
 *
 * @module
 */
import { of } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool } from "../types/scalars.ts";
import { Address } from "./core-address.ts";

export const DnsResolverOptions = message("envoy.config.core.v3.DnsResolverOptions", {
  useTcpForDnsLookups: bool(1),
  noDefaultSearchDomain: bool(2),
});
export type DnsResolverOptions = Infer<typeof DnsResolverOptions>;

export const CaresDnsResolverConfig = message("envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig", {
  resolvers: repeated(of(1, Address)),
  dnsResolverOptions: of(2, DnsResolverOptions),
  useResolversAsFallback: bool(3),
  filterUnroutableFamilies: bool(4),
});
export type CaresDnsResolverConfig = Infer<typeof CaresDnsResolverConfig>;
