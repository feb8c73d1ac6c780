import { expect, test } from "bun:test";
import { Cors, CorsPolicy } from "../xds/proto/filter-cors.ts";
import { pack } from "../xds/types/any.ts";
import { get, OK, scene } from "../../tests/support/proxy-scene.ts";

test("origins that may read answers are counted, and those that may not", async () => {
  const policy: CorsPolicy = { allowOriginStringMatch: [{ exact: "https://a" }] };
  const { rig, backend } = await scene({
    manager: { filters: [{ name: "cors", typedConfig: pack(Cors, {}) }] },
    route: { typedPerFilterConfig: { cors: pack(CorsPolicy, policy) } },
  });
  backend.answer = () => OK;
  const client = await rig.client();
  for (const lines of [[], ["origin: https://a"], ["origin: https://b"], ["origin: https://b"]])
    await rig.exchange(client, get("/", ...lines));
  expect([rig.stat("http.in.cors.origin_valid"), rig.stat("http.in.cors.origin_invalid")]).toEqual([1, 2]);
  await rig.finish();
});
