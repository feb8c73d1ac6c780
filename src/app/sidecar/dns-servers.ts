/**
 * Whom a proxy asks for names. Source: `typed_dns_resolver_config` of the bootstrap, of c-ares.
 *
 * @module
 */
import { formatAddress } from "../../base/ip-address.ts";
import type { Bootstrap } from "../../xds/proto/bootstrap.ts";
import { CaresDnsResolverConfig } from "../../xds/proto/dns-resolver.ts";
import { isAny, unpack } from "../../xds/types/any.ts";

/** `10.0.0.1:53`; empty for those of the machine. @throws {Error} For a resolver that is not c-ares, or a server without an address. */
export function dnsServersOf({ typedDnsResolverConfig }: Bootstrap): readonly string[] {
  const config = typedDnsResolverConfig?.typedConfig;
  if (config === undefined) return [];
  if (!isAny(config, CaresDnsResolverConfig))
    throw new Error(`typed_dns_resolver_config: ${config.typeUrl} is not supported: CaresDnsResolverConfig is`);
  return (unpack(config, CaresDnsResolverConfig).resolvers ?? []).map(({ socketAddress }, i) => {
    const { address, portValue: port = 53 } = socketAddress ?? {};
    if (address === undefined)
      throw new Error(`typed_dns_resolver_config.typed_config.resolvers[${i}] must have a socket_address`);
    return formatAddress({ address, port });
  });
}
