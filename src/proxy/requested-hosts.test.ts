import { expect, test } from "bun:test";
import { ScriptedResolver } from "../../tests/support/scripted-resolver.ts";
import { silentLog } from "../base/log.ts";
import { ManualClock } from "../base/manual-clock.ts";
import { EndpointSet } from "../engine/cluster/endpoints.ts";
import type { DynamicHosts, NameSettings } from "../engine/cluster/names.ts";
import { DnsNames } from "./dns-names.ts";
import { RequestedHosts } from "./requested-hosts.ts";

test("a request that ends on a closed cluster leaves no lookup behind, though another knows the name", () => {
  const clock = new ManualClock();
  const resolver = new ScriptedResolver();
  const dns = new DnsNames({ resolver, clock, random: () => 0, log: silentLog });
  const names: NameSettings = { family: "V4_ONLY", refreshMs: 1000, respectsTtl: false, failure: undefined };
  const settings: DynamicHosts = { names, hostTtlMs: 1000, maxHosts: 10, defaultPort: 80 };
  const hosts = new RequestedHosts(settings, new EndpointSet(), dns, () => false);
  const endpoint = hosts.endpointOf("app.test", 0);
  const stop = dns.watch("app.test", names, () => {});
  resolver.found("10.0.0.1");
  hosts.close();
  const found: string[] = [];
  if (endpoint !== undefined)
    hosts.lookup(endpoint)(
      (address) => found.push(address),
      (why) => expect.unreachable(why),
    );
  expect(found).toEqual(["10.0.0.1"]);
  stop();
  expect(clock.pendingTimers).toBe(0);
});
