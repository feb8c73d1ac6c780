import { describe, expect, test } from "bun:test";
import { type RequestPlan, targetOf } from "./target.ts";

const plan: RequestPlan = {
  url: "http://reviews:9080/reviews/1?a=b",
  method: "GET",
  headers: [],
  bodyBytes: 0,
  proxy: undefined,
};
const sent = (p: Partial<RequestPlan>): string => Buffer.from(targetOf({ ...plan, ...p }).request).toString("latin1");

describe("the request", () => {
  test("goes to the host itself, or in absolute form to a proxy", () => {
    expect(targetOf(plan)).toMatchObject({ address: "reviews", port: 9080, isHead: false });
    expect(sent({})).toBe("GET /reviews/1?a=b HTTP/1.1\r\nhost: reviews:9080\r\n\r\n");
    const proxied = { proxy: "http://127.0.0.1:15001" };
    expect(targetOf({ ...plan, ...proxied })).toMatchObject({ address: "127.0.0.1", port: 15_001 });
    expect(sent(proxied)).toStartWith("GET http://reviews:9080/reviews/1?a=b HTTP/1.1\r\nhost: reviews:9080\r\n");
  });

  test("has the headers and the body that were asked for", () => {
    expect(sent({ method: "POST", headers: [["End-User", "jason"]], bodyBytes: 3 })).toBe(
      "POST /reviews/1?a=b HTTP/1.1\r\nhost: reviews:9080\r\nEnd-User: jason\r\ncontent-length: 3\r\n\r\nxxx",
    );
    expect(sent({ headers: [["Host", "other"]] })).toBe("GET /reviews/1?a=b HTTP/1.1\r\nHost: other\r\n\r\n");
    expect(targetOf({ ...plan, method: "HEAD" }).isHead).toBe(true);
  });

  test("knows default ports and addresses in brackets", () => {
    expect(targetOf({ ...plan, url: "http://[::1]/" })).toMatchObject({ address: "::1", port: 80 });
    expect(sent({ url: "http://[::1]" })).toStartWith("GET / HTTP/1.1\r\nhost: [::1]\r\n");
  });

  test.each([
    [{ url: "reviews:9080" }, "the URL must be like http://"],
    [{ url: "https://reviews" }, "the URL must be like http://"],
    [{ url: "http://me:secret@reviews/" }, "must not have a user or a password"],
    [{ proxy: "127.0.0.1" }, "the proxy must be like http://"],
    [{ method: "GET /" }, "is not a method"],
    [{ headers: [["a b", "c"]] as const }, "is not the name of a header"],
    [{ headers: [["a", "b\r\nc: d"]] as const }, "the header a has a character that may not stand in a value"],
    [{ headers: [["Content-Length", "4"]] as const }, "is written by the load generator itself"],
    [{ bodyBytes: -1 }, "a body may have 0 to"],
  ])("%j is refused", (p: Partial<RequestPlan>, message) => {
    expect(() => targetOf({ ...plan, ...p })).toThrow(message);
  });
});
