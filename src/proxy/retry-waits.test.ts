import { expect, test } from "bun:test";
import { Cluster } from "../xds/proto/cluster.ts";
import { Listener } from "../xds/proto/listener.ts";
import { PreviousPrioritiesConfig } from "../xds/proto/retry-predicates.ts";
import { pack } from "../xds/types/any.ts";
import { httpListener, LOOPBACK, retries, route, routes } from "../../tests/support/proxy-resources.ts";
import { answer, bodyOf, GET, get, OK, scene, statusOf } from "../../tests/support/proxy-scene.ts";

test("an answer that says when to try again is waited for, once", async () => {
  const { rig, backend } = await scene({
    action: {
      retryPolicy: retries("5xx", {
        numRetries: 3,
        rateLimitedRetryBackOff: { resetHeaders: [{ name: "retry-after" }] },
      }),
    },
  });
  const answers = [answer("", "503 No", "retry-after: 2"), answer("", "503 No"), OK];
  const atMs: number[] = [];
  backend.answer = () => {
    atMs.push(rig.clock.nowMs());
    return answers.shift();
  };
  const client = await rig.client();
  client.send(GET);
  for (let i = 0; i < 60; i += 1) await rig.advance(100);
  expect(statusOf(client.take())).toBe(200);
  const [first = 0, second = 0, third = 0] = atMs;
  expect(second - first).toBeWithin(2000, 3101);
  expect(third - second).toBeLessThan(200);
  const waits = ["ratelimited", "exponential"].map((how) => rig.stat(`cluster.app.upstream_rq_retry_backoff_${how}`));
  expect(waits).toEqual([1, 1]);
  await rig.finish();
});

test("retries leave the priorities that they have met, after as many attempts as is said", async () => {
  for (const [updateFrequency, expected] of [
    [1, "0 1 "],
    [2, "0 0 1 "],
  ] as const) {
    const { rig, backends } = await scene({ backends: 2 });
    let seen = "";
    for (const [i, backend] of backends.entries())
      backend.answer = () => {
        seen += `${i} `;
        return i === 0 ? answer("", "503 No") : answer("there");
      };
    const endpoints = backends.map(({ port }, priority) => ({
      priority,
      lbEndpoints: [{ endpoint: { address: { socketAddress: { address: LOOPBACK, portValue: port } } } }],
    }));
    await rig.apply(Cluster, { name: "app", type: "STATIC", loadAssignment: { clusterName: "app", endpoints } });
    const policy = { name: "p", typedConfig: pack(PreviousPrioritiesConfig, { updateFrequency }) };
    const action = { retryPolicy: retries("5xx", { numRetries: 3, retryPriority: policy }) };
    await rig.apply(Listener, httpListener({ routeConfig: routes([route("app", action)]) }));
    const client = await rig.client();
    client.send(get("/"));
    for (let i = 0; i < 10; i += 1) await rig.advance(100);
    expect(bodyOf(client.take())).toBe("there");
    expect(seen).toBe(expected);
    await rig.finish();
  }
});
