import { expect, test } from "bun:test";
import { service, stateOf, withLoopbacks, workload } from "../../../tests/support/mesh.ts";
import { serviceEnvironment } from "./service-environment.ts";

const environmentOf = (namespace: string, ...documents: readonly string[]): Record<string, string> => {
  const { mesh, instances } = withLoopbacks(stateOf(workload("client", "v1", [], namespace), ...documents));
  const [client] = instances;
  if (client === undefined) throw new Error("no client");
  return serviceEnvironment(client, mesh.services);
};

test("an application is told each port of each service of its namespace, as by Kubernetes", () => {
  expect(environmentOf("default", service("order-db", ["tcp-main:5432", "http-admin:8080"]))).toEqual({
    ORDER_DB_SERVICE_HOST: "127.0.0.1",
    ORDER_DB_SERVICE_PORT: "30000",
    ORDER_DB_SERVICE_PORT_TCP_MAIN: "30000",
    ORDER_DB_SERVICE_PORT_HTTP_ADMIN: "30001",
  });
});

test("services of other namespaces have it in their name, and never take another's", () => {
  const found = environmentOf("default", service("db", ["tcp:1"], "far"), service("db-far", ["tcp:2"]));
  expect(found["DB_FAR_SERVICE_PORT"]).toBe("30001");
  expect(found["DB_SERVICE_PORT"]).toBeUndefined();
  expect(environmentOf("default", service("db", ["tcp:1"], "far"))["DB_FAR_SERVICE_PORT_TCP"]).toBe("30000");
});

test("a service without a loopback port is not told", () => {
  const { mesh, instances } = stateOf(workload("client", "v1", []), service("db", ["tcp:1"]));
  expect(instances.map((i) => serviceEnvironment(i, mesh.services))).toEqual([{}]);
});
