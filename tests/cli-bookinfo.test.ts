/**
 * The example: its documents say nothing wrong, each kind that can be read is among them, and its programs work together
 * behind any forward proxy.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { formatProblem } from "../src/base/problem.ts";
import { analyze } from "../src/config/analyze.ts";
import { loadDocuments } from "../src/config/load.ts";
import { readFiles } from "../src/config/read-folder.ts";

const folder = join(import.meta.dir, "../examples/bookinfo");

describe("the documents of the example", () => {
  const { files, problems } = readFiles([folder]);
  const loaded = loadDocuments(files);

  test("have no problem and no warning, alone and together", () => {
    expect([...problems, ...loaded.problems, ...analyze(loaded)].map(formatProblem)).toEqual([]);
  });

  test("show every kind that is read", () => {
    expect([...new Set(loaded.documents.map((d) => d.kind))].sort()).toEqual([
      "AuthorizationPolicy",
      "ConfigTest",
      "DestinationRule",
      "Gateway",
      "Mesh",
      "PeerAuthentication",
      "Secret",
      "Service",
      "TrafficSplit",
      "VirtualService",
      "Workload",
    ]);
    expect(loaded.documents.filter((d) => d.status !== "applied")).toEqual([]);
  });

  test("start programs that are there, each under an identity of its service", () => {
    for (const workload of loaded.mesh.workloads.filter(({ gateway }) => gateway === undefined)) {
      const program = workload.process?.command[1] ?? "";
      expect(program).toBe(`${workload.labels["app"]}.ts`);
      expect(Bun.file(join(workload.process?.workingFolder ?? "", program)).size).toBeGreaterThan(0);
      expect(workload.serviceAccount).toBe(`bookinfo-${workload.labels["app"]}`);
    }
  });
});

describe("the programs of the example", () => {
  const children: Bun.Subprocess[] = [];
  /** Where each name leads; what is missing is down. */
  const routes = new Map<string, string>();
  let proxy: Bun.Server<undefined>;

  async function start(app: string, version: string): Promise<string> {
    const child = Bun.spawn([process.execPath, `${app}.ts`], {
      cwd: folder,
      env: { PORT: "0", VERSION: version, http_proxy: proxy.url.origin, HTTP_PROXY: proxy.url.origin },
      stdout: "pipe",
      stderr: "inherit",
    });
    children.push(child);
    for await (const chunk of child.stdout) {
      const url = /http:\S+/.exec(Buffer.from(chunk).toString())?.[0];
      if (url !== undefined) return url.replace(/\/$/, "");
    }
    throw new Error(`${app} ended without saying where it listens`);
  }

  beforeAll(async () => {
    proxy = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const url = new URL(request.url);
        const to = routes.get(url.host);
        if (to === undefined) return new Response("no healthy upstream", { status: 503 });
        const { status, headers, body } = await fetch(to + url.pathname, { headers: request.headers, proxy: "" });
        return new Response(body, { status, headers });
      },
    });
    const [page, details, v1, v2, v3, ratings] = await Promise.all([
      start("productpage", "v1"),
      start("details", "v1"),
      start("reviews", "v1"),
      start("reviews", "v2"),
      start("reviews", "v3"),
      start("ratings", "v1"),
    ]);
    for (const [name, url] of Object.entries({ page, details, v1, v2, v3, ratings })) routes.set(name, url);
    routes.set("details:9080", details);
    routes.set("reviews:9080", v1);
    routes.set("ratings:9080", ratings);
  });

  afterAll(async () => {
    for (const child of children) child.kill();
    await Promise.all(children.map((c) => c.exited));
    await proxy.stop(true);
  });

  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${routes.get("page")}${path}`, { headers, redirect: "manual" });

  async function withRoute(name: string, to: string | undefined, run: () => Promise<void>): Promise<void> {
    const before = routes.get(name) ?? "";
    if (to === undefined) routes.delete(name);
    else routes.set(name, to);
    await run().finally(() => routes.set(name, before));
  }

  test("the page shows details and reviews, with stars by version", async () => {
    const plain = await get("/productpage");
    expect(plain.headers.get("x-reviews-version")).toBe("v1");
    const html = await plain.text();
    expect(html).toContain("Hetzel");
    expect(html).toContain("Conseil");
    expect(html).not.toContain('class="stars');
    for (const [version, color] of [
      ["v2", "black"],
      ["v3", "red"],
    ] as const) {
      await withRoute("reviews:9080", routes.get(version), async () => {
        const answer = await get("/productpage?id=2");
        expect(answer.headers.get("x-reviews-version")).toBe(version);
        expect(await answer.text()).toContain(`class="stars ${color}" aria-label="5 of 5 stars"`);
      });
    }
  });

  test("the visitor is named by the query, the header or the cookie, and nothing but a name gets through", async () => {
    const shown = async (path: string, headers: Record<string, string> = {}): Promise<string | undefined> =>
      /signed in as <b>(.*?)<\/b>/.exec(await (await get(path, headers)).text())?.[1];
    expect(await shown("/productpage?u=jason")).toBe("jason");
    expect(await shown("/productpage", { "end-user": "jason" })).toBe("jason");
    expect(await shown("/productpage", { cookie: "a=b; user=jason" })).toBe("jason");
    expect(await shown("/productpage?u=", { cookie: "user=jason" })).toBeUndefined();
    expect(await shown("/productpage?u=%3Cb%3E%0d%0aX:y")).toBeUndefined();
    expect((await get("/productpage?u=jason")).headers.get("set-cookie")).toStartWith("user=jason;");
  });

  test("the visitor's headers go along with each call, and no others", async () => {
    const seen: Headers[] = [];
    const echo = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        seen.push(request.headers);
        return Response.json({ version: "echo", reviews: [] });
      },
    });
    await withRoute("reviews:9080", echo.url.origin, async () => {
      await get("/productpage?u=jason", { traceparent: "00-1-2-01", "x-request-id": "7", cookie: "secret=1" });
    });
    await echo.stop(true);
    const headers = seen[0] ?? new Headers();
    expect(["end-user", "traceparent", "x-request-id", "cookie"].map((n) => headers.get(n))).toEqual([
      "jason",
      "00-1-2-01",
      "7",
      null,
    ]);
  });

  test.each(["details", "reviews", "ratings"])(
    "the page says that %s is not available, and shows the rest",
    async (name) => {
      await withRoute("reviews:9080", routes.get("v2"), () =>
        withRoute(`${name}:9080`, undefined, async () => {
          const answer = await get("/productpage");
          expect(answer.status).toBe(200);
          const html = await answer.text();
          expect(html).toContain(`<b>${name}</b> is not available`);
          expect(html.match(/is not available right now/g)?.length).toBe(name === "ratings" ? 2 : 1);
          expect(html).toContain(name === "details" ? "Conseil" : "Hetzel");
        }),
      );
    },
  );

  test("the same as JSON", async () => {
    expect((await get("/")).headers.get("x-reviews-version")).toBe("v1");
    expect(await (await get("/api/v1/products")).json()).toHaveLength(2);
    expect((await get("/api/v1/products/9")).status).toBe(404);
    expect(await (await get("/api/v1/products/1/reviews")).json()).toMatchObject({ id: 1, version: "v1" });
    expect(await (await get("/api/v1/products/1/ratings")).json()).toEqual({
      id: 1,
      ratings: { Conseil: 5, "Ned Land": 3 },
    });
    await withRoute("ratings:9080", undefined, async () => {
      const refused = await get("/api/v1/products/1/ratings");
      expect(refused.status).toBe(502);
      expect(await refused.json()).toEqual({
        error: "ratings is not available: it answered 503 (no healthy upstream)",
      });
    });
    for (const name of ["page", "details", "v1", "ratings"])
      expect((await fetch(`${routes.get(name)}/health`)).status).toBe(200);
  });

  test("a rating can be changed, by stars that make sense", async () => {
    const post = (body: string): Promise<Response> =>
      fetch(`${routes.get("ratings")}/ratings/2`, { method: "POST", body });
    expect(await (await post('{"Aouda": 4}')).json()).toMatchObject({ ratings: { Aouda: 4, Passepartout: 5 } });
    for (const bad of ["", "[]", "7", '{"Aouda": 6}', '{"Aouda": "4"}']) expect((await post(bad)).status).toBe(400);
  });
});
