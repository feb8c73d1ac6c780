import { describe, expect, test } from "bun:test";
import { DomainTable } from "./domains.ts";

describe("domains of virtual hosts", () => {
  const table = new DomainTable<string>();
  for (const domain of ["reviews", "www.foo.com", "*.foo.com", "*-bar.foo.com", "foo.*", "foo.bar.*", "*"]) {
    table.add(domain, domain, () => "domains");
  }
  const rows: readonly (readonly [string, string])[] = [
    ["reviews", "reviews"],
    ["REVIEWS", "reviews"],
    ["www.foo.com", "www.foo.com"],
    ["x.foo.com", "*.foo.com"],
    ["x-bar.foo.com", "*-bar.foo.com"],
    // A wildcard stands for a character at least.
    ["-bar.foo.com", "*.foo.com"],
    [".foo.com", "*"],
    ["foo.org", "foo.*"],
    ["foo.bar.org", "foo.bar.*"],
    ["foo.", "*"],
    ["reviews:9080", "*"],
    ["", "*"],
  ];
  for (const [host, domain] of rows) test(`${host} goes to ${domain}`, () => expect(table.find(host)).toBe(domain));

  test("a domain in two virtual hosts is refused", () => {
    for (const domain of ["Reviews", "*.FOO.com", "foo.*", "*"]) {
      expect(() => table.add(domain, "x", () => "virtual_hosts[1].domains[0]")).toThrow(
        /^virtual_hosts\[1\]\.domains\[0\]: must be in one virtual host only/,
      );
    }
  });

  test("a wildcard in the middle is refused", () => {
    for (const domain of ["a*b", "", "*a*", "**.a"])
      expect(() => table.add(domain, "x", () => "d")).toThrow("d: must be");
  });

  test("without * other hosts have none", () => expect(new DomainTable<string>().find("a")).toBeUndefined());
});
